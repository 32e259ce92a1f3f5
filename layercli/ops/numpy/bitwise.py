"""Bitwise operations on integers; the logical ones take booleans as well."""

from __future__ import annotations

from layercli.core.types import Tensor, TensorLike
from layercli.ops.numpy.elementwise import Binary, Unary


def bitwise_and(x: TensorLike, y: TensorLike) -> Tensor:
    """Return x & y, elementwise, of integers or booleans."""
    return Binary("bitwise_and")(x, y)


def bitwise_or(x: TensorLike, y: TensorLike) -> Tensor:
    """Return x | y, elementwise, of integers or booleans."""
    return Binary("bitwise_or")(x, y)


def bitwise_xor(x: TensorLike, y: TensorLike) -> Tensor:
    """Return x ^ y, elementwise, of integers or booleans."""
    return Binary("bitwise_xor")(x, y)


def bitwise_not(x: TensorLike) -> Tensor:
    """Return ~x, elementwise, of integers or booleans."""
    return Unary("bitwise_not")(x)


def bitwise_invert(x: TensorLike) -> Tensor:
    """Return ~x, elementwise; the same as ``bitwise_not``."""
    return Unary("bitwise_not")(x)


def left_shift(x: TensorLike, y: TensorLike) -> Tensor:
    """Return x << y, elementwise, of integers."""
    return Binary("left_shift")(x, y)


def right_shift(x: TensorLike, y: TensorLike) -> Tensor:
    """Return x >> y, elementwise, of integers."""
    return Binary("right_shift")(x, y)


def bitwise_left_shift(x: TensorLike, y: TensorLike) -> Tensor:
    """Return x << y, elementwise; the same as ``left_shift``."""
    return Binary("left_shift")(x, y)


def bitwise_right_shift(x: TensorLike, y: TensorLike) -> Tensor:
    """Return x >> y, elementwise; the same as ``right_shift``."""
    return Binary("right_shift")(x, y)
