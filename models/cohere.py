"""Command R: Cohere, 2024 (huggingface.co/CohereForAI/c4ai-command-r-v01): attention and network beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.dataclass import dataclass
from layercli.models.causal_lm import CausalLM, causal_lm
from layercli.models.causal_lm_settings import CausalLMDecoder
from layercli.models.llama import decoder_of, rope_of
from layercli.models.pretrained import UnknownArchitectureError
from layercli.models.reading import Count, Depth, Epsilon, Size, read


@dataclass(frozen=True)
class CohereConfig:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 256_000
    hidden_size: Size = 8192
    intermediate_size: Size = 22_528
    logit_scale: float | None = 0.0625
    num_hidden_layers: Depth = 40
    num_attention_heads: Size = 64
    num_key_value_heads: Size | None = None
    hidden_act: str = "silu"
    max_position_embeddings: Size = 8192
    layer_norm_eps: Epsilon = 1e-5
    tie_word_embeddings: bool = True
    attention_bias: bool = False
    use_qk_norm: bool = False
    pad_token_id: Count | None = 0

    @property
    def rms_norm_eps(self) -> float:
        """Llama's name for the epsilon of the norms."""
        return self.layer_norm_eps


def beside(config: CohereConfig, given: Mapping[str, object], **differences: Any) -> CausalLMDecoder:
    """Return the settings of a decoder whose attention and network stand beside each other."""
    return decoder_of(
        config,
        rope_of(given, config),
        input_bias=config.attention_bias,
        output_bias=config.attention_bias,
        layer_norm=True,
        norm_bias=False,
        parallel=True,
        interleaved=True,
        logit_scale=config.logit_scale,
        **differences,
    )


def model(given: Mapping[str, object], architecture: str | None = None) -> CausalLM:
    """Return the model that a config describes."""
    config = read(CohereConfig, given)
    if config.use_qk_norm:
        raise UnknownArchitectureError("layercli does not implement Cohere models with use_qk_norm")
    return causal_lm(beside(config, given), given, architecture)
