"""Matrix products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layercli.core import dims
from layercli.core.dims import Size
from layercli.core.op import Op
from layercli.core.spec import Spec
from layercli.errors import ShapeError
from layercli.lazy import F, torch
from layercli.ops import substitutes
from layercli.ops.elementwise import broadcast_shapes, promoted


@dataclass(frozen=True)
class Dense(Op):
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

    def run(self, x: Any, kernel: Any, bias: Any = None) -> Any:
        """Return torch's addmm of a matrix, and of more axes torch's linear, whose weight is the kernel's transpose."""
        if bias is not None and x.ndim == 2 and kernel.nbytes < substitutes.LARGE:
            return torch.addmm(bias, x, kernel)
        return multiplied(x, kernel.T, bias)


def multiplied(x: Any, weight: Any, bias: Any) -> Any:
    """Return torch's linear: x times the transpose of weight, plus bias, which may be None."""
    if substitutes.multiply is not None and weight.nbytes >= substitutes.LARGE:
        out = substitutes.multiply(x, weight, bias)
        if out is not None:
            return out
    return F.linear(x, weight, bias)


@dataclass(frozen=True)
class MatMul(Op):
    """out = x @ y: x (..., n, k), y (..., k, m), leading axes broadcast; a vector counts as a row or a column."""

    promotes = True

    def spec(self, x: Spec, y: Spec) -> Spec:
        """Return (..., n, m), without the axis that a vector lacks."""
        if not x.rank or not y.rank:
            raise ShapeError(f"expects matrices or vectors (x = {x}, y = {y})")
        inner = y.shape[-2] if y.rank > 1 else y.shape[0]
        if not dims.may_equal(x.shape[-1], inner):
            raise ShapeError(f"expects y with {x.shape[-1]} rows, got {inner} (x = {x}, y = {y})")
        lead = broadcast_shapes(x.shape[:-2], y.shape[:-2])
        return Spec((*lead, *x.shape[-2:-1], *(y.shape[-1:] if y.rank > 1 else ())), promoted(x, y))

    def macs(self, x: Spec, y: Spec) -> Size:
        """Return the size of the result x k."""
        return self.spec(x, y).size * x.shape[-1]

    def run(self, x: Any, y: Any) -> Any:
        """Return torch's matmul."""
        return torch.matmul(x, y)


matmul = MatMul()
