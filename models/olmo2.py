"""OLMo 2: Team OLMo, 2024 (arXiv:2501.00656): outputs of the parts are normalized, and all queries of a step together."""

from __future__ import annotations

from collections.abc import Mapping

from layercli.dataclass import dataclass
from layercli.models.causal_lm import CausalLM, causal_lm
from layercli.models.llama import decoder_of, rope_of
from layercli.models.reading import Count, Depth, Epsilon, Size, read


@dataclass(frozen=True)
class Olmo2Config:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 50_304
    hidden_size: Size = 4096
    intermediate_size: Size = 11_008
    num_hidden_layers: Depth = 32
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = None
    hidden_act: str = "silu"
    max_position_embeddings: Size = 2048
    rms_norm_eps: Epsilon = 1e-5
    tie_word_embeddings: bool = False
    attention_bias: bool = False
    pad_token_id: Count | None = 1


def model(given: Mapping[str, object], architecture: str | None = None) -> CausalLM:
    """Return the model that a config describes."""
    config = read(Olmo2Config, given)
    decoder = decoder_of(
        config,
        rope_of(given, config),
        input_bias=config.attention_bias,
        output_bias=config.attention_bias,
        joint_norm=True,
        sandwich=True,
        pre_norm=False,
    )
    return causal_lm(decoder, given, architecture)
