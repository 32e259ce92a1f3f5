"""Mistral: Jiang et al., 2023 (arXiv:2310.06825), with a sliding window; and Mixtral's experts: 2024 (arXiv:2401.04088)."""

from __future__ import annotations

from collections.abc import Mapping

from layercli.dataclass import dataclass
from layercli.models.causal_lm import CausalLM, causal_lm
from layercli.models.llama import decoder_of, rope_of
from layercli.models.reading import Count, Depth, Epsilon, Size, read


@dataclass(frozen=True)
class MistralConfig:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 32_000
    hidden_size: Size = 4096
    intermediate_size: Size = 14_336
    num_hidden_layers: Depth = 32
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = 8
    head_dim: Size | None = None
    hidden_act: str = "silu"
    max_position_embeddings: Size = 131_072
    rms_norm_eps: Epsilon = 1e-6
    tie_word_embeddings: bool = False
    sliding_window: Size | None = 4096
    pad_token_id: Count | None = None


def model(given: Mapping[str, object], architecture: str | None = None) -> CausalLM:
    """Return the model that a config describes."""
    config = read(MistralConfig, given)
    windows = (config.sliding_window,) * config.num_hidden_layers
    return causal_lm(decoder_of(config, rope_of(given, config), windows=windows), given, architecture)
