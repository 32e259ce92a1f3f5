"""Gemma: Gemma Team, 2024 (arXiv:2403.08295): normalizations scale by 1 + weight, embeddings by the root of the width."""

from __future__ import annotations

from collections.abc import Mapping

from layercli.dataclass import dataclass
from layercli.models.causal_lm import CausalLM, causal_lm
from layercli.models.llama import decoder_of, rope_of
from layercli.models.reading import Count, Depth, Epsilon, Size, read


@dataclass(frozen=True)
class GemmaConfig:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 256_000
    hidden_size: Size = 3072
    intermediate_size: Size = 24_576
    num_hidden_layers: Depth = 28
    num_attention_heads: Size = 16
    num_key_value_heads: Size | None = 16
    head_dim: Size = 256
    hidden_act: str = "gelu_pytorch_tanh"
    max_position_embeddings: Size = 8192
    rms_norm_eps: Epsilon = 1e-6
    tie_word_embeddings: bool = True
    attention_bias: bool = False
    pad_token_id: Count | None = 0


def model(given: Mapping[str, object], architecture: str | None = None) -> CausalLM:
    """Return the model that a config describes; in the first files ``gelu`` means its tanh approximation."""
    config = read(GemmaConfig, given)
    decoder = decoder_of(
        config,
        rope_of(given, config),
        activation="gelu_pytorch_tanh" if config.hidden_act == "gelu" else config.hidden_act,
        input_bias=config.attention_bias,
        output_bias=config.attention_bias,
        shifted_norm=True,
        embedding_scale=config.hidden_size**0.5,
    )
    return causal_lm(decoder, given, architecture)
