"""SmolLM3: Hugging Face, 2025 (huggingface.co/blog/smollm3): Llama without rotary positions in every fourth block."""

from __future__ import annotations

from collections.abc import Mapping

from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.models.causal_lm import CausalLM, causal_lm
from layercli.models.llama import decoder_of, rope_of
from layercli.models.reading import Count, Depth, Epsilon, Integers, Names, Size, read
from layercli.models.windows import windows_of


@dataclass(frozen=True)
class SmolLM3Config:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 128_256
    hidden_size: Size = 2048
    intermediate_size: Size = 11_008
    num_hidden_layers: Depth = 36
    num_attention_heads: Size = 16
    num_key_value_heads: Size | None = 4
    hidden_act: str = "silu"
    max_position_embeddings: Size = 32_768
    rms_norm_eps: Epsilon = 1e-6
    tie_word_embeddings: bool = True
    attention_bias: bool = False
    mlp_bias: bool = False
    use_sliding_window: bool = False
    sliding_window: Size | None = None
    no_rope_layers: Integers | None = None
    no_rope_layer_interval: Size = 4
    layer_types: Names | None = None
    pad_token_id: Count | None = 128_004

    @property
    def rotary(self) -> tuple[bool, ...]:
        """Whether each block has rotary positions: ``no_rope_layers`` is 1 for those that do."""
        if self.no_rope_layers is None:
            return tuple((i + 1) % self.no_rope_layer_interval != 0 for i in range(self.num_hidden_layers))
        if len(self.no_rope_layers) < self.num_hidden_layers:
            raise FormatError(
                f"config.json has {len(self.no_rope_layers)} no_rope_layers for {self.num_hidden_layers} layers"
            )
        return tuple(each != 0 for each in self.no_rope_layers[: self.num_hidden_layers])


def model(given: Mapping[str, object], architecture: str | None = None) -> CausalLM:
    """Return the model that a config describes."""
    config = read(SmolLM3Config, given)
    rotary = config.rotary
    sliding = [config.use_sliding_window and config.sliding_window is not None and not each for each in rotary]
    decoder = decoder_of(
        config,
        rope_of(given, config, base=2_000_000.0),
        input_bias=config.attention_bias,
        output_bias=config.attention_bias,
        hidden_bias=config.mlp_bias,
        rotary=rotary,
        windows=windows_of(config.layer_types, config.sliding_window, sliding),
    )
    return causal_lm(decoder, given, architecture)
