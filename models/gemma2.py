"""Gemma 2: Gemma Team, 2024 (arXiv:2408.00118): every other block has a window, scores and logits are capped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.dataclass import dataclass
from layercli.models.causal_lm import CausalLM, causal_lm
from layercli.models.llama import decoder_of, rope_of
from layercli.models.reading import Count, Depth, Epsilon, Names, Size, read
from layercli.models.windows import windows_of


@dataclass(frozen=True)
class Gemma2Config:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 256_000
    hidden_size: Size = 2304
    intermediate_size: Size = 9216
    num_hidden_layers: Depth = 26
    num_attention_heads: Size = 8
    num_key_value_heads: Size | None = 4
    head_dim: Size = 256
    hidden_activation: str = "gelu_pytorch_tanh"
    max_position_embeddings: Size = 8192
    rms_norm_eps: Epsilon = 1e-6
    tie_word_embeddings: bool = True
    attention_bias: bool = False
    query_pre_attn_scalar: Size = 256
    sliding_window: Size | None = 4096
    layer_types: Names | None = None
    final_logit_softcapping: float | None = 30.0
    attn_logit_softcapping: float | None = 50.0
    pad_token_id: Count | None = 0


def differences(config: Any) -> dict[str, object]:
    """Return the differences of Gemma 2 and 3 from Llama, except windows."""
    return {
        "activation": config.hidden_activation,
        "input_bias": config.attention_bias,
        "output_bias": config.attention_bias,
        "scale": config.query_pre_attn_scalar**-0.5,
        "score_cap": config.attn_logit_softcapping,
        "logit_cap": config.final_logit_softcapping,
        "shifted_norm": True,
        "sandwich": True,
        "embedding_scale": config.hidden_size**0.5,
    }


def model(given: Mapping[str, object], architecture: str | None = None) -> CausalLM:
    """Return the model that a config describes."""
    config = read(Gemma2Config, given)
    first = [i % 2 == 0 for i in range(config.num_hidden_layers)]
    windows = windows_of(config.layer_types, config.sliding_window, first)
    decoder = decoder_of(config, rope_of(given, config), windows=windows, **differences(config))
    return causal_lm(decoder, given, architecture)
