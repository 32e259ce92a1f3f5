"""A dataset in two parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from layercli.errors import UsageError
from layercli.lazy import torch


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Any, Any]:
    """Return the first samples and the last ones, each as a torch Dataset.

    Args:
        dataset: An array, a list or tuple of arrays of one length, or a torch Dataset.
        left_size: How many samples the first part has: a number, or a share from 0 to 1.
        right_size: The same for the second part; by default what is left.
        shuffle: Whether to shuffle the samples before.
        seed: The seed of the shuffling.
        preferred_backend: Accepted as in Keras.

    >>> left, right = split_dataset(np.arange(10), left_size=0.8)
    >>> len(left), [int(x) for x in right]
    (8, [8, 9])
    """
    if preferred_backend not in (None, "torch"):
        raise UsageError(f"layercli computes with torch alone, not with {preferred_backend!r}")
    samples = dataset
    if isinstance(dataset, (list, tuple)):
        if len({len(part) for part in dataset}) > 1:
            raise UsageError("split_dataset expects arrays of one length")
        samples = torch.utils.data.TensorDataset(*(torch.as_tensor(np.asarray(part)) for part in dataset))
    if not hasattr(samples, "__len__") or not hasattr(samples, "__getitem__"):
        raise UsageError(f"split_dataset expects arrays or a torch Dataset, got {type(dataset).__name__}")
    left, right = sizes(len(samples), left_size, right_size)
    order = np.random.RandomState(seed).permutation(len(samples)) if shuffle else np.arange(len(samples))
    kept = order.tolist()
    subset = torch.utils.data.Subset
    return subset(samples, kept[:left]), subset(samples, kept[len(kept) - right :] if right else [])


def sizes(total: int, left: float | None, right: float | None) -> tuple[int, int]:
    """Return how many samples each part has.

    >>> sizes(10, 0.75, None), sizes(10, None, 3), sizes(10, 2, 4)
    ((8, 2), (7, 3), (2, 4))
    """
    if left is None and right is None:
        raise UsageError("split_dataset needs left_size or right_size")
    counts: list[int | None] = []
    for name, size in (("left_size", left), ("right_size", right)):
        if size is not None and not 0 <= size <= (1 if isinstance(size, float) else total):
            raise UsageError(f"{name} is a share from 0 to 1 or a number of samples up to {total}, got {size}")
        counts.append(None if size is None else round(size * total) if isinstance(size, float) else size)
    first, second = counts
    first = total - (second or 0) if first is None else first
    second = total - first if second is None else second
    if first + second > total:
        raise UsageError(f"left_size and right_size take {first + second} of {total} samples")
    return first, second
