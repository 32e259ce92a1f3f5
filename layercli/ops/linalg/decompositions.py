"""Matrix decompositions, and the functions of matrices computed from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layercli.core import dims, dtypes
from layercli.core.dims import Size
from layercli.core.operation import MultiOutputOp, Op, TreeOp, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import DTypeError, ShapeError, UsageError, ValueRangeError
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
"""Functions of square matrices: the kind of each result, m matrix, v vector, n number, c for complex; and torch's function."""

COMPLEX = {"float32": "complex64", "float64": "complex128"}


@dataclass(frozen=True)
class OfSquare(TreeOp):
    """out = function(x) of each matrix of x (..., n, n); ``function`` is a key of ``OF_SQUARES``."""

    function: str

    def spec(self, x: Spec) -> Any:
        """Return the shapes in the table; ShapeError where the matrices are not square."""
        check_matrices(x)
        *lead, rows, columns = x.shape
        if not dims.may_equal(rows, columns):
            raise ShapeError(f"expects square matrices, got {x}")
        kinds = {"m": (*lead, rows, columns), "v": (*lead, rows), "n": tuple(lead)}
        results = OF_SQUARES[self.function][0].split()
        specs = tuple(Spec(kinds[each[-1]], COMPLEX[x.dtype] if each[0] == "c" else x.dtype) for each in results)
        return specs if len(specs) > 1 else specs[0]

    def run(self, x: Tensor) -> Any:
        """Return torch's function; ValueRangeError for a matrix that has no Cholesky factor."""
        try:
            return OF_SQUARES[self.function][1](x)
        except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]  # torch documents it
            if self.function.startswith("cholesky"):
                raise ValueRangeError(f"{self.function} expects positive-definite matrices ({error})") from error
            raise


