"""The interface of all weight files: named entries that can be listed without reading values."""

from __future__ import annotations

import math
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from layercli.core.limits import MOST_DIMENSIONS
from layercli.errors import UsageError, nearest

if TYPE_CHECKING:
    import numpy as np

#: The bits of one value, by dtype.
BITS: dict[str, int] = {
    "bool": 8,
    **{f"{kind}{bits}": bits for kind in ("int", "uint") for bits in (2, 4)},
    "float4_e2m1fn": 4,
    "float6_e2m3fn": 6,
    "float6_e3m2fn": 6,
    "float8_e4m3fn": 8,
    "float8_e4m3fnuz": 8,
    "float8_e5m2": 8,
    "float8_e5m2fnuz": 8,
    "float8_e8m0fnu": 8,
    "bfloat16": 16,
    **{f"float{bits}": bits for bits in (16, 32, 64)},
    **{f"int{bits}": bits for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": bits for bits in (8, 16, 32, 64)},
    "complex64": 64,
    "complex128": 128,
}

#: numpy's limit on bytes.
MOST_BYTES = 2**63 - 1


UNKNOWN_DTYPE = "of the unknown dtype "
"""How what a tensor is begins (``TensorEntry.opaque``) where its dtype is not known."""


class TensorEntry(NamedTuple):
    """One tensor of a weight file: its ``path`` (``encoder/dense/kernel``), its shape and its dtype as stored.

    ``held`` is its stored size if the dtype does not determine it; ``same_as`` is the path of an earlier entry with the same
    bytes.

    >>> TensorEntry("dense/kernel", (4, 3), "bfloat16").bytes
    24
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    held: int | None = None
    same_as: str | None = None
    opaque: str | None = None
    """What it is, if it is no plain array of numbers and its values are not read: ``a sparse tensor``."""

    def __repr__(self) -> str:
        """Return what every tensor has."""
        return f"TensorEntry(path={self.path!r}, shape={self.shape!r}, dtype={self.dtype!r})"

    @property
    def size(self) -> int:
        """The number of values: the product of the shape, 1 for a scalar."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """The size of its values in bytes, uncompressed."""
        return -(-self.size * BITS[self.dtype] // 8) if self.held is None else self.held

    @property
    def unreadable(self) -> str | None:
        """Why its values cannot be read; None if they can."""
        if self.opaque is not None:
            return f"it is {self.opaque}"
        return f"each takes {bits} bits" if (bits := BITS.get(self.dtype, 8)) < 8 else None

    @property
    def fits(self) -> bool:
        """Whether an array of this shape can exist, ignoring sizes of 0."""
        if len(self.shape) > MOST_DIMENSIONS:
            return False
        if 0 < math.prod(self.shape) <= MOST_BYTES // 16:
            return True
        if any(size > MOST_BYTES for size in self.shape):
            return False
        return math.prod(size for size in self.shape if size) * BITS[self.dtype] // 8 <= MOST_BYTES


TensorKind = tuple[tuple[int, ...], str] | tuple[tuple[int, ...], str, int | None, str | None, str | None]
"""The fields of an entry but for its path: the shape, the dtype, and the others where they are not None."""


class TensorEntries(Mapping[str, TensorEntry]):
    """Entries by path, each made when it is asked for: ``kinds`` holds what they are, which many tensors have in common.

    >>> TensorEntries({"kernel": ((4, 3), "float32")})["kernel"].bytes
    48
    """

    def __init__(self, kinds: dict[str, TensorKind]) -> None:
        self.kinds = kinds

    @cached_property
    def _made(self) -> dict[str, TensorEntry]:
        return {path: TensorEntry(path, *kind) for path, kind in self.kinds.items()}

    def __getitem__(self, path: str) -> TensorEntry:
        return TensorEntry(path, *self.kinds[path])

    def __iter__(self) -> Iterator[str]:
        return iter(self.kinds)

    def __len__(self) -> int:
        return len(self.kinds)

    def __contains__(self, path: object) -> bool:
        return path in self.kinds

    def keys(self) -> KeysView[str]:
        """Return the paths."""
        return self.kinds.keys()

    def values(self) -> ValuesView[TensorEntry]:
        """Return all entries."""
        return self._made.values()

    def items(self) -> ItemsView[str, TensorEntry]:
        """Return all entries with their paths."""
        return self._made.items()


def is_sizes(value: object, kind: type[list[object]] | type[tuple[object, ...]]) -> bool:
    """Whether ``value`` is a list, or a tuple, of non-negative integers."""
    if not isinstance(value, kind):
        return False
    for size in value:  # noqa: SIM110 - a generator costs more than the loop, for each of 100,000 tensors
        if type(size) is not int or size < 0:
            return False
    return True


def kinds_of(entries: Mapping[str, TensorEntry]) -> dict[str, TensorKind]:
    """Return what each entry is, by its path."""
    if isinstance(entries, TensorEntries):
        return entries.kinds
    return {path: entry[1:] for path, entry in entries.items()}


def shapes_of(entries: Mapping[str, TensorEntry]) -> dict[str, tuple[int, ...]]:
    """Return the shape of each entry, by its path."""
    return {path: kind[0] for path, kind in kinds_of(entries).items()}


class WeightFile(Protocol):
    """A file of named tensors; opening one reads only its headers.

    ``bfloat16`` and 8-bit floats, which numpy lacks, are read as ``float32``.
    """

    file: Path

    @property
    def entries(self) -> Mapping[str, TensorEntry]:
        """What it holds, by path, in its order."""

    def read(self, path: str) -> np.ndarray:
        """Return the values of the entry ``path``, read-only, and memory-mapped if the file allows.

        Raises UsageError for a path the file does not hold, FileError or FormatError if its bytes cannot be read.
        """

    def chunks(self, path: str, values: int = 1 << 20) -> Iterator[np.ndarray]:
        """Yield the values of the entry ``path`` in the file's order, flat, at most ``values`` at a time.

        Memory stays bounded by one chunk. Raises as ``read`` does.
        """


def missing(file: Path, path: str, entries: Mapping[str, TensorEntry]) -> UsageError:
    """Return the error for an entry that ``file`` does not hold."""
    return UsageError(f"{file} holds no entry {path!r}", hint=nearest(path, list(entries)))
