"""Llama: Touvron et al., 2023 (arXiv:2302.13971); the scaling of rotary positions of 3.1: Llama Team, 2024 (arXiv:2407.21783)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.core.types import ConfigLike
from layercli.dataclass import dataclass
from layercli.models.causal_lm import CausalLM, causal_lm
from layercli.models.causal_lm_settings import CausalLMDecoder
from layercli.models.reading import Count, Depth, Epsilon, Size, divided, read
from layercli.models.rope import Rope, parameters, rope


@dataclass(frozen=True)
class LlamaConfig:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 32_000
    hidden_size: Size = 4096
    intermediate_size: Size = 11_008
    num_hidden_layers: Depth = 32
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = None
    head_dim: Size | None = None
    hidden_act: str = "silu"
    max_position_embeddings: Size = 2048
    rms_norm_eps: Epsilon = 1e-6
    tie_word_embeddings: bool = False
    attention_bias: bool = False
    mlp_bias: bool = False
    pad_token_id: Count | None = None


def head_size(config: Any) -> int:
    """The number of features of a head: ``head_dim``, or width / heads."""
    given = getattr(config, "head_dim", None)
    shared = ("hidden_size", config.hidden_size, "num_attention_heads", config.num_attention_heads)
    return given if given is not None else divided(*shared)


def decoder_of(config: Any, positions: Rope, **differences: object) -> CausalLMDecoder:
    """Return the decoder of a config with Llama's names, with ``differences`` of another family applied."""
    heads = config.num_attention_heads
    key_heads = config.num_key_value_heads if config.num_key_value_heads is not None else heads
    divided("num_attention_heads", heads, "num_key_value_heads", key_heads)
    shared = {
        "vocabulary": config.vocab_size,
        "width": config.hidden_size,
        "depth": config.num_hidden_layers,
        "heads": heads,
        "key_heads": key_heads,
        "head_size": head_size(config),
        "hidden": config.intermediate_size,
        "rope": positions,
        "epsilon": config.rms_norm_eps,
        "tied": config.tie_word_embeddings,
        "pad": config.pad_token_id,
    }
    return CausalLMDecoder(**{"activation": getattr(config, "hidden_act", "silu"), **shared, **differences})


def rope_of(given: ConfigLike, config: Any, base: float = 10_000.0, kind: str | None = None) -> Rope:
    """Return the rotary positions of a config with Llama's names."""
    return rope(parameters(given, base, kind), head_size(config), config.max_position_embeddings)


def model(given: Mapping[str, object], architecture: str | None = None) -> CausalLM:
    """Return the model that a config describes."""
    config = read(LlamaConfig, given)
    decoder = decoder_of(
        config,
        rope_of(given, config),
        input_bias=config.attention_bias,
        output_bias=config.attention_bias,
        hidden_bias=config.mlp_bias,
    )
    return causal_lm(decoder, given, architecture)
