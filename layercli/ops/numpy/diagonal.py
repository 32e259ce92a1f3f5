"""Diagonals of matrices, and diagonal matrices."""

from __future__ import annotations

from layercli.core import dims
from layercli.core.dims import UNKNOWN, Size
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.lazy import torch
from layercli.ops.core.axes import axes_of
from layercli.ops.core.conversion import convert_to_tensor
from layercli.ops.numpy.reductions import Reduction
from layercli.ops.numpy.reshaping import ravel


@dataclass(frozen=True)
class Diagonal(Op):
    """out[..., i] = x at index i of ``axis1`` and i + offset of ``axis2``: a view, with the diagonal as the last axis."""

    offset: int = 0
    axis1: int = 0
    axis2: int = 1

    def spec(self, x: Spec) -> Spec:
        """Return x's other axes and the diagonal's length."""
        first, second = axes_of(x, (self.axis1, self.axis2))
        others = tuple(size for i, size in enumerate(x.shape) if i not in (first, second))
        return Spec((*others, self._length(x.shape[first], x.shape[second])), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's diagonal."""
        return torch.diagonal(x, self.offset, self.axis1, self.axis2)

    def _length(self, rows: Size, columns: Size) -> Size:
        rows, columns = (rows + self.offset, columns) if self.offset < 0 else (rows, columns - self.offset)
        if isinstance(rows, int) and isinstance(columns, int):
            return max(min(rows, columns), 0)
        least = dims.lower_bound(rows)
        return rows if rows == columns and least is not None and least >= 0 else UNKNOWN


@dataclass(frozen=True)
class DiagonalMatrix(Op):
    """out[i, i + k] = x[i], 0 elsewhere: a square matrix with the vector x on diagonal k."""

    k: int = 0

    def spec(self, x: Spec) -> Spec:
        """Return (n + |k|, n + |k|)."""
        (size,) = x.shape
        return Spec((size + abs(self.k),) * 2, x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's diag_embed."""
        return torch.diag_embed(x, self.k)


def diag(x: TensorLike, k: int = 0) -> Tensor:
    """Return diagonal ``k`` of the matrix x, or the matrix with the vector x on diagonal ``k``; k > 0 is above the main
    diagonal.

    Raises ShapeError where x does not have 1 or 2 axes.
    """
    x = convert_to_tensor(x)
    spec = spec_of(x)
    if spec.rank not in (1, 2):
        raise ShapeError(f"expects x with 1 or 2 axes, got {spec.rank} (x = {spec})")
    return DiagonalMatrix(k)(x) if spec.rank == 1 else Diagonal(k)(x)


def diagflat(x: TensorLike, k: int = 0) -> Tensor:
    """Return the matrix with x, flattened, on diagonal ``k``."""
    return DiagonalMatrix(k)(ravel(convert_to_tensor(x)))


def diagonal(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Return the diagonals, ``offset`` above the main one, of the matrices along two axes, as the last axis."""
    return Diagonal(offset, axis1, axis2)(convert_to_tensor(x))


def trace(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Return the sums along the diagonals, as ``diagonal`` returns them."""
    return Reduction("sum", -1)(diagonal(x, offset, axis1, axis2))
