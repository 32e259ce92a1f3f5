"""Qwen2: Yang et al., 2024 (arXiv:2407.10671): biases on queries, keys and values, a window in the later blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.dataclass import dataclass
from layercli.models.causal_lm import CausalLM, causal_lm
from layercli.models.llama import decoder_of, rope_of
from layercli.models.reading import Count, Depth, Epsilon, Names, Size, read
from layercli.models.windows import windows_of


@dataclass(frozen=True)
class Qwen2Config:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 151_936
    hidden_size: Size = 4096
    intermediate_size: Size = 22_016
    num_hidden_layers: Depth = 32
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = 32
    hidden_act: str = "silu"
    max_position_embeddings: Size = 32_768
    rms_norm_eps: Epsilon = 1e-6
    tie_word_embeddings: bool = False
    use_sliding_window: bool = False
    sliding_window: Size | None = 4096
    max_window_layers: Count = 28
    layer_types: Names | None = None
    pad_token_id: Count | None = None


def windows(config: Any) -> tuple[int | None, ...]:
    """Return the window of each block: those from ``max_window_layers`` on have one, if windows are enabled."""
    if not config.use_sliding_window:
        return (None,) * config.num_hidden_layers
    late = [i >= config.max_window_layers for i in range(config.num_hidden_layers)]
    return windows_of(config.layer_types, config.sliding_window, late)


def model(given: Mapping[str, object], architecture: str | None = None) -> CausalLM:
    """Return the model that a config describes."""
    config = read(Qwen2Config, given)
    decoder = decoder_of(config, rope_of(given, config), input_bias=True, windows=windows(config))
    return causal_lm(decoder, given, architecture)
