"""StableLM 2: Bellagente et al., 2024 (arXiv:2402.17834): LayerNorm, and a quarter of each head is rotated."""

from __future__ import annotations

from collections.abc import Mapping

from layercli.dataclass import dataclass
from layercli.models.causal_lm import CausalLM, causal_lm
from layercli.models.llama import decoder_of, rope_of
from layercli.models.pretrained import UnknownArchitectureError
from layercli.models.reading import Count, Depth, Epsilon, Size, read


@dataclass(frozen=True)
class StableLmConfig:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 50_304
    hidden_size: Size = 2560
    intermediate_size: Size = 6912
    num_hidden_layers: Depth = 32
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = 32
    hidden_act: str = "silu"
    max_position_embeddings: Size = 4096
    layer_norm_eps: Epsilon = 1e-5
    tie_word_embeddings: bool = False
    use_qkv_bias: bool = False
    qk_layernorm: bool = False
    use_parallel_residual: bool = False
    pad_token_id: Count | None = None

    @property
    def rms_norm_eps(self) -> float:
        """Llama's name for the epsilon of the norms."""
        return self.layer_norm_eps


def model(given: Mapping[str, object], architecture: str | None = None) -> CausalLM:
    """Return the model that a config describes."""
    config = read(StableLmConfig, given)
    if config.qk_layernorm:
        raise UnknownArchitectureError("layercli does not implement StableLM models with qk_layernorm")
    decoder = decoder_of(
        config,
        rope_of({"partial_rotary_factor": 0.25, **given}, config),
        input_bias=config.use_qkv_bias,
        layer_norm=True,
        parallel=config.use_parallel_residual,
    )
    return causal_lm(decoder, given, architecture)
