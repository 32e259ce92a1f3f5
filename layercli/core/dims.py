"""Sizes: an ``int``, or a ``Dim`` where the size is not known yet.

A named unknown stands for a positive integer, and arithmetic on it gives a formula in one canonical form::

    >>> T = Dim.named("T")
    >>> 4 * T + T, T // 2, ceil_div(T, 2), (T + 1) * (T - 1)
    (5*T, floor(T/2), ceil(T/2), T^2 - 1)
    >>> (2 * T * T).at({"T": 4096})
    33554432

An anonymous unknown prints as ``None``, and whatever is computed from it is an anonymous unknown again: never an exception,
never a guess.
"""

from __future__ import annotations

from layercli.core.symbolic_dim import BATCH, UNKNOWN, Dim, Size, at, least, lower_bound, names, product, total

__all__ = [
    "BATCH", "UNKNOWN", "Dim", "Size", "at", "broadcast", "ceil_div", "known", "least", "lower_bound", "may_equal", "named",
    "names", "product", "show", "total",
]  # fmt: skip


def named(size: Size | str | None) -> Size:
    """Return the size that a user wrote: an integer, None for an anonymous unknown, or a name."""
    if size is None:
        return UNKNOWN
    return Dim.named(size) if isinstance(size, str) else size


def ceil_div(over: Size, under: Size) -> Size:
    """Return ``over / under`` rounded up."""
    return (over + under - 1) // under


def known(size: Size) -> bool:
    """Whether ``size`` is an integer."""
    return isinstance(size, int)


def number(size: Size | None) -> int | None:
    """Return ``size`` as files and configurations hold it: an integer, or None if it is not known."""
    return int(size) if isinstance(size, int) else None


def may_equal(left: Size, right: Size) -> bool:
    """Whether ``left`` and ``right`` may be the same size: false only if they provably differ."""
    difference = left - right
    if not isinstance(difference, Dim):
        return bool(difference == 0)
    low, high = lower_bound(difference), lower_bound(-difference)
    return not (low is not None and low > 0) and not (high is not None and high > 0)


def broadcast(left: Size, right: Size) -> Size | None:
    """Return the size of an axis of ``left`` broadcast with one of ``right``; None if they are incompatible."""
    if left == right or right == 1:
        return left
    if left == 1:
        return right
    if isinstance(left, int) and isinstance(right, int):
        return None
    if isinstance(left, int):
        return left
    return right if isinstance(right, int) else UNKNOWN


def show(size: Size) -> str:
    """Return the text of ``size`` in a shape: ``None`` for the batch and for anonymous unknowns."""
    return "None" if size == _BATCH_DIM else str(size)


_BATCH_DIM = Dim.named(BATCH)
