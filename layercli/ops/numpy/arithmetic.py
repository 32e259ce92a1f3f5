"""Elementwise arithmetic, rounding, roots and extremes; the shapes of two arguments broadcast."""

from __future__ import annotations

from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.lazy import torch
from layercli.ops.numpy.elementwise import Binary, Unary


def add(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return x1 + x2, elementwise."""
    return Binary("add")(x1, x2)


def subtract(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return x1 - x2, elementwise."""
    return Binary("subtract")(x1, x2)


def multiply(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return x1 * x2, elementwise."""
    return Binary("multiply")(x1, x2)


def divide(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return x1 / x2, elementwise; integers are divided as floats."""
    return Binary("divide")(x1, x2)


def true_divide(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return x1 / x2, elementwise; the same as ``divide``."""
    return Binary("divide")(x1, x2)


def divide_no_nan(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return x1 / x2, elementwise, and 0 where x2 is 0; the gradient is 0 there as well."""
    return Binary("divide_no_nan")(x1, x2)


def floor_divide(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return floor(x1 / x2), elementwise."""
    return Binary("floor_divide")(x1, x2)


def mod(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return x1 - x2 * floor(x1 / x2), elementwise; the result has the sign of x2."""
    return Binary("mod")(x1, x2)


def fmod(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return x1 - x2 * trunc(x1 / x2), elementwise; the result has the sign of x1."""
    return Binary("fmod")(x1, x2)


def power(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return x1 to the power x2, elementwise."""
    return Binary("power")(x1, x2)


def negative(x: TensorLike) -> Tensor:
    """Return -x, elementwise."""
    return Unary("negative")(x)


def reciprocal(x: TensorLike) -> Tensor:
    """Return 1 / x, elementwise."""
    return Unary("reciprocal")(x)


def absolute(x: TensorLike) -> Tensor:
    """Return |x|, elementwise; the magnitude of complex numbers."""
    return Unary("absolute")(x)


def abs(x: TensorLike) -> Tensor:
    """Return |x|, elementwise; the same as ``absolute``."""
    return Unary("absolute")(x)


def fabs(x: TensorLike) -> Tensor:
    """Return |x|, elementwise, in a floating dtype."""
    return Unary("fabs")(x)


def sign(x: TensorLike) -> Tensor:
    """Return -1, 0 or 1, the sign of x, elementwise."""
    return Unary("sign")(x)


def signbit(x: TensorLike) -> Tensor:
    """Return whether the sign bit of x is set, elementwise, as booleans; true for -0.0."""
    return Unary("signbit")(x)


def copy(x: TensorLike) -> Tensor:
    """Return a copy of x."""
    return Unary("copy")(x)


def square(x: TensorLike) -> Tensor:
    """Return x^2, elementwise."""
    return Unary("square")(x)


def sqrt(x: TensorLike) -> Tensor:
    """Return the square root of x, elementwise; NaN where x < 0."""
    return Unary("sqrt")(x)


def rsqrt(x: TensorLike) -> Tensor:
    """Return 1 / sqrt(x), elementwise."""
    return Unary("rsqrt")(x)


def cbrt(x: TensorLike) -> Tensor:
    """Return the real cube root of x, elementwise."""
    return Unary("cbrt")(x)


def ceil(x: TensorLike) -> Tensor:
    """Return the smallest integer that is at least x, elementwise, in the dtype of x."""
    return Unary("ceil")(x)


def floor(x: TensorLike) -> Tensor:
    """Return the largest integer that is at most x, elementwise, in the dtype of x."""
    return Unary("floor")(x)


def trunc(x: TensorLike) -> Tensor:
    """Return x without its fraction, elementwise, in the dtype of x."""
    return Unary("trunc")(x)


@dataclass(frozen=True)
class Round(Op):
    """out = round(x * 10^decimals) / 10^decimals; halves are rounded to even."""

    decimals: int

    def spec(self, x: Spec) -> Spec:
        """Return x's spec."""
        return x

    def run(self, x: Tensor) -> Tensor:
        """Return torch's round; integers are rounded as float32 and converted back."""
        if x.is_floating_point():
            return torch.round(x, decimals=self.decimals)
        return torch.round(x.float(), decimals=self.decimals).to(x.dtype)


def round(x: TensorLike, decimals: int = 0) -> Tensor:
    """Return x rounded to ``decimals`` digits after the point, elementwise; halves are rounded to even.

    A negative ``decimals`` rounds to tens, hundreds, ...
    """
    return Round(decimals)(x) if decimals else Unary("round")(x)


def maximum(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the larger of x1 and x2, elementwise; NaN where either is NaN."""
    return Binary("maximum")(x1, x2)


def minimum(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the smaller of x1 and x2, elementwise; NaN where either is NaN."""
    return Binary("minimum")(x1, x2)


def fmax(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the larger of x1 and x2, elementwise; where one is NaN, the other."""
    return Binary("fmax")(x1, x2)


def fmin(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the smaller of x1 and x2, elementwise; where one is NaN, the other."""
    return Binary("fmin")(x1, x2)


def gcd(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the greatest common divisor of the integers x1 and x2, elementwise; DTypeError for other dtypes."""
    return Binary("gcd")(x1, x2)


def lcm(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the least common multiple of the integers x1 and x2, elementwise; DTypeError for other dtypes."""
    return Binary("lcm")(x1, x2)


def ldexp(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return x1 * 2^x2, elementwise, for integers x2; DTypeError for other exponents."""
    return Binary("ldexp")(x1, x2)


def nextafter(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the next float after x1 in the direction of x2, elementwise."""
    return Binary("nextafter")(x1, x2)


def heaviside(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return 0 where x1 < 0, x2 where x1 = 0 and 1 where x1 > 0, elementwise; NaN where x1 is NaN."""
    return Binary("heaviside")(x1, x2)
