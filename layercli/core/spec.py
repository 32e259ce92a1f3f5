"""Spec: the shape and the dtype of a tensor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from layercli.core import dims, dtypes
from layercli.core.dims import Size
from layercli.dataclass import dataclass
from layercli.errors import ShapeError

Shape: TypeAlias = tuple[Size, ...]


@dataclass(frozen=True, slots=True)
class Spec:
    """A shape and a dtype.

    >>> print(Spec((dims.Dim.named("B"), 7), "float32"))
    float32[None, 7]
    """

    shape: Shape
    dtype: str = "float32"

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> Size:
        """The number of values."""
        return _size(tuple(self.shape))

    @property
    def bytes(self) -> Size:
        """The memory of the values in bytes."""
        return _bytes(tuple(self.shape), self.dtype)

    def at(self, values: Mapping[str, Size]) -> Spec:
        """Return the spec with the unknowns in ``values`` replaced."""
        return Spec(tuple(dims.at(size, values) for size in self.shape), self.dtype)

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(sizes_text(self.shape))}]"


@lru_cache(maxsize=4096)
def _size(shape: Shape) -> Size:
    """Return the number of values; equal blocks have the same few shapes, and the product of formulas is slow."""
    return dims.product(shape)


@lru_cache(maxsize=4096)
def _bytes(shape: Shape, dtype: str) -> Size:
    return _size(shape) * dtypes.BYTES[dtype]


def with_batch_dim(shape: Iterable[Any]) -> Shape:
    """Return a user's shape, batch first: a leading ``None`` is the batch, other ``None`` are anonymous, text is a name."""
    sizes = shape_of(shape)
    return (dims.Dim.named(dims.BATCH), *sizes[1:]) if sizes and sizes[0] == dims.UNKNOWN else sizes


def shape_of(shape: Iterable[object]) -> Shape:
    """Return a user's shape as sizes; raise ShapeError for an invalid size."""
    return tuple(_size_of(size) for size in shape)


def with_none(size: Size) -> Size | None:
    """Return a size of a shape as a user tests it, ``size is None``: that is what it is shown as."""
    return None if size == None else size  # noqa: E711  # which such a size equals


def shown(shape: Shape) -> tuple[Size | None, ...]:
    """Return a shape as a user reads it: see ``with_none``."""
    return tuple(map(with_none, shape))


def _size_of(size: object) -> Size:
    if type(size).__name__ == "SymInt":  # torch's while it traces: as an integer it would be a constant of the graph
        return size  # type: ignore[return-value]  # it computes as an integer does
    if size is None or isinstance(size, (str, dims.Dim)):
        return dims.named(size) if not isinstance(size, dims.Dim) else size
    if isinstance(size, bool) or not hasattr(size, "__index__"):
        raise ShapeError(f"a size is an integer, a name or None, not {size!r}")
    number: int = size.__index__()
    if number < 0:
        raise ShapeError(f"a size cannot be negative, got {number}")
    return number


def show_shape(shape: Shape) -> str:
    """Return the text of a shape as in Keras: ``(None, 7)``, ``(3,)``.

    >>> show_shape((3,))
    '(3,)'
    """
    inside = ", ".join(sizes_text(shape))
    return f"({inside},)" if len(shape) == 1 else f"({inside})"


def sizes_text(shape: Shape) -> list[str]:
    """Return the text of each size; the batch has its name where it is not first."""
    return [str(size) if axis else dims.show(size) for axis, size in enumerate(shape)]
