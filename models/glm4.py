"""GLM-4-0414: GLM Team, 2024 (arXiv:2406.12793): half of each head is rotated, in interleaved pairs; four norms in a block."""

from __future__ import annotations

from collections.abc import Mapping

from layercli.dataclass import dataclass
from layercli.models.causal_lm import CausalLM, causal_lm
from layercli.models.llama import decoder_of, rope_of
from layercli.models.reading import Count, Depth, Epsilon, Size, read

RENAMED = {
    **CausalLM.renamed,
    "post_attention_layernorm": "post_self_attn_layernorm",
    "pre_feedforward_layernorm": "post_attention_layernorm",
    "post_feedforward_layernorm": "post_mlp_layernorm",
}
"""The checkpoint's names of the norms: what Gemma 2 calls ``post_attention`` is another norm here."""


@dataclass(frozen=True)
class Glm4Config:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 151_552
    hidden_size: Size = 4096
    intermediate_size: Size = 13_696
    num_hidden_layers: Depth = 40
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = 2
    head_dim: Size = 128
    hidden_act: str = "silu"
    max_position_embeddings: Size = 131_072
    rms_norm_eps: Epsilon = 0.00000015625
    tie_word_embeddings: bool = False
    attention_bias: bool = True
    pad_token_id: Count | None = 151_329


def model(given: Mapping[str, object], architecture: str | None = None) -> CausalLM:
    """Return the model that a config describes."""
    config = read(Glm4Config, given)
    decoder = decoder_of(
        config,
        rope_of({"partial_rotary_factor": 0.5, **given}, config),
        input_bias=config.attention_bias,
        fused_network=True,
        interleaved=True,
        sandwich=True,
    )
    found = causal_lm(decoder, given, architecture)
    found.renamed = RENAMED
    return found
