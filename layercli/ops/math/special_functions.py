"""Elementwise special functions: the error function, its inverse, Bessel's I0 and sinc."""

from __future__ import annotations

from layercli.core.types import Tensor, TensorLike
from layercli.ops.numpy.elementwise import Unary


def erf(x: TensorLike) -> Tensor:
    """Return 2 / sqrt(pi) * (integral of exp(-t^2) from 0 to x), elementwise: the error function."""
    return Unary("erf")(x)


def erfc(x: TensorLike) -> Tensor:
    """Return 1 - erf(x), elementwise, accurate for large x."""
    return Unary("erfc")(x)


def erfinv(x: TensorLike) -> Tensor:
    """Return the y whose erf(y) is x, elementwise, for x in (-1, 1)."""
    return Unary("erfinv")(x)


def i0(x: TensorLike) -> Tensor:
    """Return the modified Bessel function of the first kind, order 0, of x, elementwise."""
    return Unary("i0")(x)


def sinc(x: TensorLike) -> Tensor:
    """Return sin(pi x) / (pi x), elementwise, and 1 where x = 0."""
    return Unary("sinc")(x)
