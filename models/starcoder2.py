"""StarCoder2: Lozhkov et al., 2024 (arXiv:2402.19173): LayerNorm, biases, and a feed-forward network without a gate."""

from __future__ import annotations

from collections.abc import Mapping

from layercli.dataclass import dataclass
from layercli.models.causal_lm import CausalLM, causal_lm
from layercli.models.llama import decoder_of, rope_of
from layercli.models.reading import Count, Depth, Epsilon, Size, read


@dataclass(frozen=True)
class Starcoder2Config:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 49_152
    hidden_size: Size = 3072
    intermediate_size: Size = 12_288
    num_hidden_layers: Depth = 30
    num_attention_heads: Size = 24
    num_key_value_heads: Size | None = 2
    hidden_act: str = "gelu_pytorch_tanh"
    max_position_embeddings: Size = 4096
    norm_epsilon: Epsilon = 1e-5
    tie_word_embeddings: bool = True
    use_bias: bool = True
    sliding_window: Size | None = None
    pad_token_id: Count | None = None

    @property
    def rms_norm_eps(self) -> float:
        """Llama's name for the epsilon of the norms."""
        return self.norm_epsilon


def model(given: Mapping[str, object], architecture: str | None = None) -> CausalLM:
    """Return the model that a config describes."""
    config = read(Starcoder2Config, given)
    decoder = decoder_of(
        config,
        rope_of(given, config),
        input_bias=config.use_bias,
        output_bias=config.use_bias,
        hidden_bias=config.use_bias,
        layer_norm=True,
        plain=True,
        windows=(config.sliding_window,) * config.num_hidden_layers,
    )
    return causal_lm(decoder, given, architecture)
