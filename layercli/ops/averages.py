"""Averages with weights, moments, norms, and values divided by them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from layercli.core import dims, dtypes
from layercli.core.op import Op, spec_of
from layercli.core.spec import Spec, show_shape
from layercli.errors import ShapeError, UsageError
from layercli.lazy import torch
from layercli.ops.axes import axes_of, axis_of
from layercli.ops.conversion import convert_to_tensor
from layercli.ops.elementwise import Unary, cast, divide, maximum, minimum, multiply, square
from layercli.ops.reduction import Reduction
from layercli.ops.reshaping import reshape

MATRIX_NORMS = (None, "fro", "nuc", 1, -1, 2, -2, float("inf"), float("-inf"))
"""The orders that a norm over two axes can have."""


@dataclass(frozen=True)
class Norm(Op):
    """out = the norm of x over ``axis``: of vectors over one, (sum of |x|^ord)^(1 / ord); of matrices over two.

    ``ord`` None is the root of the sum of squares, over any axes. ``inf`` is the greatest value, for a matrix the greatest sum of
    a row; 1 that of a column; 2 the greatest singular value; each negative one the least of the kind; ``nuc`` the sum of the
    singular values.
    """

    ord: float | str | None = None
    axis: int | tuple[int, ...] | None = None
    keepdims: bool = False

    def spec(self, x: Spec) -> Spec:
        """Return x's shape without the axes, in a floating dtype; ShapeError where the order has no meaning for so many."""
        axes = axes_of(x, self.axis)
        if self.ord is not None and len(axes) not in (1, 2):
            raise ShapeError(f"expects 1 or 2 axes for a norm of the order {self.ord}, got {len(axes)} (x = {x})")
        if len(axes) == 1 and isinstance(self.ord, str):
            raise ShapeError(f"expects 2 axes for a norm of the order {self.ord}, got 1 (x = {x})")
        if len(axes) == 2 and self.ord not in MATRIX_NORMS:
            raise ShapeError(f"expects 1 axis for a norm of the order {self.ord}, got 2 (x = {x})")
        kept = tuple(1 if i in axes else size for i, size in enumerate(x.shape) if self.keepdims or i not in axes)
        return Spec(kept, x.dtype if dtypes.is_floating(x.dtype) else "float32")

    def run(self, x: Any) -> Any:
        """Return torch's norm."""
        x = x if x.is_floating_point() else x.float()
        axes = tuple(range(x.ndim)) if self.axis is None else self.axis
        if self.ord is None:
            return torch.linalg.vector_norm(x, 2, axes, self.keepdims)
        return torch.linalg.norm(x, self.ord, axes, self.keepdims)


def norm(
    x: Any, ord: float | str | None = None, axis: int | Iterable[int] | None = None, keepdims: bool = False
) -> Any:
    """Return the norm of x over ``axis`` (None: all), a vector's over one, a matrix's over two.

    ``ord`` None is the root of the sum of squares; else it is a number, inf or -inf, or of a matrix ``fro`` or ``nuc``.
    """
    return Norm(ord, axis if axis is None or isinstance(axis, int) else tuple(axis), keepdims)(x)


def normalize(x: Any, axis: int = -1, order: float = 2, epsilon: float | None = None) -> Any:
    """Return x / max(norm of the ``order`` along ``axis``, epsilon), where epsilon is 1e-7 unless told otherwise."""
    epsilon = 1e-7 if epsilon is None else epsilon
    if order == 2:
        inverse = Unary("rsqrt")(Reduction("sum", axis, True)(square(x)))
        return multiply(x, minimum(inverse, 1 / epsilon))
    return divide(x, maximum(norm(x, order, axis, True), epsilon))


def moments(x: Any, axes: int | Iterable[int], keepdims: bool = False, synchronized: bool = False) -> tuple[Any, Any]:
    """Return the mean of x over ``axes`` and the mean square of what is left without it, in x's dtype.

    UsageError where ``synchronized``: BatchNormalization has that.
    """
    if synchronized:
        raise UsageError(
            "moments expects synchronized to be false", hint="BatchNormalization(synchronized=True) counts all ranks"
        )
    over = axes if isinstance(axes, int) else tuple(axes)
    return Reduction("mean", over, keepdims)(x), Reduction("var", over, keepdims)(x)


def average(x: Any, axis: int | None = None, weights: Any = None) -> Any:
    """Return the sum of x * weights along ``axis`` (None: all) divided by that of the weights; without them the mean.

    ``weights`` has x's shape, or one value for each place along the axis. ShapeError where it has neither.
    """
    if weights is None:
        return Reduction("mean", axis)(x)
    x, weights = convert_to_tensor(x), convert_to_tensor(weights)
    here, given = spec_of(x), spec_of(weights)
    along = None if axis is None or given.rank == here.rank else axis_of(here, axis)
    wanted = here.shape if along is None else here.shape[along : along + 1]
    if given.rank != len(wanted) or not all(map(dims.may_equal, wanted, given.shape)):
        raise ShapeError(f"expects weights of the shape {show_shape(wanted)}, got {given} (x = {here})")
    if not dtypes.is_floating(given.dtype):
        weights = cast(weights, "float32")
    if along is None:
        return divide(Reduction("sum", axis)(multiply(x, weights)), Reduction("sum", axis)(weights))
    spread = reshape(weights, tuple(-1 if i == along else 1 for i in range(here.rank)))
    return divide(Reduction("sum", along)(multiply(x, spread)), Reduction("sum")(weights))
