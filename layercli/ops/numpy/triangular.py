"""Matrices without what is above a diagonal, or below it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from layercli.core.dims import Size
from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.errors import ShapeError
from layercli.lazy import torch
from layercli.ops.numpy.creation import ones

TRIANGLES: dict[str, Callable[[Any, int], Any]] = {
    "tril": lambda x, k: torch.tril(x, k),
    "triu": lambda x, k: torch.triu(x, k),
}
"""What is kept of a matrix: its lower or its upper triangle."""


@dataclass(frozen=True)
class Triangle(Op):
    """out = x (..., rows, columns) in one triangle of its matrices, 0 in the other; ``function`` is a key of ``TRIANGLES``.

    The ``k``-th diagonal, above the main one where k > 0, is kept.
    """

    function: str
    k: int = 0

    def spec(self, x: Spec) -> Spec:
        """Return x's spec; ShapeError where x has no matrices."""
        if x.rank < 2:
            raise ShapeError(f"expects x with at least 2 axes, got {x.rank} (x = {x})")
        return x

    def run(self, x: Any) -> Any:
        """Return torch's function of x."""
        return TRIANGLES[self.function](x, self.k)


def tril(x: Any, k: int = 0) -> Any:
    """Return x with zeros above the ``k``-th diagonal of its matrices (..., rows, columns)."""
    return Triangle("tril", k)(x)


def triu(x: Any, k: int = 0) -> Any:
    """Return x with zeros below the ``k``-th diagonal of its matrices (..., rows, columns)."""
    return Triangle("triu", k)(x)


def tri(N: Size, M: Size | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Return the matrix of N rows and M (None: N) columns with ones up to its k-th diagonal, zeros above, in float32."""
    return tril(ones((N, N if M is None else M), dtype), k)
