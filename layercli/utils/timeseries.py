"""Windows of a series as batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from layercli.core.types import TensorTree
from layercli.errors import UsageError
from layercli.utils.py_dataset import PyDataset


class WindowDataset(PyDataset):
    """Batches of windows of a series: ``starts`` says where each begins, ``offsets`` which steps of it are taken."""

    def __init__(
        self, data: Any, targets: TensorTree, starts: np.ndarray, offsets: np.ndarray, batch_size: int | None
    ) -> None:
        super().__init__()
        self.data, self.targets = data, targets
        self.starts, self.offsets, self.batch_size = starts, offsets, batch_size

    def __len__(self) -> int:
        return -(-len(self.starts) // (self.batch_size or 1))

    def __getitem__(self, index: int) -> Any:
        """Return the batch of that number."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        if self.batch_size is None:
            places: Any = self.starts[index]
        else:
            places = self.starts[index * self.batch_size : (index + 1) * self.batch_size]
        windows = self.data[np.asarray(places)[..., None] + self.offsets]
        return windows if self.targets is None else (windows, self.targets[places])


def timeseries_dataset_from_array(
    data: Any,
    targets: TensorTree,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> PyDataset:
    """Return windows of a series (steps, ...), to iterate over or to pass to fit.

    Args:
        data: The series.
        targets: The target of the window that begins at each step, or None.
        sequence_length: The number of steps in a window.
        sequence_stride: The distance between the beginnings of windows.
        sampling_rate: The distance between the steps of a window.
        batch_size: The number of windows in a batch; None for one window at a time, without a batch axis.
        shuffle: Whether to shuffle the windows, once.
        seed: The seed of the shuffling.
        start_index: The first step to use.
        end_index: The step before which to end.
        format: Accepted as in Keras.

    >>> windows = timeseries_dataset_from_array(np.arange(6), np.arange(6)[2:], 2, batch_size=3)
    >>> [(x.tolist(), y.tolist()) for x, y in windows]
    [([[0, 1], [1, 2], [2, 3]], [2, 3, 4]), ([[3, 4]], [5])]
    """
    first, last = start_index or 0, len(data) if end_index is None else end_index
    if not 0 <= first < last <= len(data):
        raise UsageError(
            f"start_index and end_index expect steps from 0 to {len(data)}, got {start_index}, {end_index}"
        )
    for name, value in (("sampling_rate", sampling_rate), ("sequence_stride", sequence_stride)):
        if not 0 < value < len(data):
            raise UsageError(f"{name} must be from 1 to {len(data) - 1}, got {value}")
    if format not in ("tf", "grain"):
        raise UsageError(f"format is tf or grain, got {format!r}")
    windows = last - first - (sequence_length - 1) * sampling_rate
    windows = windows if targets is None else min(windows, len(targets))
    starts = np.arange(0, windows, sequence_stride)
    if shuffle:
        np.random.RandomState(seed).shuffle(starts)
    offsets = np.arange(0, sequence_length * sampling_rate, sampling_rate)
    held = None if targets is None else np.asarray(targets)[first:last]
    return WindowDataset(np.asarray(data)[first:last], held, starts, offsets, batch_size)
