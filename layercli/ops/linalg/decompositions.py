"""Matrices as products of others, and what those tell of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from layercli.core import dims, dtypes
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Spec
from layercli.errors import DTypeError, ShapeError, UsageError
from layercli.lazy import torch
from layercli.ops.core.conversion import cast, convert_to_tensor

OF_SQUARES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "cholesky": ("m", lambda x: torch.linalg.cholesky(x)),
    "cholesky upper": ("m", lambda x: torch.linalg.cholesky(x, upper=True)),
    "cholesky_inverse": ("m", lambda x: torch.cholesky_inverse(x)),
    "cholesky_inverse upper": ("m", lambda x: torch.cholesky_inverse(x, upper=True)),
    "det": ("n", lambda x: torch.linalg.det(x)),
    "eig": ("cv cm", lambda x: tuple(torch.linalg.eig(x))),
    "eigh": ("v m", lambda x: tuple(torch.linalg.eigh(x))),
    "inv": ("m", lambda x: torch.linalg.inv(x)),
    "slogdet": ("n n", lambda x: tuple(torch.linalg.slogdet(x))),
}
"""Functions of square matrices: for each result m, v or n (a matrix, a vector, a number per matrix), c if complex."""

COMPLEX = {"float32": "complex64", "float64": "complex128"}


@dataclass(frozen=True)
class OfSquare(Op):
    """The function, a key of ``OF_SQUARES``, of each matrix of x (..., n, n)."""

    function: str

    def spec(self, x: Spec) -> Any:
        """Return what the table says of the results; ShapeError where the matrices are not square."""
        check_matrices(x)
        *lead, rows, columns = x.shape
        if not dims.may_equal(rows, columns):
            raise ShapeError(f"expects square matrices, got {x}")
        kinds = {"m": (*lead, rows, columns), "v": (*lead, rows), "n": tuple(lead)}
        results = OF_SQUARES[self.function][0].split()
        specs = tuple(Spec(kinds[each[-1]], COMPLEX[x.dtype] if each[0] == "c" else x.dtype) for each in results)
        return specs if len(specs) > 1 else specs[0]

    def run(self, x: Any) -> Any:
        """Return torch's function."""
        return OF_SQUARES[self.function][1](x)


@dataclass(frozen=True)
class Qr(Op):
    """q and r, x (..., n, m) being q @ r: q orthogonal, r upper triangular; ``complete`` has all n columns of q."""

    mode: str = "reduced"

    def spec(self, x: Spec) -> tuple[Spec, Spec]:
        """Return (..., n, k) and (..., k, m), k being the lesser of n and m, or n."""
        check_matrices(x)
        *lead, rows, columns = x.shape
        inner = rows if self.mode == "complete" else dims_lesser(rows, columns)
        return Spec((*lead, rows, inner), x.dtype), Spec((*lead, inner, columns), x.dtype)

    def run(self, x: Any) -> Any:
        """Return torch's qr."""
        return tuple(torch.linalg.qr(x, self.mode))


@dataclass(frozen=True)
class Svd(Op):
    """u, s and v, x (..., n, m) being u @ diag(s) @ v: u and v orthogonal, s falling; ``full`` has all n and m of them."""

    full: bool = True

    def spec(self, x: Spec) -> tuple[Spec, Spec, Spec]:
        """Return (..., n, k), (..., k) and (..., k, m), k being the lesser of n and m; n and m for ``full``."""
        check_matrices(x)
        *lead, rows, columns = x.shape
        inner = dims_lesser(rows, columns)
        left, right = (rows, columns) if self.full else (inner, inner)
        return (
            Spec((*lead, rows, left), x.dtype),
            Spec((*lead, inner), x.dtype),
            Spec((*lead, right, columns), x.dtype),
        )

    def run(self, x: Any) -> Any:
        """Return torch's svd."""
        return tuple(torch.linalg.svd(x, self.full))


@dataclass(frozen=True)
class SingularValues(Op):
    """out = the singular values of each matrix of x (..., n, m), falling."""

    def spec(self, x: Spec) -> Spec:
        """Return (..., the lesser of n and m)."""
        check_matrices(x)
        return Spec((*x.shape[:-2], dims_lesser(*x.shape[-2:])), x.dtype)

    def run(self, x: Any) -> Any:
        """Return torch's svdvals."""
        return torch.linalg.svdvals(x)


@dataclass(frozen=True)
class LuFactor(Op):
    """l and u in one matrix of x's shape, x being p @ l @ u, and with which row each row was exchanged, from 0 on, in int32."""

    def spec(self, x: Spec) -> tuple[Spec, Spec]:
        """Return x's spec and (..., the lesser of n and m)."""
        check_matrices(x)
        return x, Spec((*x.shape[:-2], dims_lesser(*x.shape[-2:])), "int32")

    def run(self, x: Any) -> Any:
        """Return torch's lu_factor, whose rows are counted from 1."""
        factors, pivots = torch.linalg.lu_factor(x)
        return factors, pivots - 1


