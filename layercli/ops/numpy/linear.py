"""Matrix products: linear maps, matmul and batch_dot."""

from __future__ import annotations

from typing import Any

from layercli.core import dims
from layercli.core.backend import get_backend
from layercli.core.dims import Size
from layercli.core.operation import Op
from layercli.core.spec import Shape, Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import AxisError, ShapeError
from layercli.lazy import F, torch
from layercli.ops.core import kernel_overrides
from layercli.ops.numpy.elementwise import broadcast_shapes, promoted


@dataclass(frozen=True)
class Linear(Op):
    """out = x @ kernel + bias: x (..., features), kernel (features, units), bias (units,) or None."""

    promotes = True

    def spec(self, x: Spec, kernel: Spec, bias: Spec | None = None) -> Spec:
        """Return (..., units)."""
        if not x.rank:
            raise ShapeError(f"expects x with at least one axis (x = {x})")
        *lead, features = x.shape
        if not dims.may_equal(features, kernel.shape[0]):
            raise ShapeError(f"expects x with {kernel.shape[0]} features, got {features} (x = {x})")
        return Spec((*lead, kernel.shape[1]), promoted(x, kernel))

    def macs(self, x: Spec, kernel: Spec, bias: Spec | None = None) -> Size:
        """Return rows x features x units."""
        return dims.product(x.shape[:-1]) * kernel.size

    def run(self, x: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return torch's addmm for a matrix and a small kernel, else torch's linear with the transposed kernel."""
        if bias is not None and x.ndim == 2 and not kernel_overrides.is_large(kernel):
            return torch.addmm(bias, x, kernel)
        return multiplied(x, kernel, bias)


def multiplied(x: Tensor, kernel: Tensor, bias: Any) -> Tensor:
    """Return x @ kernel + bias by torch's linear, or for a large kernel by a faster one; bias may be None."""
    if kernel_overrides.is_large(kernel):
        out = (kernel_overrides.active.linear or get_backend().linear)(x, kernel, bias)
        if out is not None:
            return out
    return F.linear(x, kernel.T, bias)


@dataclass(frozen=True)
class MatMul(Op):
    """out = x @ y: x (..., n, k), y (..., k, m); leading axes broadcast; a vector is a row (x) or a column (y).

    The products of two int8 are summed in int32, as in Keras: in int8 the sum would overflow. Those of booleans are
    true where a pair is.
    """

    promotes = True

    def spec(self, x: Spec, y: Spec) -> Spec:
        """Return (..., n, m), without the axis of a vector; ShapeError where k differs."""
        if not x.rank or not y.rank:
            raise ShapeError(f"expects matrices or vectors (x = {x}, y = {y})")
        inner = y.shape[-2] if y.rank > 1 else y.shape[0]
        if not dims.may_equal(x.shape[-1], inner):
            raise ShapeError(f"expects y with {x.shape[-1]} rows, got {inner} (x = {x}, y = {y})")
        lead = broadcast_shapes(x.shape[:-2], y.shape[:-2])
        dtype = promoted(x, y)
        dtype = "int32" if dtype == "int8" else dtype
        return Spec((*lead, *x.shape[-2:-1], *(y.shape[-1:] if y.rank > 1 else ())), dtype)

    def macs(self, x: Spec, y: Spec) -> Size:
        """Return the size of the result x k."""
        return self.spec(x, y).size * x.shape[-1]

    def run(self, x: Tensor, y: Tensor) -> Tensor:
        """Return torch's matmul, or torch's linear or an override for a large matrix y."""
        kind = x.dtype
        if (kind is torch.int8 or kind is torch.bool) and y.dtype in (torch.int8, torch.bool):
            out = torch.matmul(x.int(), y.int())
            return out.bool() if kind is y.dtype is torch.bool else out
        if y.ndim == 2 <= x.ndim and y.layout is torch.strided and kernel_overrides.is_large(y):
            return multiplied(x, y, None)
        return torch.matmul(x, y)


def matmul(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the matrix product x1 @ x2: (..., n, k) and (..., k, m) to (..., n, m).

    Leading axes broadcast; a vector x1 is a row, a vector x2 a column, and the result lacks their axis. Raises
    ShapeError where k differs.
    """
    return MatMul()(x1, x2)


@dataclass(frozen=True)
class BatchDot(Op):
    """out[n, ..., ...] = sum over i of x[n, ..., i, ...] y[n, ..., i, ...]; ``axes``: the axis of i in x and in y.

    The remaining axes of x come first, then those of y; where neither has any, the result is (batch, 1).
    """

    axes: tuple[int, int]

    def spec(self, x: Spec, y: Spec) -> Spec:
        """Return (batch, *rest of x, *rest of y); ShapeError where the sizes of i or the batches differ."""
        (batch, rows, inner), (other, columns, same) = (_apart(*pair) for pair in zip((x, y), self.axes, strict=True))
        if not dims.may_equal(batch, other) or not dims.may_equal(inner, same):
            pair = f"axis {self.axes[0]} of x and axis {self.axes[1]} of y"
            raise ShapeError(f"expects {pair} of one size, and one batch size (x = {x}, y = {y})")
        return Spec((batch, *((*rows, *columns) or (1,))), promoted(x, y))

    def macs(self, x: Spec, y: Spec) -> Size:
        """Return the size of the result x the size of i."""
        return self.spec(x, y).size * x.shape[self.axes[0]]

    def run(self, x: Tensor, y: Tensor) -> Tensor:
        """Return torch's bmm, with i moved to the end of x and the start of y, and the remaining axes flattened."""
        left, right = x.movedim(self.axes[0], -1), y.movedim(self.axes[1], 1)
        shape = (*left.shape[:-1], *right.shape[2:])
        out = torch.bmm(left.reshape(len(x), -1, left.shape[-1]), right.reshape(len(y), right.shape[1], -1))
        return out.reshape(shape if len(shape) > 1 else (len(x), 1))


def _apart(x: Spec, axis: int) -> tuple[Size, Shape, Size]:
    """Return the batch, the remaining axes, and the size of the summed axis."""
    if not -x.rank < axis < x.rank or axis in (0, -x.rank):
        raise AxisError(f"expects inputs with an axis {axis} after the batch (x = {x})")
    inner = axis % x.rank
    return x.shape[0], tuple(n for i, n in enumerate(x.shape) if i not in (0, inner)), x.shape[inner]
