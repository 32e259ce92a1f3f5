"""Gemma 3, its text model: Gemma Team, 2025 (arXiv:2503.19786): five blocks with a window to one without, two rotary bases."""

from __future__ import annotations

from collections.abc import Mapping

from layercli.dataclass import dataclass
from layercli.models.causal_lm import CausalLM, causal_lm
from layercli.models.gemma2 import Gemma2Config, differences
from layercli.models.llama import decoder_of, rope_of
from layercli.models.reading import Size, read
from layercli.models.windows import FULL, SLIDING, windows_of


@dataclass(frozen=True)
class Gemma3Config(Gemma2Config):
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 262_208
    max_position_embeddings: Size = 131_072
    sliding_window_pattern: Size = 6
    rope_local_base_freq: float = 10_000.0
    final_logit_softcapping: float | None = None
    attn_logit_softcapping: float | None = None


def model(given: Mapping[str, object], architecture: str | None = None) -> CausalLM:
    """Return the model that a config describes."""
    config = read(Gemma3Config, given)
    local = [bool((i + 1) % config.sliding_window_pattern) for i in range(config.num_hidden_layers)]
    own = given.get("rope_parameters")
    near = {"rope_parameters": own} if own else {"rope_theta": config.rope_local_base_freq}  # no scaling in older files
    decoder = decoder_of(
        config,
        rope_of(given, config, base=1_000_000.0, kind=FULL),
        local_rope=rope_of(near, config, kind=SLIDING),
        windows=windows_of(config.layer_types, config.sliding_window, local),
        head_norm=True,
        **differences(config),
    )
    return causal_lm(decoder, given, architecture)
