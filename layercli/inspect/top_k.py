"""The most likely classes of a classifier: the highest values along the last axis of its output."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from layercli.core.types import JSONObject
from layercli.dataclass import dataclass
from layercli.errors import FormatError, UsageError
from layercli.formats.json_numbers import json_number
from layercli.formats.os_errors import reading

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Guess:
    """One class for one item of the batch: ``rank`` 1 is the most likely."""

    item: int
    rank: int
    index: int
    label: str | None
    value: float

    def to_json(self) -> JSONObject:
        """Return the guess as JSON has it."""
        return {
            "item": self.item,
            "rank": self.rank,
            "class": self.index,
            "label": self.label,
            "value": json_number(self.value),
        }


def top(array: np.ndarray, count: int, labels: list[str] | None = None) -> list[Guess]:
    """Return the ``count`` highest classes of each item of ``array``, [batch, classes]; ties go to the lower index.

    NaN sorts below every other value. UsageError for an array of another rank, or a wrong number of labels.
    """
    import numpy as np

    if array.ndim != 2:
        raise UsageError(f"--top needs an output of [batch, classes], got the shape {array.shape}")
    if labels is not None and len(labels) != array.shape[1]:
        raise UsageError(f"there are {len(labels)} labels for {array.shape[1]} classes")
    values = np.where(np.isnan(array), -np.inf, array) if array.dtype.kind == "f" else array
    order = np.argsort(values[:, ::-1], axis=1, kind="stable")[:, ::-1]
    indices = array.shape[1] - 1 - order[:, :count]
    return [
        Guess(item, rank, int(index), None if labels is None else labels[index], array[item, index].item())
        for item, row in enumerate(indices)
        for rank, index in enumerate(row, 1)
    ]


def read_labels(path: str) -> list[str]:
    """Return the class names in a file, one per line."""
    file = Path(path)
    with reading(file):
        try:
            return file.read_text("utf-8").splitlines()
        except UnicodeDecodeError:
            raise FormatError(f"{path} is not text, one label a line") from None
