"""DeepSeek-V2: DeepSeek-AI, 2024 (arXiv:2405.04434): latent attention, shared experts and routed ones."""

from __future__ import annotations

from collections.abc import Mapping

from layercli.dataclass import dataclass
from layercli.models.causal_lm import CausalLM, causal_lm
from layercli.models.deepseek_v3 import experts_of, latent_decoder
from layercli.models.reading import Count, Depth, Epsilon, Size, one_of, read


@dataclass(frozen=True)
class DeepseekV2Config:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 102_400
    hidden_size: Size = 4096
    intermediate_size: Size = 11_008
    moe_intermediate_size: Size = 1407
    num_hidden_layers: Depth = 32
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = None
    n_shared_experts: Count = 2
    n_routed_experts: Size = 64
    routed_scaling_factor: float = 1.0
    kv_lora_rank: Size = 512
    q_lora_rank: Size | None = 1536
    qk_rope_head_dim: Size = 64
    v_head_dim: Size = 128
    qk_nope_head_dim: Size = 128
    n_group: Size | None = None
    topk_group: Size | None = None
    topk_method: str = "greedy"
    num_experts_per_tok: Size = 8
    first_k_dense_replace: Count = 0
    hidden_act: str = "silu"
    max_position_embeddings: Size = 2048
    rms_norm_eps: Epsilon = 1e-6
    tie_word_embeddings: bool = False
    attention_bias: bool = False
    mlp_bias: bool = False
    pad_token_id: Count | None = None


def model(given: Mapping[str, object], architecture: str | None = None) -> CausalLM:
    """Return the model that a config describes."""
    config = read(DeepseekV2Config, given)
    grouped = one_of("topk_method", config.topk_method, ("greedy", "group_limited_greedy")) != "greedy"
    experts = experts_of(
        config,
        normalized=False,
        groups=(config.n_group or 1) if grouped else 1,
        kept_groups=(config.topk_group or 1) if grouped else 1,
    )
    decoder = latent_decoder(config, given, True, experts=experts, hidden_bias=config.mlp_bias)
    return causal_lm(decoder, given, architecture)
