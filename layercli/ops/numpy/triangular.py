"""Lower and upper triangles of matrices."""

from __future__ import annotations

from collections.abc import Callable

from layercli.core.dims import Size
from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import DTypeLike, Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.lazy import torch
from layercli.ops.numpy.creation import ones

TRIANGLES: dict[str, Callable[[Tensor, int], Tensor]] = {
    "tril": lambda x, k: torch.tril(x, k),
    "triu": lambda x, k: torch.triu(x, k),
}
"""torch's functions of the lower and the upper triangle."""


@dataclass(frozen=True)
class Triangle(Op):
    """out = one triangle of each matrix of x (..., rows, columns), 0 elsewhere; ``function`` is a key of ``TRIANGLES``.

    Diagonal ``k``, above the main one where k > 0, is kept.
    """

    function: str
    k: int = 0

    def spec(self, x: Spec) -> Spec:
        """Return x's spec; ShapeError where x has fewer than 2 axes."""
        if x.rank < 2:
            raise ShapeError(f"expects x with at least 2 axes, got {x.rank} (x = {x})")
        return x

    def run(self, x: Tensor) -> Tensor:
        """Return torch's function of x."""
        return TRIANGLES[self.function](x, self.k)


def tril(x: TensorLike, k: int = 0) -> Tensor:
    """Return x with zeros above diagonal ``k`` of its matrices (..., rows, columns)."""
    return Triangle("tril", k)(x)


def triu(x: TensorLike, k: int = 0) -> Tensor:
    """Return x with zeros below diagonal ``k`` of its matrices (..., rows, columns)."""
    return Triangle("triu", k)(x)


def tri(N: Size, M: Size | None = None, k: int = 0, dtype: DTypeLike | None = None) -> Tensor:
    """Return the matrix of N rows and M (None: N) columns with ones on and below diagonal k, zeros above, float32 by
    default.
    """
    return tril(ones((N, N if M is None else M), dtype), k)
