"""Batches made on request."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from layercli.errors import UsageError


class PyDataset:
    """Batches made on request: subclass it and write ``__len__`` and ``__getitem__(index)``, which returns a batch.

    A batch is ``x``, ``(x, y)`` or ``(x, y, sample_weight)``. ``fit`` takes the batches in another order in each epoch, unless
    ``shuffle`` is False. With ``workers`` above 1 that many threads make the batches that come next, with
    ``use_multiprocessing`` that many processes, at most ``max_queue_size`` of them ahead. A ``num_batches`` of None says that
    there is no end.

    >>> import numpy as np
    >>> class Squares(PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, index):
    ...         return np.full((2, 1), index), np.full((2, 1), index**2)
    >>> [int(y[0, 0]) for _, y in Squares()]
    [0, 1, 4]
    """

    workers = 1
    use_multiprocessing = False
    max_queue_size = 10

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> Any:
        """Return the batch of that number."""
        raise NotImplementedError(f"{type(self).__name__} needs a __getitem__(index) that returns a batch")

    def __iter__(self) -> Iterator[Any]:
        """Yield the batches in turn."""
        length = self.num_batches
        yield from (self[index] for index in (count() if length is None else range(length)))

    @property
    def num_batches(self) -> int | None:
        """How many batches there are, None where there is no end."""
        if not hasattr(self, "__len__"):
            raise UsageError(
                f"{type(self).__name__} needs a __len__ or num_batches that says how many batches there are"
            )
        return len(self)

    def on_epoch_begin(self) -> None:
        """Hear that an epoch begins."""

    def on_epoch_end(self) -> None:
        """Hear that an epoch has ended."""