@dataclass(frozen=True)
class PseudoInverse(Op):
    """out = v @ diag(1 / s) @ u of each matrix of x = u @ diag(s) @ v; an s up to ``rcond`` times the greatest counts as 0.

    None is 10 times the greater of n and m times the least difference from 1.
    """

    rcond: float | None = None

    def spec(self, x: Spec) -> Spec:
        """Return (..., m, n)."""
        check_matrices(x)
        *lead, rows, columns = x.shape
        return Spec((*lead, columns, rows), x.dtype)

    def run(self, x: Any) -> Any:
        """Return torch's pinv."""
        rcond = 10 * max(x.shape[-2:]) * torch.finfo(x.dtype).eps if self.rcond is None else self.rcond
        return torch.linalg.pinv(x, rtol=rcond, atol=0.0)


@dataclass(frozen=True)
class MatrixRank(Op):
    """out = how many singular values of each matrix of x are greater than ``tol``, in int32.

    None is the greatest times the greater of n and m times the least difference from 1.
    """

    tol: float | None = None

    def spec(self, x: Spec) -> Spec:
        """Return x's shape without the matrices."""
        check_matrices(x)
        return Spec(x.shape[:-2], "int32")

    def run(self, x: Any) -> Any:
        """Return torch's singular values counted."""
        values = torch.linalg.svdvals(x)
        least = values[..., :1] * max(x.shape[-2:]) * torch.finfo(x.dtype).eps if self.tol is None else self.tol
        return (values > least).sum(-1).int()


def cholesky(x: Any, upper: bool = False) -> Any:
    """Return the lower triangular l of each matrix x = l @ l.T, or the ``upper`` one u of x = u.T @ u."""
    return OfSquare("cholesky upper" if upper else "cholesky")(matrices(x))


def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """Return the inverse of l @ l.T, or of u.T @ u, for the triangular matrix x that ``cholesky`` gives."""
    return OfSquare("cholesky_inverse upper" if upper else "cholesky_inverse")(matrices(x))


def det(x: Any) -> Any:
    """Return the determinant of each matrix of x (..., n, n)."""
    return OfSquare("det")(matrices(x))


def slogdet(x: Any) -> tuple[Any, Any]:
    """Return the sign of the determinant of each matrix, and the logarithm of its absolute value."""
    sign, logarithm = OfSquare("slogdet")(matrices(x))
    return sign, logarithm


def logdet(x: Any) -> Any:
    """Return the logarithm of the absolute value of the determinant of each matrix."""
    return slogdet(x)[1]


def eig(x: Any) -> tuple[Any, Any]:
    """Return the eigenvalues of each matrix (..., n) and its eigenvectors (..., n, n), in columns; both are complex."""
    values, vectors = OfSquare("eig")(matrices(x))
    return values, vectors


def eigh(x: Any) -> tuple[Any, Any]:
    """Return the eigenvalues of each symmetric matrix, rising, and its eigenvectors, in columns."""
    values, vectors = OfSquare("eigh")(matrices(x))
    return values, vectors


def inv(x: Any) -> Any:
    """Return the inverse of each matrix of x (..., n, n)."""
    return OfSquare("inv")(matrices(x))


def lu_factor(x: Any) -> tuple[Any, Any]:
    """Return l and u in one matrix, x being p @ l @ u, and with which row each was exchanged, from 0 on, in int32."""
    factors, pivots = LuFactor()(matrices(x))
    return factors, pivots


def qr(x: Any, mode: str = "reduced") -> tuple[Any, Any]:
    """Return q and r, x being q @ r: q orthogonal, r upper triangular; ``complete`` has as many columns of q as rows."""
    if mode not in ("reduced", "complete"):
        raise UsageError(f"qr expects mode to be reduced or complete, got {mode!r}")
    q, r = Qr(mode)(matrices(x))
    return q, r


def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Return u, s and v, x being u @ diag(s) @ v, s falling; s alone without ``compute_uv``."""
    return Svd(full_matrices)(matrices(x)) if compute_uv else SingularValues()(matrices(x))


def pinv(x: Any, rcond: float | None = None) -> Any:
    """Return the pseudo-inverse of each matrix; singular values up to ``rcond`` times the greatest count as 0."""
    return PseudoInverse(rcond)(matrices(x))


def matrix_rank(x: Any, tol: float | None = None) -> Any:
    """Return how many singular values of each matrix are greater than ``tol``, in int32."""
    return MatrixRank(tol)(matrices(x))


def matrices(x: Any) -> Any:
    """Return x as a tensor of a floating dtype."""
    x = convert_to_tensor(x)
    return x if dtypes.rank(spec_of(x).dtype) >= 2 else cast(x, "float32")


def check_matrices(x: Spec) -> None:
    """Raise ShapeError where x has no matrices, DTypeError where torch has no functions of them."""
    if x.rank < 2:
        raise ShapeError(f"expects x with at least 2 axes, got {x.rank} (x = {x})")
    if x.dtype not in COMPLEX:
        raise DTypeError(f"expects matrices of float32 or float64, got {x}")


def dims_lesser(left: Any, right: Any) -> Any:
    """Return the lesser of two sizes; a anonymous unknown where that is not known."""
    if dims.known(left) and dims.known(right):
        return min(left, right)
    least, greatest = dims.lower_bound(left - right), dims.lower_bound(right - left)
    if least is not None and least >= 0:
        return right
    return left if greatest is not None and greatest >= 0 else dims.UNKNOWN
