"""Command R7B: Cohere, 2024 (huggingface.co/CohereLabs/c4ai-command-r7b-12-2024): Command R with sliding windows.

Every fourth block attends to all steps, and has no positions; the others have rotary positions.
"""

from __future__ import annotations

from collections.abc import Mapping

from layercli.dataclass import dataclass
from layercli.models.causal_lm import CausalLM, causal_lm
from layercli.models.cohere import CohereConfig, beside
from layercli.models.reading import Names, Size, read
from layercli.models.windows import windows_of


@dataclass(frozen=True)
class Cohere2Config(CohereConfig):
    """The entries of ``config.json``; defaults are those of transformers."""

    sliding_window: Size | None = 4096
    sliding_window_pattern: Size = 4
    layer_types: Names | None = None


def model(given: Mapping[str, object], architecture: str | None = None) -> CausalLM:
    """Return the model that a config describes."""
    config = read(Cohere2Config, given)
    usual = [(i + 1) % config.sliding_window_pattern != 0 for i in range(config.num_hidden_layers)]
    windows = windows_of(config.layer_types, config.sliding_window, usual)
    decoder = beside(config, given, windows=windows, rotary=tuple(window is not None for window in windows))
    return causal_lm(decoder, given, architecture)
