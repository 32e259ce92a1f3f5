"""Elementwise exponentials and logarithms."""

from __future__ import annotations

from layercli.core.types import Tensor, TensorLike
from layercli.ops.numpy.elementwise import Binary, Unary


def exp(x: TensorLike) -> Tensor:
    """Return e^x, elementwise."""
    return Unary("exp")(x)


def exp2(x: TensorLike) -> Tensor:
    """Return 2^x, elementwise."""
    return Unary("exp2")(x)


def expm1(x: TensorLike) -> Tensor:
    """Return e^x - 1, elementwise, accurate for small x."""
    return Unary("expm1")(x)


def log(x: TensorLike) -> Tensor:
    """Return the natural logarithm of x, elementwise."""
    return Unary("log")(x)


def log10(x: TensorLike) -> Tensor:
    """Return the logarithm of x to base 10, elementwise."""
    return Unary("log10")(x)


def log1p(x: TensorLike) -> Tensor:
    """Return log(1 + x), elementwise, accurate for small x."""
    return Unary("log1p")(x)


def log2(x: TensorLike) -> Tensor:
    """Return the logarithm of x to base 2, elementwise."""
    return Unary("log2")(x)


def logaddexp(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return log(exp(x1) + exp(x2)), elementwise, without overflow."""
    return Binary("logaddexp")(x1, x2)


def logaddexp2(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return log2(2^x1 + 2^x2), elementwise, without overflow."""
    return Binary("logaddexp2")(x1, x2)
