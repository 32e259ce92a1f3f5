"""Phi-3: Abdin et al., 2024 (arXiv:2404.14219): fused projections for query, key and value, and for gate and up."""

from __future__ import annotations

from collections.abc import Mapping

from layercli.dataclass import dataclass
from layercli.models.causal_lm import CausalLM, causal_lm
from layercli.models.llama import decoder_of, head_size
from layercli.models.reading import Count, Depth, Epsilon, Size, read
from layercli.models.rope import parameters, rope


@dataclass(frozen=True)
class Phi3Config:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 32_064
    hidden_size: Size = 3072
    intermediate_size: Size = 8192
    num_hidden_layers: Depth = 32
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = None
    hidden_act: str = "silu"
    max_position_embeddings: Size = 4096
    original_max_position_embeddings: Size = 4096
    rms_norm_eps: Epsilon = 1e-5
    tie_word_embeddings: bool = False
    sliding_window: Size | None = None
    pad_token_id: Count | None = 32_000


def model(given: Mapping[str, object], architecture: str | None = None) -> CausalLM:
    """Return the model that a config describes; in the first files ``su`` and ``yarn`` mean ``longrope``."""
    config = read(Phi3Config, given)
    turning = parameters(given)
    turning["original_max_position_embeddings"] = config.original_max_position_embeddings
    if turning["rope_type"] in ("su", "yarn"):
        turning["rope_type"] = "longrope"
    decoder = decoder_of(
        config,
        rope(turning, head_size(config), config.max_position_embeddings),
        fused=True,
        windows=(config.sliding_window,) * config.num_hidden_layers,
    )
    return causal_lm(decoder, given, architecture)
