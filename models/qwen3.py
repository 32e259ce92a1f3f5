"""Qwen3: Yang et al., 2025 (arXiv:2505.09388): queries and keys are normalized, head by head."""

from __future__ import annotations

from collections.abc import Mapping

from layercli.dataclass import dataclass
from layercli.models.causal_lm import CausalLM, causal_lm
from layercli.models.llama import decoder_of, rope_of
from layercli.models.qwen2 import Qwen2Config, windows
from layercli.models.reading import Size, read


@dataclass(frozen=True)
class Qwen3Config(Qwen2Config):
    """The entries of ``config.json``; defaults are those of transformers."""

    head_dim: Size | None = 128
    attention_bias: bool = False


def model(given: Mapping[str, object], architecture: str | None = None) -> CausalLM:
    """Return the model that a config describes."""
    config = read(Qwen3Config, given)
    decoder = decoder_of(
        config,
        rope_of(given, config),
        input_bias=config.attention_bias,
        output_bias=config.attention_bias,
        head_norm=True,
        windows=windows(config),
    )
    return causal_lm(decoder, given, architecture)
