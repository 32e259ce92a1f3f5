"""Normalization of axis numbers, and checks of ranks."""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from typing import Any, SupportsIndex, TypeGuard, overload

from layercli.core.operation import spec_of
from layercli.core.spec import Spec
from layercli.errors import ArgumentError, AxisError, ShapeError


@overload
def given_axes(axis: None) -> None: ...
@overload
def given_axes(axis: int | Iterable[int]) -> int | tuple[int, ...]: ...
@overload
def given_axes(axis: int | Iterable[int] | None) -> int | tuple[int, ...] | None: ...


def given_axes(axis: int | Iterable[int] | None) -> int | tuple[int, ...] | None:
    """Return an ``axis`` argument as an int, a tuple or None; one axis may be any integer, NumPy's too."""
    if axis is None or isinstance(axis, int):
        return axis
    return tuple(axis) if are_several(axis) else whole(axis)  # type: ignore[arg-type]  # one integer


def are_several(value: object) -> TypeGuard[Iterable[Any]]:
    """Whether an argument is several values; a tensor or an array without axes is one, which cannot be iterated over."""
    return isinstance(value, Iterable) and not isinstance(value, str) and getattr(value, "ndim", 1) != 0


def whole(value: SupportsIndex, name: str = "axis") -> int:
    """Return an axis or another argument, any integer, as an int; ArgumentError for anything else."""
    try:
        return index(value)
    except TypeError as error:
        raise ArgumentError(f"expects {name} to be an integer, got {value!r}") from error


def several_axes(axis: int | Iterable[int]) -> tuple[int, ...]:
    """Return an ``axis`` argument, one or several, as a tuple."""
    axes = given_axes(axis)
    return axes if isinstance(axes, tuple) else (axes,)


def axis_of(x: Spec, axis: int, *, added: int = 0) -> int:
    """Return ``axis`` as a non-negative number for x with ``added`` more axes; ShapeError where the axis does not
    exist.
    """
    rank, axis = x.rank + added, whole(axis)
    if not -rank <= axis < rank:
        raise AxisError(f"expects x with an axis {axis}, got {rank} axes (x = {x})")
    return axis % rank


def check_axes(x: Spec, axes: tuple[int, ...]) -> Spec:
    """Return x; AxisError where one of ``axes`` does not exist."""
    for axis in axes:
        if not -x.rank <= whole(axis) < x.rank:
            raise AxisError(f"expects x with an axis {axis} (x = {x})")
    return x


def axes_of(x: Spec, axes: int | Iterable[int] | None) -> tuple[int, ...]:
    """Return ``axes``, one, several or None for all, as non-negative numbers; ShapeError for a missing or repeated
    axis.
    """
    if axes is None:
        return tuple(range(x.rank))
    found = tuple(axis_of(x, axis) for axis in several_axes(axes))
    if len(set(found)) < len(found):
        raise ShapeError(f"expects each axis once, got {axes} (x = {x})")
    return found


def check_rank(x: Any, rank: int) -> None:
    """Raise ShapeError where x, a Spec or a tensor, does not have ``rank`` axes."""
    if len(x.shape) != rank:
        shown = x if isinstance(x, Spec) else spec_of(x)
        raise ShapeError(f"expects x with {rank} axes, got {len(x.shape)} (x = {shown})")
