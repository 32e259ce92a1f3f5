"""Concatenation, stacking and splitting of tensors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import pairwise
from typing import Any

from layercli.core import dims, dtypes
from layercli.core.dims import Dim
from layercli.core.operation import MultiOutputOp, Op, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UnknownSizeError, UsageError, with_and
from layercli.lazy import torch
from layercli.ops.core.axes import axis_of, given_axes
from layercli.ops.core.shape import ShapeTensor, ndim, sizes_in
from layercli.ops.numpy.reshaping import expand_dims, ravel


@dataclass(frozen=True)
class ConcatenateTensors(Op):
    """out = the inputs concatenated along ``axis``."""

    axis: int = -1

    def spec(self, *xs: Spec) -> Spec:
        """Return the inputs' shape with their sizes along the axis added; ShapeError where they differ elsewhere."""
        axis = axis_of(xs[0], self.axis)
        _check_alike(xs, axis)
        size = dims.total(x.shape[axis] for x in xs)
        return Spec((*xs[0].shape[:axis], size, *xs[0].shape[axis + 1 :]), _promoted(xs))

    def run(self, *xs: Any) -> Tensor:
        """Return torch's cat."""
        return torch.cat(xs, self.axis)


@dataclass(frozen=True)
class Stack(Op):
    """out = the inputs stacked along a new axis ``axis`` of the result."""

    axis: int = 0

    def spec(self, *xs: Spec) -> Spec:
        """Return the inputs' shape with their number inserted; ShapeError where the shapes differ."""
        axis = axis_of(xs[0], self.axis, added=1)
        _check_alike(xs)
        return Spec((*xs[0].shape[:axis], len(xs), *xs[0].shape[axis:]), _promoted(xs))

    def run(self, *xs: Any) -> Tensor:
        """Return torch's stack."""
        return torch.stack(xs, self.axis)


