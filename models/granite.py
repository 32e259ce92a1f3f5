"""Granite: IBM Research, 2024 (github.com/ibm-granite/granite-3.0-language-models): Llama with a factor at each sum."""

from __future__ import annotations

from collections.abc import Mapping

from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.models.causal_lm import CausalLM, causal_lm
from layercli.models.llama import LlamaConfig, decoder_of, rope_of
from layercli.models.reading import read


@dataclass(frozen=True)
class GraniteConfig(LlamaConfig):
    """The entries of ``config.json`` beside those of Llama; defaults are those of transformers."""

    embedding_multiplier: float = 1.0
    logits_scaling: float = 1.0
    residual_multiplier: float = 1.0
    attention_multiplier: float = 1.0


def model(given: Mapping[str, object], architecture: str | None = None) -> CausalLM:
    """Return the model that a config describes."""
    config = read(GraniteConfig, given)
    if not config.logits_scaling:
        raise FormatError("config.json has logits_scaling = 0, by which logits are divided")
    decoder = decoder_of(
        config,
        rope_of(given, config),
        input_bias=config.attention_bias,
        output_bias=config.attention_bias,
        hidden_bias=config.mlp_bias,
        scale=config.attention_multiplier,
        embedding_scale=config.embedding_multiplier,
        residual_scale=config.residual_multiplier,
        logit_scale=1 / config.logits_scaling,
    )
    return causal_lm(decoder, given, architecture)
