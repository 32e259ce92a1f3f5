"""Preprocessing and the names of classes, for networks trained on ImageNet."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from layercli import ops
from layercli.applications.preprocessing import MODES
from layercli.core.types import TensorLike
from layercli.errors import FormatError, ShapeError, UsageError
from layercli.models.applications.pretrained_weights import downloaded

__all__ = ["decode_predictions", "preprocess_input"]

CLASS_INDEX = "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json"
CLASSES = 1000


def preprocess_input(x: TensorLike, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Return images of values from 0 to 255 as a network wants them that was trained in ``mode``: "caffe", "tf" or "torch"."""
    if mode not in MODES:
        raise UsageError(f"mode is one of {', '.join(map(repr, MODES))}, got {mode!r}")
    return MODES[mode](x, data_format)


def decode_predictions(preds: TensorLike, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """Return for each row of ``preds`` (images, 1000) its ``top`` classes as (WordNet ID, name, score), the best first.

    The names are read from ``imagenet_class_index.json`` in Keras's folder; FileError says where to get it.
    """
    scores = np.asarray(ops.convert_to_numpy(preds))
    if scores.ndim != 2 or scores.shape[1] != CLASSES:
        raise ShapeError(f"decode_predictions expects predictions (images, {CLASSES}), got the shape {scores.shape}")
    names = class_index(downloaded("decode_predictions", CLASS_INDEX))
    return [[(*names[i], row[i]) for i in np.argsort(-row, kind="stable")[:top]] for row in scores]


@cache
def class_index(path: Path) -> list[tuple[str, str]]:
    """Return the WordNet ID and the name of each class; FormatError for a file that has none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return [(str(found[str(i)][0]), str(found[str(i)][1])) for i in range(CLASSES)]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise FormatError(f"{path} is not an index of ImageNet's {CLASSES} classes") from None
