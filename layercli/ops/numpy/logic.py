"""Elementwise comparisons, logical operations and tests of values, all with boolean results; and ``where``."""

from __future__ import annotations

from typing import Any, overload

from layercli.core.types import Tensor, TensorLike
from layercli.errors import UsageError
from layercli.ops.core.conversion import cast, convert_to_tensor
from layercli.ops.numpy.elementwise import Binary, Unary, Where
from layercli.ops.numpy.joining import stack
from layercli.ops.numpy.set_ops import Nonzero


def equal(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return x1 == x2, elementwise."""
    return Binary("equal")(x1, x2)


def not_equal(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return x1 != x2, elementwise."""
    return Binary("not_equal")(x1, x2)


def less(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return x1 < x2, elementwise."""
    return Binary("less")(x1, x2)


def less_equal(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return x1 <= x2, elementwise."""
    return Binary("less_equal")(x1, x2)


def greater(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return x1 > x2, elementwise."""
    return Binary("greater")(x1, x2)


def greater_equal(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return x1 >= x2, elementwise."""
    return Binary("greater_equal")(x1, x2)


def logical_and(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return whether x1 and x2 are both nonzero, elementwise."""
    return Binary("logical_and")(x1, x2)


def logical_or(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return whether x1 or x2 is nonzero, elementwise."""
    return Binary("logical_or")(x1, x2)


def logical_xor(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return whether exactly one of x1 and x2 is nonzero, elementwise."""
    return Binary("logical_xor")(x1, x2)


def logical_not(x: TensorLike) -> Tensor:
    """Return whether x is 0, elementwise."""
    return Unary("logical_not")(x)


def isfinite(x: TensorLike) -> Tensor:
    """Return whether x is finite, elementwise."""
    return Unary("isfinite")(x)


def isinf(x: TensorLike) -> Tensor:
    """Return whether x is infinite, elementwise."""
    return Unary("isinf")(x)


def isnan(x: TensorLike) -> Tensor:
    """Return whether x is NaN, elementwise."""
    return Unary("isnan")(x)


def isneginf(x: TensorLike) -> Tensor:
    """Return whether x is negative infinity, elementwise."""
    return Unary("isneginf")(x)


def isposinf(x: TensorLike) -> Tensor:
    """Return whether x is positive infinity, elementwise."""
    return Unary("isposinf")(x)


def isreal(x: TensorLike) -> Tensor:
    """Return whether the imaginary part of x is 0, elementwise."""
    return Unary("isreal")(x)


@overload
def where(condition: TensorLike) -> Tensor: ...
@overload
def where(condition: TensorLike, x1: TensorLike, x2: TensorLike) -> Tensor: ...
def where(condition: TensorLike, x1: TensorLike | None = None, x2: TensorLike | None = None) -> Any:
    """Return x1 where ``condition`` is true, else x2, elementwise; the shapes broadcast.

    Numbers other than 0 are true. With neither x1 nor x2, return the indices where ``condition`` is true, a row for each
    axis, in int64.
    Raises UsageError where only one of x1 and x2 is given.
    """
    if (x1 is None) != (x2 is None):
        raise UsageError("where expects both x1 and x2 or neither, got only one of them")
    if x1 is None:
        return cast(stack(Nonzero()(convert_to_tensor(condition))), "int64")
    return Where()(convert_to_tensor(condition), x1, x2)
