"""Axes: which one a number means, and how many there must be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from layercli.core.operation import spec_of
from layercli.core.spec import Spec
from layercli.errors import ShapeError


def axis_of(x: Spec, axis: int, *, added: int = 0) -> int:
    """Return ``axis`` counted from the front, in x with ``added`` axes more; ShapeError where it has no such axis."""
    rank = x.rank + added
    if not -rank <= axis < rank:
        raise ShapeError(f"expects x with an axis {axis}, got {rank} axes (x = {x})")
    return axis % rank


def axes_of(x: Spec, axes: int | Iterable[int] | None) -> tuple[int, ...]:
    """Return one axis or several, None being all, each counted from the front; ShapeError where one is missing or twice."""
    if axes is None:
        return tuple(range(x.rank))
    found = tuple(axis_of(x, axis) for axis in ((axes,) if isinstance(axes, int) else axes))
    if len(set(found)) < len(found):
        raise ShapeError(f"expects each axis once, got {axes} (x = {x})")
    return found


def check_rank(x: Any, rank: int) -> None:
    """Raise ShapeError where x, a Spec or a tensor of any kind, has another rank."""
    if len(x.shape) != rank:
        shown = x if isinstance(x, Spec) else spec_of(x)
        raise ShapeError(f"expects x with {rank} axes, got {len(x.shape)} (x = {shown})")
