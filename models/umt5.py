"""UMT5: Chung et al., "UniMax", 2023 (arXiv:2304.09151): mT5 with a position bias in each block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from layercli.dataclass import dataclass
from layercli.models.mt5 import Mt5Config
from layercli.models.t5 import T5, T5Config, T5Encoder, described


@dataclass(frozen=True)
class Umt5Config(Mt5Config):
    """The entries of ``config.json``; defaults are those of transformers."""

    own_biases: ClassVar[bool] = True
    tied = T5Config.tied


def model(given: Mapping[str, object], architecture: str | None = None) -> T5 | T5Encoder:
    """Return the model that a config describes."""
    return described(Umt5Config, given, architecture)
