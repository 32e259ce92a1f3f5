"""Qwen1.5-MoE and Qwen2 with experts: Yang et al., 2024 (arXiv:2407.10671): an expert for every token has a gate of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from layercli.dataclass import dataclass
from layercli.models.causal_lm import CausalLM, causal_lm
from layercli.models.llama import decoder_of, rope_of
from layercli.models.mixture import experts_of
from layercli.models.qwen2 import windows
from layercli.models.reading import Count, Depth, Epsilon, Integers, Names, Size, read


@dataclass(frozen=True)
class Qwen2MoeConfig:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 151_936
    hidden_size: Size = 2048
    intermediate_size: Size = 5632
    num_hidden_layers: Depth = 24
    num_attention_heads: Size = 16
    num_key_value_heads: Size | None = 16
    hidden_act: str = "silu"
    max_position_embeddings: Size = 32_768
    rms_norm_eps: Epsilon = 1e-6
    tie_word_embeddings: bool = False
    qkv_bias: bool = True
    use_sliding_window: bool = False
    sliding_window: Count | None = 4096  # written as 0 where no window is used
    max_window_layers: Count = 28
    layer_types: Names | None = None
    decoder_sparse_step: Size = 1
    moe_intermediate_size: Size = 1408
    shared_expert_intermediate_size: Size = 5632
    num_experts_per_tok: Size = 4
    num_experts: Count = 60
    norm_topk_prob: bool = False
    mlp_only_layers: Integers = field(default_factory=list)
    pad_token_id: Count | None = None


def model(given: Mapping[str, object], architecture: str | None = None) -> CausalLM:
    """Return the model that a config describes."""
    config = read(Qwen2MoeConfig, given)
    decoder = decoder_of(
        config,
        rope_of(given, config),
        input_bias=config.qkv_bias,
        windows=windows(config),
        experts=experts_of(config, shared=config.shared_expert_intermediate_size, gated_shared=True),
    )
    return causal_lm(decoder, given, architecture)
