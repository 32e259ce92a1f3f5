"""Solvers of systems of linear equations."""

from __future__ import annotations

from typing import Any

from layercli.core import dims
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.lazy import torch
from layercli.ops.linalg.decompositions import check_matrices, matrices
from layercli.ops.numpy.elementwise import broadcast_shapes, promoted


@dataclass(frozen=True)
class Solve(Op):
    """out = x with a @ x = b: a (..., n, n); b (..., n, k), or vectors (n,), or (..., n) with one axis less than a.

    The leading axes broadcast. ``triangle``: ``lower`` or ``upper`` where a is triangular and only that triangle is read,
    else empty.
    """

    triangle: str = ""

    def spec(self, a: Spec, b: Spec) -> Spec:
        """Return b's shape after broadcasting; ShapeError where a is not square or b's rows differ from a's."""
        check_matrices(a)
        *lead, rows, columns = a.shape
        vector = self.takes_vectors(a, b)
        wanted = b.shape[-1:] if vector else b.shape[-2:-1]
        if not dims.may_equal(rows, columns) or not wanted or not dims.may_equal(rows, wanted[0]):
            raise ShapeError(f"expects square matrices a, and b with their number of rows (a = {a}, b = {b})")
        if vector:
            return Spec((*broadcast_shapes(tuple(lead), b.shape[:-1]), b.shape[-1]), promoted(a, b))
        return Spec((*broadcast_shapes(tuple(lead), b.shape[:-2]), *b.shape[-2:]), promoted(a, b))

    def takes_vectors(self, a: Spec, b: Spec) -> bool:
        """Whether b holds vectors: it has one axis, or those of a but the last, of a's sizes unless a is triangular."""
        if b.rank == 1 or b.rank != a.rank - 1:
            return b.rank == 1
        return bool(self.triangle) or all(map(dims.may_equal, a.shape[:-1], b.shape))

    def run(self, a: Tensor, b: Tensor) -> Tensor:
        """Return torch's solve, or its solve_triangular."""
        self.spec(spec_of(a), spec_of(b))
        vector = self.takes_vectors(spec_of(a), spec_of(b))
        b = b.unsqueeze(-1) if vector else b
        upper = self.triangle == "upper"
        out = torch.linalg.solve_triangular(a, b, upper=upper) if self.triangle else torch.linalg.solve(a, b)
        result: Tensor = out.squeeze(-1) if vector else out
        return result


@dataclass(frozen=True)
class LeastSquares(Op):
    """out = the x of least norm that minimizes |a @ x - b|: a (n, m), b (n,) or (n, k).

    Singular values of a up to ``rcond`` times the largest count as 0; None is max(n, m) * the machine epsilon.
    """

    rcond: float | None = None

    def spec(self, a: Spec, b: Spec) -> Spec:
        """Return (m,) or (m, k); ShapeError where a and b differ in rows."""
        check_matrices(a)
        if a.rank != 2 or b.rank not in (1, 2) or not dims.may_equal(a.shape[0], b.shape[0]):
            raise ShapeError(f"expects a matrix a, and b with its number of rows (a = {a}, b = {b})")
        return Spec((a.shape[1], *b.shape[1:]), promoted(a, b))

    def run(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the product of b and the pseudo-inverse by torch's svd."""
        self.spec(spec_of(a), spec_of(b))
        rcond = max(a.shape) * torch.finfo(a.dtype).eps if self.rcond is None else self.rcond
        u, s, v = torch.linalg.svd(a, full_matrices=False)
        kept = s > rcond * s[:1]
        scaled = torch.where(kept, 1 / torch.where(kept, s, 1), 0)
        columns = b.unsqueeze(1) if b.ndim == 1 else b
        out = (v.T * scaled).matmul(u.T.matmul(columns))
        result: Tensor = out.squeeze(1) if b.ndim == 1 else out
        return result

    def macs(self, a: Spec, b: Spec) -> Any:
        """Return min(n, m) * (n + m) * k: the cost after the singular value decomposition."""
        from layercli.ops.linalg.decompositions import dims_lesser

        columns = b.shape[1] if b.rank == 2 else 1
        return dims_lesser(*a.shape) * (a.shape[0] + a.shape[1]) * columns


def solve(a: TensorLike, b: TensorLike) -> Tensor:
    """Return x with a @ x = b for matrices a (..., n, n) and b (..., n, k), or vectors b (..., n) with one axis less than a."""
    return Solve()(matrices(a), matrices(b))


def solve_triangular(a: TensorLike, b: TensorLike, lower: bool = False) -> Tensor:
    """Return x with a @ x = b for triangular matrices a; the upper triangle is read, or the lower one for ``lower``.

    b has a's number of axes, or one less: then it holds vectors.
    """
    return Solve("lower" if lower else "upper")(matrices(a), matrices(b))


def lstsq(a: TensorLike, b: TensorLike, rcond: float | None = None) -> Tensor:
    """Return the x of least norm that minimizes |a @ x - b|; singular values up to ``rcond`` times the largest count as
    0.
    """
    return LeastSquares(rcond)(matrices(a), matrices(b))
