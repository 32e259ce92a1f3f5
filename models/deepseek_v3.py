"""DeepSeek-V3 and R1: DeepSeek-AI, 2024 (arXiv:2412.19437): latent attention, group-limited experts, a shared expert."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.models.causal_lm import CausalLM, causal_lm
from layercli.models.causal_lm_settings import CausalLMDecoder
from layercli.models.latent import Latent
from layercli.models.llama import decoder_of
from layercli.models.mixture import Experts
from layercli.models.reading import Count, Depth, Epsilon, Size, at_most, divided, read
from layercli.models.rope import parameters, rope, yarn_scale


@dataclass(frozen=True)
class DeepseekV3Config:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 129_280
    hidden_size: Size = 7168
    intermediate_size: Size = 18_432
    moe_intermediate_size: Size = 2048
    num_hidden_layers: Depth = 61
    num_attention_heads: Size = 128
    num_key_value_heads: Size | None = 128
    n_shared_experts: Count = 1
    n_routed_experts: Size = 256
    routed_scaling_factor: float = 2.5
    kv_lora_rank: Size = 512
    q_lora_rank: Size | None = 1536
    qk_rope_head_dim: Size = 64
    v_head_dim: Size = 128
    qk_nope_head_dim: Size = 128
    n_group: Size = 8
    topk_group: Size = 4
    num_experts_per_tok: Size = 8
    first_k_dense_replace: Count = 3
    norm_topk_prob: bool = True
    hidden_act: str = "silu"
    max_position_embeddings: Size = 4096
    rms_norm_eps: Epsilon = 1e-6
    tie_word_embeddings: bool = False
    rope_interleave: bool = True
    attention_bias: bool = False
    pad_token_id: Count | None = None


def experts_of(config: Any, **choice: Any) -> tuple[Experts | None, ...]:
    """Return the experts of each block; the first blocks have none."""
    at_most("num_experts_per_tok", config.num_experts_per_tok, "n_routed_experts", config.n_routed_experts)
    experts = Experts(
        config.n_routed_experts,
        config.num_experts_per_tok,
        config.moe_intermediate_size,
        factor=config.routed_scaling_factor,
        shared=config.n_shared_experts * config.moe_intermediate_size,
        activation=config.hidden_act,
        **choice,
    )
    if experts.groups > 1:
        divided("n_routed_experts", experts.count, "n_group", experts.groups)
        at_most("topk_group", experts.kept_groups, "n_group", experts.groups)
    depth = config.num_hidden_layers
    return tuple(experts if i >= config.first_k_dense_replace else None for i in range(depth))


def latent_decoder(
    config: Any, given: Mapping[str, object], interleaved: bool, **differences: object
) -> CausalLMDecoder:
    """Return the decoder of a config with DeepSeek's names."""
    latent = Latent(
        config.q_lora_rank, config.kv_lora_rank, config.qk_nope_head_dim, config.qk_rope_head_dim, config.v_head_dim,
        interleaved,
    )  # fmt: skip
    positions = parameters(given)
    scale = (latent.plain + latent.rotary) ** -0.5
    if positions["rope_type"] != "default" and positions.get("mscale_all_dim"):
        if "factor" not in positions:
            raise FormatError("config.json has rope_parameters with mscale_all_dim and no factor")
        scale *= yarn_scale(positions["factor"], positions["mscale_all_dim"]) ** 2
    return decoder_of(
        config,
        rope(positions, latent.rotary, config.max_position_embeddings),
        head_size=latent.plain + latent.rotary,
        latent=latent,
        scale=scale,
        input_bias=config.attention_bias,
        output_bias=config.attention_bias,
        **differences,
    )


def model(given: Mapping[str, object], architecture: str | None = None) -> CausalLM:
    """Return the model that a config describes, without the multi-token prediction block, which only training uses."""
    config = read(DeepseekV3Config, given)
    experts = experts_of(
        config,
        normalized=config.norm_topk_prob,
        scores="sigmoid",
        groups=config.n_group,
        kept_groups=config.topk_group,
        corrected=True,
    )
    found = causal_lm(latent_decoder(config, given, config.rope_interleave, experts=experts), given, architecture)
    found.ignored = (*CausalLM.ignored, f"layers.{config.num_hidden_layers}.")
    return found
