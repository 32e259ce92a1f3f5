"""Tensor products: tensordot, dot, inner, outer, kron and cross."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters
from typing import Any

from layercli.core import dims, dtypes
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError
from layercli.lazy import torch
from layercli.ops.core.axes import axes_of
from layercli.ops.core.conversion import cast, convert_to_tensor
from layercli.ops.core.shape import ndim
from layercli.ops.numpy.arithmetic import multiply, subtract
from layercli.ops.numpy.einsum import Einsum
from layercli.ops.numpy.elementwise import promoted
from layercli.ops.numpy.joining import stack, unstack
from layercli.ops.numpy.linear import matmul
from layercli.ops.numpy.reshaping import moveaxis, ravel


@dataclass(frozen=True)
class Kron(Op):
    """out[i * n + k, ...] = x[i, ...] * y[k, ...], n being y's size, along each axis; axes are aligned at the last."""

    def spec(self, x: Spec, y: Spec) -> Spec:
        """Return the products of the sizes."""
        rank = max(x.rank, y.rank)
        first, second = ((1,) * (rank - each.rank) + each.shape for each in (x, y))
        return Spec(tuple(a * b for a, b in zip(first, second, strict=True)), promoted(x, y))

    def run(self, x: Tensor, y: Tensor) -> Tensor:
        """Return torch's kron."""
        return torch.kron(x, y)


def tensordot(x1: TensorLike, x2: TensorLike, axes: int | Sequence[object] = 2) -> Tensor:
    """Return the sum of x1 * x2 over ``axes``: the last of x1 and the first of x2, or the axes listed for each.

    The result has the remaining axes of x1, then those of x2. Raises ShapeError where the sizes differ.
    """
    x1, x2 = _alike(x1, x2)
    left, right = spec_of(x1), spec_of(x2)
    if left.dtype == "bool":
        return cast(tensordot(cast(x1, dtypes.INDEX), cast(x2, dtypes.INDEX), axes), "bool")
    x_axes, y_axes = _axes(left, right, axes)
    for i, j in zip(x_axes, y_axes, strict=True):
        if not dims.may_equal(left.shape[i], right.shape[j]):
            raise ShapeError(
                f"expects y with size {left.shape[i]} along axis {j}, got {right.shape[j]} (x = {left}, y = {right})"
            )
    letters = ascii_letters[: left.rank]
    others = iter(ascii_letters[left.rank :])
    named = [letters[x_axes[y_axes.index(j)]] if j in y_axes else next(others) for j in range(right.rank)]
    out = [each for i, each in enumerate(letters) if i not in x_axes] + [
        each for j, each in enumerate(named) if j not in y_axes
    ]
    return Einsum(f"{letters},{''.join(named)}->{''.join(out)}")(x1, x2)


def dot(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the sum of x1 * x2 over the last axis of x1 and the second last (or only) axis of x2.

    For a scalar argument it is the product.
    """
    x1, x2 = _alike(x1, x2)
    if not ndim(x1) or not ndim(x2):
        return multiply(x1, x2)
    return matmul(x1, x2) if ndim(x2) <= 2 else tensordot(x1, x2, ((-1,), (-2,)))


def inner(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the sum of x1 * x2 over the last axis of both; for a scalar argument the product."""
    x1, x2 = _alike(x1, x2)
    if not ndim(x1) or not ndim(x2):
        return multiply(x1, x2)
    return tensordot(x1, x2, ((-1,), (-1,)))


def vdot(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the sum of x1 * x2 over all values of both, flattened."""
    x1, x2 = _alike(x1, x2)
    return matmul(ravel(x1), ravel(x2))


def outer(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the product of each value of x1 and each of x2, flattened: (size of x1, size of x2)."""
    return tensordot(ravel(convert_to_tensor(x1)), ravel(convert_to_tensor(x2)), 0)


def kron(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the Kronecker product: x1 with each value replaced by that value times x2."""
    return Kron()(*_alike(x1, x2))


def cross(
    x1: TensorLike, x2: TensorLike, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Tensor:
    """Return the cross product of vectors of 2 or 3 components along ``axisa`` and ``axisb``, along ``axisc``.

    ``axis`` replaces all three. For vectors of 2 components the result is a number. Raises ShapeError for other sizes.
    """
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    x1, x2 = _alike(x1, x2)
    left, right = moveaxis(x1, axisa, -1), moveaxis(x2, axisb, -1)
    sizes = [spec_of(x).shape[-1] for x in (left, right)]
    if not all(size in (2, 3) for size in sizes):
        raise ShapeError(f"expects vectors of 2 or 3 components, got {spec_of(x1)} and {spec_of(x2)}")
    (a, b, *c), (d, e, *f) = (unstack(x, axis=-1) for x in (left, right))
    upright = subtract(multiply(a, e), multiply(b, d))
    if not c and not f:
        return upright
    along = subtract(multiply(b, f[0]), multiply(c[0], e)) if c and f else multiply(b, f[0]) if f else -(c[0] * e)
    across = subtract(multiply(c[0], d), multiply(a, f[0])) if c and f else -(a * f[0]) if f else multiply(c[0], d)
    return stack([along, across, upright], axisc)


def _axes(x: Spec, y: Spec, axes: int | Sequence[Any]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the pairs of summed axes of x and y."""
    if isinstance(axes, int):
        if axes > min(x.rank, y.rank):
            raise ShapeError(f"expects x and y with at least {axes} axes (x = {x}, y = {y})")
        return tuple(range(x.rank - axes, x.rank)), tuple(range(axes))
    x_axes, y_axes = axes_of(x, axes[0]), axes_of(y, axes[1])
    if len(x_axes) != len(y_axes):
        raise UsageError(f"tensordot expects equally many axes of x1 and x2, got {axes[0]} and {axes[1]}")
    return x_axes, y_axes


def _alike(x: object, y: object) -> tuple[Any, Any]:
    """Return x and y as tensors of their promoted dtype."""
    x, y = convert_to_tensor(x), convert_to_tensor(y)
    dtype = dtypes.promote(spec_of(x).dtype, spec_of(y).dtype)
    x, y = (each if spec_of(each).dtype == dtype else cast(each, dtype) for each in (x, y))
    return x, y