@dataclass(frozen=True)
class Split(MultiOutputOp):
    """Sections of x along ``axis``: ``parts`` equal ones, or those between the indices ``at``."""

    parts: int = 1
    axis: int = 0
    at: tuple[int, ...] | None = None

    def spec(self, x: Spec) -> tuple[Spec, ...]:
        """Return the sections' specs; ShapeError where x cannot be split equally, or the indices do not ascend."""
        axis = axis_of(x, self.axis)
        size = x.shape[axis]
        if self.at is None:
            if isinstance(size, int) and size % self.parts:
                raise ShapeError(
                    f"expects x to split into {self.parts} equal sections, got {size} along axis {axis} (x = {x})"
                )
            sizes = [size // self.parts] * self.parts
        else:
            ends = (0, *self.at, size)
            sizes = [end - start for start, end in pairwise(ends)]
            if any(isinstance(part, int) and part < 0 for part in sizes):
                raise ShapeError(f"expects ascending indices up to {size} to split x at, got {self.at} (x = {x})")
        return tuple(Spec((*x.shape[:axis], part, *x.shape[axis + 1 :]), x.dtype) for part in sizes)

    def run(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return views."""
        sizes = [int(part.shape[self.axis]) for part in self.spec(spec_of(x))]
        return tuple(torch.split(x, sizes, self.axis))


@dataclass(frozen=True)
class ArraySplit(MultiOutputOp):
    """``parts`` sections of x along ``axis``, the first ones larger by 1 where the size is not divisible."""

    parts: int
    axis: int = 0

    def spec(self, x: Spec) -> tuple[Spec, ...]:
        """Return the sections' specs: the size ceil((size - i) / parts) for section i."""
        axis = axis_of(x, self.axis)
        sizes = [dims.ceil_div(x.shape[axis] - i, self.parts) for i in range(self.parts)]
        return tuple(Spec((*x.shape[:axis], size, *x.shape[axis + 1 :]), x.dtype) for size in sizes)

    def run(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return views."""
        return tuple(torch.tensor_split(x, self.parts, self.axis))


@dataclass(frozen=True)
class Unstack(MultiOutputOp):
    """The ``num`` slices of x along ``axis``, without the axis: views."""

    num: int
    axis: int = 0

    def spec(self, x: Spec) -> tuple[Spec, ...]:
        """Return the specs; ShapeError where the axis does not have size ``num``."""
        axis = axis_of(x, self.axis)
        if not dims.may_equal(x.shape[axis], self.num):
            raise ShapeError(f"expects x with size {self.num} along axis {axis}, got {x.shape[axis]} (x = {x})")
        return (Spec((*x.shape[:axis], *x.shape[axis + 1 :]), x.dtype),) * self.num

    def run(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return torch's unbind."""
        if x.shape[self.axis] != self.num:
            self.spec(spec_of(x))
        return tuple(torch.unbind(x, self.axis))


def concatenate(xs: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """Return the tensors ``xs`` concatenated along ``axis``; ShapeError where they differ along another axis."""
    if any(isinstance(x, ShapeTensor) for x in xs):
        return ShapeTensor(size for x in xs for size in sizes_in(x))  # type: ignore[return-value]  # stands for a tensor
    return ConcatenateTensors(axis)(*some(xs))


def stack(x: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """Return the tensors of the sequence x, all of one shape, stacked along a new axis ``axis``."""
    if any(isinstance(each, Dim) for each in x):
        return ShapeTensor(size for each in x for size in sizes_in(each))  # type: ignore[return-value]  # stands for a tensor
    return Stack(axis)(*some(x))


def some(xs: Sequence[object]) -> Sequence[Any]:
    """Return the tensors; ShapeError for an empty sequence."""
    if not len(xs):
        raise ShapeError("expects at least one tensor, got none")
    return xs


def split(x: TensorLike, indices_or_sections: int | Iterable[int], axis: int = 0) -> list[Tensor]:
    """Return x split along ``axis`` into a number of equal sections, or at the given indices.

    Raises ShapeError where the size is not divisible by the number of sections.
    """
    at = given_axes(indices_or_sections)
    if isinstance(at, tuple):
        return list(Split(axis=axis, at=at)(x))
    if at < 1:
        raise UsageError(f"split expects a number of sections of at least 1, got {at}")
    return list(Split(at, axis)(x))


def array_split(x: TensorLike, indices_or_sections: int, axis: int = 0) -> list[Tensor]:
    """Return x split along ``axis`` into sections whose sizes differ by at most 1."""
    if not isinstance(indices_or_sections, int) or indices_or_sections < 1:
        raise UsageError(f"array_split expects a number of sections of at least 1, got {indices_or_sections}")
    return list(ArraySplit(indices_or_sections, axis)(x))


def hsplit(x: TensorLike, indices_or_sections: int | Iterable[int]) -> list[Tensor]:
    """Return ``split`` of x along its second axis, or its only one."""
    return split(x, indices_or_sections, 0 if ndim(x) == 1 else 1)


def vsplit(x: TensorLike, indices_or_sections: int | Iterable[int]) -> list[Tensor]:
    """Return ``split`` of x, of at least 2 axes, along its first axis."""
    if ndim(x) < 2:
        raise ShapeError(f"vsplit expects x with at least 2 axes (x = {spec_of(x)})")
    return split(x, indices_or_sections, 0)


def dsplit(x: TensorLike, indices_or_sections: int | Iterable[int]) -> list[Tensor]:
    """Return ``split`` of x along its third axis."""
    return split(x, indices_or_sections, 2)


def unstack(x: TensorLike, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """Return the slices of x along ``axis``, without the axis; ``num`` is required where the size is unknown."""
    spec = spec_of(x)
    if num is None:
        size = spec.shape[axis_of(spec, axis)]
        if not isinstance(size, int):
            raise UnknownSizeError(f"unstack expects num where the size of axis {axis} is unknown (x = {spec})")
        num = size
    return list(Unstack(num, axis)(x))


def hstack(xs: Sequence[TensorLike]) -> Tensor:
    """Return the tensors ``xs`` concatenated along their second axis, or their only one."""
    xs = [expand_dims(x, 0) if not ndim(x) else x for x in some(xs)]
    return concatenate(xs, 0 if ndim(xs[0]) == 1 else 1)


def vstack(xs: Sequence[TensorLike]) -> Tensor:
    """Return the tensors ``xs`` concatenated along their first axis; vectors become rows."""
    return concatenate([_at_least_a_row(x) for x in xs], 0)


def dstack(xs: Sequence[TensorLike]) -> Tensor:
    """Return the tensors ``xs`` concatenated along their third axis; vectors become (1, n, 1), matrices (m, n, 1)."""
    return concatenate([expand_dims(x, 2) if ndim(x) == 2 else x for x in map(_at_least_a_row, xs)], 2)


def append(x1: TensorLike, x2: TensorLike, axis: int | None = None) -> Tensor:
    """Return x1 and x2 concatenated along ``axis``; None flattens both."""
    return concatenate([ravel(x1), ravel(x2)], 0) if axis is None else concatenate([x1, x2], axis)


def _at_least_a_row(x: TensorLike) -> TensorLike:
    rank = ndim(x)
    return x if rank > 1 else expand_dims(x, tuple(range(2 - rank)))


def _check_alike(xs: Sequence[Spec], axis: int | None = None) -> None:
    """Raise ShapeError where the shapes differ along another axis than ``axis``."""
    first, *others = xs
    if not all(isinstance(x, Spec) for x in xs):
        raise ShapeError(f"expects tensors of one shape, got {with_and(xs)}")
    for x in others:
        pairs = enumerate(zip(first.shape, x.shape, strict=False))
        if x.rank != first.rank or any(i != axis and not dims.may_equal(a, b) for i, (a, b) in pairs):
            but = "" if axis is None else f" but for axis {axis}"
            raise ShapeError(f"expects inputs of one shape{but}, got {with_and(xs)}")


def _promoted(xs: Sequence[Spec]) -> str:
    return reduce(dtypes.promote, (x.dtype for x in xs))