@dataclass(frozen=True)
class Qr(MultiOutputOp):
    """q and r with x = q @ r, x (..., n, m): q orthogonal, r upper triangular. ``complete``: q has n columns."""

    mode: str = "reduced"

    def spec(self, x: Spec) -> tuple[Spec, Spec]:
        """Return (..., n, k) and (..., k, m); k = min(n, m), or n for ``complete``."""
        check_matrices(x)
        *lead, rows, columns = x.shape
        inner = rows if self.mode == "complete" else dims_lesser(rows, columns)
        return Spec((*lead, rows, inner), x.dtype), Spec((*lead, inner, columns), x.dtype)

    def run(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return torch's qr."""
        return tuple(torch.linalg.qr(x, self.mode))


@dataclass(frozen=True)
class Svd(MultiOutputOp):
    """u, s and v with x = u @ diag(s) @ v, x (..., n, m): u and v orthogonal, s descending. ``full``: u and v are
    square.
    """

    full: bool = True

    def spec(self, x: Spec) -> tuple[Spec, Spec, Spec]:
        """Return (..., n, k), (..., k) and (..., k, m); k = min(n, m), but u (..., n, n) and v (..., m, m) for
        ``full``.
        """
        check_matrices(x)
        *lead, rows, columns = x.shape
        inner = dims_lesser(rows, columns)
        left, right = (rows, columns) if self.full else (inner, inner)
        return (
            Spec((*lead, rows, left), x.dtype),
            Spec((*lead, inner), x.dtype),
            Spec((*lead, right, columns), x.dtype),
        )

    def run(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return torch's svd."""
        return tuple(torch.linalg.svd(x, self.full))


@dataclass(frozen=True)
class SingularValues(Op):
    """out = the singular values of each matrix of x (..., n, m), descending."""

    def spec(self, x: Spec) -> Spec:
        """Return (..., min(n, m))."""
        check_matrices(x)
        return Spec((*x.shape[:-2], dims_lesser(*x.shape[-2:])), x.dtype)

    def run(self, x: Tensor) -> Any:
        """Return torch's svdvals."""
        return torch.linalg.svdvals(x)


@dataclass(frozen=True)
class LuFactor(MultiOutputOp):
    """The LU factors l and u in one matrix, x = p @ l @ u, and the pivots: the row exchanged with each row, from 0, in
    int32.
    """

    def spec(self, x: Spec) -> tuple[Spec, Spec]:
        """Return x's spec and (..., min(n, m))."""
        check_matrices(x)
        return x, Spec((*x.shape[:-2], dims_lesser(*x.shape[-2:])), "int32")

    def run(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return torch's lu_factor, with its pivots, which start at 1, reduced by 1."""
        factors, pivots = torch.linalg.lu_factor(x)
        return factors, pivots - 1


@dataclass(frozen=True)
class PseudoInverse(Op):
    """out = v @ diag(1 / s) @ u.T for each matrix x = u @ diag(s) @ v.T; s up to ``rcond`` * max(s) counts as 0.

    ``rcond`` None is 10 * max(n, m) * the machine epsilon.
    """

    rcond: float | None = None

    def spec(self, x: Spec) -> Spec:
        """Return (..., m, n)."""
        check_matrices(x)
        *lead, rows, columns = x.shape
        return Spec((*lead, columns, rows), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's pinv."""
        rcond = 10 * max(x.shape[-2:]) * torch.finfo(x.dtype).eps if self.rcond is None else self.rcond
        out: Tensor = torch.linalg.pinv(x, rtol=rcond, atol=0.0)
        return out


@dataclass(frozen=True)
class MatrixRank(Op):
    """out = the number of singular values greater than ``tol`` of each matrix of x, in int32.

    ``tol`` None is max(s) * max(n, m) * the machine epsilon.
    """

    tol: float | None = None

    def spec(self, x: Spec) -> Spec:
        """Return x's shape without the last two axes."""
        check_matrices(x)
        return Spec(x.shape[:-2], "int32")

    def run(self, x: Tensor) -> Tensor:
        """Return the number of torch's singular values above the tolerance."""
        values = torch.linalg.svdvals(x)
        least = values[..., :1] * max(x.shape[-2:]) * torch.finfo(x.dtype).eps if self.tol is None else self.tol
        out: Tensor = (values > least).sum(-1).int()
        return out


def cholesky(x: TensorLike, upper: bool = False) -> Tensor:
    """Return the lower triangular l with x = l @ l.T of each matrix x, or u with x = u.T @ u for ``upper``."""
    out: Tensor = OfSquare("cholesky upper" if upper else "cholesky")(matrices(x))
    return out


def cholesky_inverse(x: TensorLike, upper: bool = False) -> Tensor:
    """Return the inverse of l @ l.T, or of u.T @ u for ``upper``, from the triangular factor x that ``cholesky``
    returns.
    """
    out: Tensor = OfSquare("cholesky_inverse upper" if upper else "cholesky_inverse")(matrices(x))
    return out


def det(x: TensorLike) -> Tensor:
    """Return the determinant of each matrix of x (..., n, n)."""
    out: Tensor = OfSquare("det")(matrices(x))
    return out


def slogdet(x: TensorLike) -> tuple[Tensor, Tensor]:
    """Return the sign and the logarithm of the absolute value of the determinant of each matrix."""
    sign, logarithm = OfSquare("slogdet")(matrices(x))
    return sign, logarithm


def logdet(x: TensorLike) -> Tensor:
    """Return the logarithm of the absolute value of the determinant of each matrix."""
    return slogdet(x)[1]


def eig(x: TensorLike) -> tuple[Tensor, Tensor]:
    """Return the eigenvalues (..., n) and the eigenvectors (..., n, n), as columns, of each matrix; both are complex."""
    values, vectors = OfSquare("eig")(matrices(x))
    return values, vectors


def eigh(x: TensorLike) -> tuple[Tensor, Tensor]:
    """Return the eigenvalues, ascending, and the eigenvectors, as columns, of each symmetric matrix."""
    values, vectors = OfSquare("eigh")(matrices(x))
    return values, vectors


def inv(x: TensorLike) -> Tensor:
    """Return the inverse of each matrix of x (..., n, n)."""
    out: Tensor = OfSquare("inv")(matrices(x))
    return out


def lu_factor(x: TensorLike) -> tuple[Tensor, Tensor]:
    """Return the LU factors in one matrix, x = p @ l @ u, and the pivots: the row exchanged with each row, from 0, in
    int32.
    """
    factors, pivots = LuFactor()(matrices(x))
    return factors, pivots


def qr(x: TensorLike, mode: str = "reduced") -> tuple[Tensor, Tensor]:
    """Return q and r with x = q @ r: q orthogonal, r upper triangular. ``mode`` complete: q is square; else reduced."""
    if mode not in ("reduced", "complete"):
        raise UsageError(f"qr expects mode to be reduced or complete, got {mode!r}")
    q, r = Qr(mode)(matrices(x))
    return q, r


def svd(x: TensorLike, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Return u, s and v with x = u @ diag(s) @ v, s descending; only s without ``compute_uv``."""
    return Svd(full_matrices)(matrices(x)) if compute_uv else SingularValues()(matrices(x))


def pinv(x: TensorLike, rcond: float | None = None) -> Tensor:
    """Return the pseudo-inverse of each matrix; singular values up to ``rcond`` times the largest count as 0."""
    return PseudoInverse(rcond)(matrices(x))


def matrix_rank(x: TensorLike, tol: float | None = None) -> Tensor:
    """Return the number of singular values of each matrix greater than ``tol``, in int32."""
    return MatrixRank(tol)(matrices(x))


def matrices(x: TensorLike) -> Tensor:
    """Return x as a tensor of a floating dtype."""
    x = convert_to_tensor(x)
    return x if dtypes.rank(spec_of(x).dtype) >= 2 else cast(x, "float32")


def check_matrices(x: Spec) -> None:
    """Raise ShapeError where x has fewer than 2 axes, DTypeError where torch has no decompositions in its dtype."""
    if x.rank < 2:
        raise ShapeError(f"expects x with at least 2 axes, got {x.rank} (x = {x})")
    if x.dtype not in COMPLEX:
        raise DTypeError(f"expects matrices of float32 or float64, got {x}")


def dims_lesser(left: Size, right: Size) -> Any:
    """Return the smaller of two sizes; an anonymous unknown where their order is unknown."""
    if dims.known(left) and dims.known(right):
        return min(left, right)
    least, greatest = dims.lower_bound(left - right), dims.lower_bound(right - left)
    if least is not None and least >= 0:
        return right
    return left if greatest is not None and greatest >= 0 else dims.UNKNOWN
