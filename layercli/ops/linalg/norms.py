"""Vector and matrix norms, normalization, pairwise distances and the peak signal-to-noise ratio."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from layercli.core import dims, dtypes
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError
from layercli.lazy import torch
from layercli.ops.core.axes import axes_of, given_axes
from layercli.ops.core.conversion import cast, convert_to_tensor
from layercli.ops.numpy.arithmetic import divide, maximum, minimum, multiply, square, subtract
from layercli.ops.numpy.elementwise import Unary, broadcast_shapes, promoted
from layercli.ops.numpy.exponential import log10
from layercli.ops.numpy.reductions import Reduction

MATRIX_NORMS = (None, "fro", "nuc", 1, -1, 2, -2, float("inf"), float("-inf"))
"""The orders of matrix norms."""


@dataclass(frozen=True)
class Norm(Op):
    """out = the norm of x over ``axis``: over one axis (sum |x|^ord)^(1 / ord), over two a matrix norm.

    ``ord`` None: sqrt(sum x^2) over one axis, two or all. Matrix norms: ``fro`` the same; 1 and -1 the largest and smallest column
    sum of |x|; inf and -inf the row sum; 2 and -2 the singular value; ``nuc`` the sum of singular values.
    """

    ord: float | str | None = None
    axis: int | tuple[int, ...] | None = None
    keepdims: bool = False

    def spec(self, x: Spec) -> Spec:
        """Return x's shape without the axes, in a floating dtype; ShapeError where ``ord`` is not defined for the
        number of axes.
        """
        axes = axes_of(x, self.axis)
        if len(axes) not in (1, 2) and not (self.ord is None and self.axis is None):
            order = "" if self.ord is None else f" of the order {self.ord}"
            raise ShapeError(f"expects 1 or 2 axes for a norm{order}, got {len(axes)} (x = {x})")
        if len(axes) == 1 and isinstance(self.ord, str):
            raise ShapeError(f"expects 2 axes for a norm of the order {self.ord}, got 1 (x = {x})")
        if len(axes) == 2 and self.ord not in MATRIX_NORMS:
            raise ShapeError(f"expects 1 axis for a norm of the order {self.ord}, got 2 (x = {x})")
        kept = tuple(1 if i in axes else size for i, size in enumerate(x.shape) if self.keepdims or i not in axes)
        return Spec(kept, x.dtype if dtypes.is_floating(x.dtype) else "float32")

    def run(self, x: Tensor) -> Any:
        """Return torch's norm."""
        x = x if x.is_floating_point() else x.float()
        axes = tuple(range(x.ndim)) if self.axis is None else self.axis
        if isinstance(axes, tuple) and len(axes) > 2 and self.axis is not None:
            self.spec(spec_of(x))
        if self.ord is None:
            return torch.linalg.vector_norm(x, 2, axes, self.keepdims)
        return torch.linalg.norm(x, self.ord, axes, self.keepdims)


def norm(
    x: TensorLike, ord: float | str | None = None, axis: int | Iterable[int] | None = None, keepdims: bool = False
) -> Tensor:
    """Return the norm of x over ``axis`` (None: all axes): a vector norm over one axis, a matrix norm over two.

    ``ord`` None: sqrt(sum x^2); else a number, inf or -inf, or for matrices ``fro`` or ``nuc``. Raises ShapeError where
    ``ord`` is not defined for the number of axes.
    """
    return Norm(ord, given_axes(axis), keepdims)(x)


def normalize(x: TensorLike, axis: Any = -1, order: float = 2, epsilon: float | None = None) -> Tensor:
    """Return x / max(norm(x, order) along ``axis``, epsilon); epsilon is 1e-7 by default."""
    epsilon = 1e-7 if epsilon is None else epsilon
    if not isinstance(order, int) or order < 1:
        raise UsageError(f"normalize expects order to be an integer of at least 1, got {order!r}")
    axis = given_axes(axis)
    if order == 2:
        inverse = Unary("rsqrt")(Reduction("sum", axis, True)(square(x)))
        return multiply(x, minimum(inverse, 1 / epsilon))
    return divide(x, maximum(norm(x, order, axis, True), epsilon))


@dataclass(frozen=True)
class Cdist(Op):
    """out[..., i, j] = |x[..., i, :] - y[..., j, :]|, the Euclidean distance."""

    def spec(self, x: Spec, y: Spec) -> Spec:
        """Return (..., points of x, points of y); ShapeError where the numbers of coordinates differ."""
        if min(x.rank, y.rank) < 2 or not dims.may_equal(x.shape[-1], y.shape[-1]):
            raise ShapeError(f"expects points with one number of coordinates (x = {x}, y = {y})")
        return Spec((*broadcast_shapes(x.shape[:-2], y.shape[:-2]), x.shape[-2], y.shape[-2]), promoted(x, y))

    def run(self, x: Tensor, y: Tensor) -> Tensor:
        """Return torch's cdist, computed without matrix products; in float32 for narrower dtypes, which lack a kernel."""
        dtype = torch.promote_types(x.dtype, y.dtype)
        x, y = (each.float() if dtype in (torch.float16, torch.bfloat16) else each for each in (x, y))
        out = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
        return out.to(dtype) if dtype.is_floating_point else out


def cdist(x: TensorLike, y: TensorLike) -> Tensor:
    """Return the Euclidean distance between each point of x (..., points, coordinates) and each of y: (..., points of
    x, points of y).
    """
    x, y = convert_to_tensor(x), convert_to_tensor(y)
    dtype = promoted(spec_of(x), spec_of(y))
    dtype = dtype if dtypes.is_floating(dtype) else "float32"
    return Cdist()(*(each if spec_of(each).dtype == dtype else cast(each, dtype) for each in (x, y)))


def psnr(x1: TensorLike, x2: TensorLike, max_val: float) -> Tensor:
    """Return 20 log10(max_val) - 10 log10(mean((x1 - x2)^2)): the peak signal-to-noise ratio in decibels."""
    x1, x2 = convert_to_tensor(x1), convert_to_tensor(x2)
    first, second = spec_of(x1), spec_of(x2)
    if first.rank != second.rank or not all(map(dims.may_equal, first.shape, second.shape)):
        raise ShapeError(f"expects x1 and x2 of one shape, got {first} and {second}")
    peak = cast(convert_to_tensor(max_val), second.dtype)
    return 20 * log10(peak) - 10 * log10(Reduction("mean")(square(subtract(x1, x2))))
