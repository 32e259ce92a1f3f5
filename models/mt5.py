"""mT5: Xue et al., 2020 (arXiv:2010.11934): T5 1.1 of many languages."""

from __future__ import annotations

from collections.abc import Mapping

from layercli.dataclass import dataclass
from layercli.models.reading import Count, Depth, Size
from layercli.models.t5 import T5, T5Config, T5Encoder, described


@dataclass(frozen=True)
class Mt5Config(T5Config):
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 250_112
    d_ff: Size = 1024
    num_layers: Depth = 8
    num_heads: Size = 6
    feed_forward_proj: str = "gated-gelu"
    decoder_start_token_id: Count | None = 0

    @property
    def tied(self) -> bool:
        """Whether the embedding projects to the vocabulary: the projection is its own in every file, whatever the config has."""
        return False


def model(given: Mapping[str, object], architecture: str | None = None) -> T5 | T5Encoder:
    """Return the model that a config describes."""
    return described(Mt5Config, given, architecture)
