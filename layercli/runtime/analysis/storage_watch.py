"""Which storages a traced run allocates, and when its code drops each: Python decides how long a tensor lives."""

from __future__ import annotations

import weakref
from typing import Any

import torch

from layercli.runtime.analysis.fake_tensors import FakeTensor


class StorageWatch:
    """Numbers the storages of the tensors that operations take and give, and notes after how many operations each was freed.

    A number is given once: a new storage at the address of a freed one gets another. Views share their storage, and a tensor
    without values has that of its meta tensor.
    """

    def __init__(self) -> None:
        self.operations = 0
        self.sizes: dict[int, int] = {}
        """The bytes of each storage."""
        self.made: dict[int, int] = {}
        """The index of the operation that gave each storage; one that was there before has none."""
        self.freed: dict[int, int] = {}
        """After how many operations each storage was freed; those that are live have none."""
        self._numbers: dict[int, int] = {}
        self._references: dict[int, Any] = {}
        self._kept: list[torch.Tensor] = []

    def number(self, x: torch.Tensor) -> int:
        """Return the number of the storage of a tensor."""
        if isinstance(x, FakeTensor):
            x = x.meta
        if x.layout is not torch.strided:
            self._kept.append(x)  # another tensor could get its address
            return -id(x)
        storage = x.untyped_storage()
        key = int(storage._cdata)
        if key not in self._numbers:
            found = self._numbers[key] = len(self.sizes)
            self.sizes[found] = storage.nbytes()
            self._references[key] = weakref.ref(storage, lambda _: self._drop(key))
        return self._numbers[key]

    def result(self, x: torch.Tensor) -> int:
        """Return the number of the storage of a result of the operation that runs."""
        known = len(self.sizes)
        found = self.number(x)
        if found == known:
            self.made[found] = self.operations
        return found

    def _drop(self, key: int) -> None:
        self.freed[self._numbers.pop(key)] = self.operations
        self._references.pop(key, None)
