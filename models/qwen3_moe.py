"""Qwen3 with experts: Yang et al., 2025 (arXiv:2505.09388)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from layercli.dataclass import dataclass
from layercli.models.causal_lm import CausalLM, causal_lm
from layercli.models.llama import decoder_of, rope_of
from layercli.models.mixture import experts_of
from layercli.models.reading import Count, Depth, Epsilon, Integers, Size, read


@dataclass(frozen=True)
class Qwen3MoeConfig:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 151_936
    hidden_size: Size = 2048
    intermediate_size: Size = 6144
    num_hidden_layers: Depth = 24
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = 4
    head_dim: Size | None = None
    hidden_act: str = "silu"
    max_position_embeddings: Size = 32_768
    rms_norm_eps: Epsilon = 1e-6
    tie_word_embeddings: bool = False
    attention_bias: bool = False
    use_sliding_window: bool = False
    sliding_window: Size | None = 4096
    decoder_sparse_step: Size = 1
    moe_intermediate_size: Size = 768
    num_experts_per_tok: Size = 8
    num_experts: Count = 128
    norm_topk_prob: bool = False
    mlp_only_layers: Integers = field(default_factory=list)
    pad_token_id: Count | None = None

    aliases = {"num_experts": ("num_local_experts",)}


def model(given: Mapping[str, object], architecture: str | None = None) -> CausalLM:
    """Return the model that a config describes."""
    config = read(Qwen3MoeConfig, given)
    decoder = decoder_of(
        config,
        rope_of(given, config),
        input_bias=config.attention_bias,
        output_bias=config.attention_bias,
        head_norm=True,
        windows=(config.sliding_window if config.use_sliding_window else None,) * config.num_hidden_layers,
        experts=experts_of(config),
    )
    return causal_lm(decoder, given, architecture)
