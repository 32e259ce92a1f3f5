"""Normalization of axis numbers, and checks of ranks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from layercli.core.operation import spec_of
from layercli.core.spec import Spec
from layercli.errors import ShapeError


def axis_of(x: Spec, axis: int, *, added: int = 0) -> int:
    """Return ``axis`` as a non-negative number for x with ``added`` more axes; ShapeError where the axis does not
    exist.
    """
    rank = x.rank + added
    if not -rank <= axis < rank:
        raise ShapeError(f"expects x with an axis {axis}, got {rank} axes (x = {x})")
    return axis % rank


def axes_of(x: Spec, axes: int | Iterable[int] | None) -> tuple[int, ...]:
    """Return ``axes``, one, several or None for all, as non-negative numbers; ShapeError for a missing or repeated
    axis.
    """
    if axes is None:
        return tuple(range(x.rank))
    found = tuple(axis_of(x, axis) for axis in ((axes,) if isinstance(axes, int) else axes))
    if len(set(found)) < len(found):
        raise ShapeError(f"expects each axis once, got {axes} (x = {x})")
    return found


def check_rank(x: Any, rank: int) -> None:
    """Raise ShapeError where x, a Spec or a tensor, does not have ``rank`` axes."""
    if len(x.shape) != rank:
        shown = x if isinstance(x, Spec) else spec_of(x)
        raise ShapeError(f"expects x with {rank} axes, got {len(x.shape)} (x = {shown})")
