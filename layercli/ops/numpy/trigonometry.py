"""Elementwise trigonometric and hyperbolic functions; angles are in radians."""

from __future__ import annotations

from layercli.core.types import Tensor, TensorLike
from layercli.ops.numpy.elementwise import Binary, Unary


def sin(x: TensorLike) -> Tensor:
    """Return the sine of x, elementwise."""
    return Unary("sin")(x)


def cos(x: TensorLike) -> Tensor:
    """Return the cosine of x, elementwise."""
    return Unary("cos")(x)


def tan(x: TensorLike) -> Tensor:
    """Return the tangent of x, elementwise."""
    return Unary("tan")(x)


def arcsin(x: TensorLike) -> Tensor:
    """Return the inverse sine of x, elementwise, in [-pi/2, pi/2]."""
    return Unary("arcsin")(x)


def arccos(x: TensorLike) -> Tensor:
    """Return the inverse cosine of x, elementwise, in [0, pi]."""
    return Unary("arccos")(x)


def arctan(x: TensorLike) -> Tensor:
    """Return the inverse tangent of x, elementwise, in [-pi/2, pi/2]."""
    return Unary("arctan")(x)


def arctan2(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the angle of the point (x2, x1) from the positive x axis, elementwise, in [-pi, pi]."""
    return Binary("arctan2")(x1, x2)


def hypot(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return sqrt(x1^2 + x2^2), elementwise."""
    return Binary("hypot")(x1, x2)


def sinh(x: TensorLike) -> Tensor:
    """Return the hyperbolic sine of x, elementwise."""
    return Unary("sinh")(x)


def cosh(x: TensorLike) -> Tensor:
    """Return the hyperbolic cosine of x, elementwise."""
    return Unary("cosh")(x)


def arcsinh(x: TensorLike) -> Tensor:
    """Return the inverse hyperbolic sine of x, elementwise."""
    return Unary("arcsinh")(x)


def arccosh(x: TensorLike) -> Tensor:
    """Return the inverse hyperbolic cosine of x, elementwise."""
    return Unary("arccosh")(x)


def arctanh(x: TensorLike) -> Tensor:
    """Return the inverse hyperbolic tangent of x, elementwise."""
    return Unary("arctanh")(x)


def deg2rad(x: TensorLike) -> Tensor:
    """Return x * pi / 180, elementwise: degrees in radians."""
    return Unary("deg2rad")(x)


def rad2deg(x: TensorLike) -> Tensor:
    """Return x * 180 / pi, elementwise: radians in degrees."""
    return Unary("rad2deg")(x)
