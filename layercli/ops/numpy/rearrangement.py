"""Repetition, tiling, flips, rotations and rolls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from layercli.core.dims import Dim, Size, may_equal
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError
from layercli.lazy import torch
from layercli.ops.core.axes import are_several, axes_of, axis_of, given_axes, whole
from layercli.ops.core.conversion import convert_to_tensor
from layercli.ops.core.scatter_gather import take
from layercli.ops.core.shape import sizes_in
from layercli.ops.numpy.reshaping import ravel, swapaxes


@dataclass(frozen=True)
class RepeatElements(Op):
    """out = x with each value along ``axis`` repeated ``times`` times in a row."""

    times: int
    axis: int

    def spec(self, x: Spec) -> Spec:
        """Return x's shape with the axis ``times`` as long."""
        axis = axis_of(x, self.axis)
        return Spec((*x.shape[:axis], x.shape[axis] * self.times, *x.shape[axis + 1 :]), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's repeat_interleave."""
        return x.repeat_interleave(self.times, self.axis)


@dataclass(frozen=True)
class Tile(Op):
    """out = x repeated as a whole ``times`` along each of its last axes; more repetitions than axes add axes in front."""

    times: tuple[Size, ...]

    def spec(self, x: Spec) -> Spec:
        """Return the product of x's shape and ``times``, the shorter one padded with ones in front."""
        rank = max(x.rank, len(self.times))
        shape, times = (((1,) * (rank - len(each))) + each for each in (x.shape, self.times))
        return Spec(tuple(size * n for size, n in zip(shape, times, strict=True)), x.dtype)

    def run(self, x: Any) -> Tensor:
        """Return torch's tile."""
        out: Tensor = x.tile(self.times)
        return out


def repeat(x: TensorLike, repeats: int | Iterable[int], axis: int | None = None) -> Tensor:
    """Return x with each value along ``axis`` repeated ``repeats`` times in a row; None flattens x.

    ``repeats``: one number, or one for each index of the axis; ShapeError for another number of them.
    """
    x, axis = (ravel(x), 0) if axis is None else (x, axis)
    given: Iterable[Any] = repeats if are_several(repeats) else [repeats]
    counts = [whole(count, "repeats") for count in given]
    if min(counts, default=0) < 0:
        raise UsageError(f"repeat expects repeats of at least 0, got {repeats}")
    if len(counts) == 1:
        return RepeatElements(counts[0], axis)(x)
    spec = spec_of(x)
    if not may_equal(spec.shape[axis_of(spec, axis)], len(counts)):
        raise ShapeError(f"expects as many repeats as x has indices along axis {axis}, got {len(counts)} (x = {spec})")
    return take(x, [i for i, count in enumerate(counts) for _ in range(count)], axis)


def tile(x: TensorLike, repeats: int | Iterable[int]) -> Tensor:
    """Return x repeated as a whole ``repeats`` times along each of its last axes."""
    times = sizes_in(repeats)
    for each in times:
        if not isinstance(each, Dim) and whole(each, "repeats") < 0:
            raise UsageError(f"tile expects repeats of at least 0, got {repeats}")
    return Tile(times)(x)


@dataclass(frozen=True)
class Flip(Op):
    """out = x reversed along ``axis``: one, several, or None for all."""

    axis: int | tuple[int, ...] | None = None

    def spec(self, x: Spec) -> Spec:
        """Return x's spec."""
        axes_of(x, self.axis)
        return x

    def run(self, x: Tensor) -> Tensor:
        """Return torch's flip."""
        axes = tuple(range(x.ndim)) if self.axis is None else self.axis
        if not x.ndim:
            self.spec(spec_of(x))  # torch takes an axis of a tensor that has none
        return torch.flip(x, axes if isinstance(axes, tuple) else (axes,))


@dataclass(frozen=True)
class Roll(Op):
    """out[i + shift] = x[i] along ``axis``, cyclically; without axes x is rolled flattened.

    Several shifts go with as many axes; one shift with each axis.
    """

    shift: int | tuple[int, ...]
    axis: int | tuple[int, ...] | None = None

    def spec(self, x: Spec) -> Spec:
        """Return x's spec."""
        for axis in self.axis if isinstance(self.axis, tuple) else () if self.axis is None else (self.axis,):
            axis_of(x, axis)
        return x

    def run(self, x: Tensor) -> Tensor:
        """Return torch's roll."""
        if self.axis == ():
            return x.clone()
        if isinstance(self.axis, tuple) and isinstance(self.shift, int):
            return torch.roll(x, (self.shift,) * len(self.axis), self.axis)
        return torch.roll(x, self.shift, () if self.axis is None else self.axis)


def flip(x: TensorLike, axis: int | Iterable[int] | None = None) -> Tensor:
    """Return x reversed along ``axis``: one, several, or None for all."""
    return Flip(given_axes(axis))(x)


def flipud(x: TensorLike) -> Tensor:
    """Return x reversed along its first axis."""
    return Flip(0)(x)


def fliplr(x: TensorLike) -> Tensor:
    """Return x reversed along its second axis."""
    return Flip(1)(x)


def rot90(array: TensorLike, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor:
    """Return the array rotated ``k`` times by 90 degrees, from the first of two ``axes`` towards the second."""
    array = convert_to_tensor(array)
    spec = spec_of(array)
    if len(axes) != 2 or len(axes_of(spec, axes)) != 2:
        raise UsageError(f"rot90 expects two axes, got {axes}")
    first, second = axes
    turns = whole(k, "k") % 4
    if turns == 2:
        return Flip((first, second))(array)
    if turns == 1:
        return swapaxes(Flip(second)(array), first, second)
    return Flip(second)(swapaxes(array, first, second)) if turns else array


def roll(x: TensorLike, shift: int | Iterable[int], axis: int | Iterable[int] | None = None) -> Tensor:
    """Return x shifted cyclically by ``shift`` along ``axis``; None rolls x flattened."""
    shifts, axes = given_axes(shift), given_axes(axis)
    many = [len(each) if isinstance(each, tuple) else 1 for each in (shifts, axes)]
    if isinstance(shifts, tuple) and many[0] != many[1]:
        raise UsageError(f"roll expects one shift for each axis, got {shifts} and {axes}")
    return Roll(shifts, (axes,) if isinstance(shifts, tuple) and isinstance(axes, int) else axes)(x)
