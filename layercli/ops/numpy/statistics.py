"""Moments, weighted averages and correlations."""

from __future__ import annotations

from collections.abc import Iterable

from layercli.core import dims, dtypes
from layercli.core.dims import Size
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Spec, show_shape
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError, nearest
from layercli.lazy import F
from layercli.ops.core.axes import axis_of, check_rank, given_axes
from layercli.ops.core.conversion import cast, convert_to_tensor
from layercli.ops.numpy.arithmetic import divide, multiply, sqrt, subtract
from layercli.ops.numpy.clipping import clip
from layercli.ops.numpy.diagonal import diagonal
from layercli.ops.numpy.elementwise import promoted
from layercli.ops.numpy.linear import matmul
from layercli.ops.numpy.reductions import Reduction
from layercli.ops.numpy.reshaping import expand_dims, reshape, transpose


def moments(
    x: TensorLike, axes: int | Iterable[int], keepdims: bool = False, synchronized: bool = False
) -> tuple[Tensor, Tensor]:
    """Return the mean and the variance mean((x - mean)^2) of x over ``axes``, in x's dtype.

    Raises UsageError where ``synchronized`` is true: BatchNormalization supports it.
    """
    if synchronized:
        raise UsageError(
            "moments expects synchronized to be false", hint="BatchNormalization(synchronized=True) counts all ranks"
        )
    over = given_axes(axes)
    return Reduction("mean", over, keepdims)(x), Reduction("var", over, keepdims)(x)


def average(x: TensorLike, axis: int | Iterable[int] | None = None, weights: TensorLike | None = None) -> Tensor:
    """Return sum(x * weights) / sum(weights) along ``axis`` (None: all); without weights the mean.

    ``weights``: x's shape, or one value per index of the axis; ShapeError otherwise.
    """
    axis = given_axes(axis)
    if weights is None:
        return Reduction("mean", axis)(x)
    x, weights = convert_to_tensor(x), convert_to_tensor(weights)
    here, given = spec_of(x), spec_of(weights)
    along = None if axis is None or given.rank == here.rank else _single(here, axis)
    wanted = here.shape if along is None else here.shape[along : along + 1]
    if given.rank != len(wanted) or not all(map(dims.may_equal, wanted, given.shape)):
        raise ShapeError(f"expects weights of the shape {show_shape(wanted)}, got {given} (x = {here})")
    if not dtypes.is_floating(given.dtype):
        weights = cast(weights, "float32")
    if along is None:
        return divide(Reduction("sum", axis)(multiply(x, weights)), Reduction("sum", axis)(weights))
    spread = reshape(weights, tuple(-1 if i == along else 1 for i in range(here.rank)))
    return divide(Reduction("sum", along)(multiply(x, spread)), Reduction("sum")(weights))


def _single(x: Spec, axis: int | tuple[int, ...]) -> int:
    """Return one axis; ShapeError for several, whose weights need x's shape."""
    if isinstance(axis, tuple):
        raise ShapeError(f"expects weights of x's shape for several axes, got axes {axis} (x = {x})")
    return axis_of(x, axis)


MODES = ("valid", "same", "full")
"""Offsets: with full overlap, as many as the longer signal has values, with any overlap."""


@dataclass(frozen=True)
class Correlate(Op):
    """out[k] = sum over n of x[n + k] * y[n], x at least as long as y, at the offsets of ``mode``."""

    mode: str = "valid"

    def spec(self, x: Spec, y: Spec) -> Spec:
        """Return the number of offsets."""
        check_rank(x, 1)
        check_rank(y, 1)
        (n,), (m,) = x.shape, y.shape
        if isinstance(n, int) and isinstance(m, int) and not n >= m > 0:
            raise ShapeError(f"expects y no longer than x, and not empty (x = {x}, y = {y})")
        count = {"valid": n - m + 1, "same": n, "full": n + m - 1}[self.mode]
        return Spec((count,), promoted(x, y))

    def macs(self, x: Spec, y: Spec) -> Size:
        """Return the number of offsets x the length of y."""
        (n,), (m,) = x.shape, y.shape
        return {"valid": n - m + 1, "same": n, "full": n + m - 1}[self.mode] * m

    def run(self, x: Tensor, y: Tensor) -> Tensor:
        """Return torch's convolution, which is a cross-correlation."""
        self.spec(spec_of(x), spec_of(y))
        (m,) = y.shape
        pads = {"valid": (0, 0), "same": (m // 2, m - 1 - m // 2), "full": (m - 1, m - 1)}[self.mode]
        return F.conv1d(F.pad(x, pads)[None, None], y[None, None])[0, 0]


def correlate(x1: TensorLike, x2: TensorLike, mode: str = "valid") -> Tensor:
    """Return the cross-correlation sum over n of x1[n + k] * x2[n] of two vectors, for each offset k of ``mode``.

    ``mode``: valid, same or full, as in NumPy; UsageError for another.
    """
    if mode not in MODES:
        raise UsageError(f"correlate has no mode {mode!r}", hint=nearest(mode, list(MODES)))
    x1, x2 = convert_to_tensor(x1), convert_to_tensor(x2)
    dtype = promoted(spec_of(x1), spec_of(x2))
    dtype = dtype if dtypes.is_floating(dtype) else "float32"
    x, y = (each if spec_of(each).dtype == dtype else cast(each, dtype) for each in (x1, x2))
    lengths = [size for each in (x, y) for size in spec_of(each).shape[:1]]
    if all(isinstance(size, int) for size in lengths) and lengths[0] < lengths[-1]:
        from layercli.ops.numpy.rearrangement import Flip

        return Flip(0)(Correlate(mode)(y, x))
    return Correlate(mode)(x, y)


def corrcoef(x: TensorLike) -> Tensor:
    """Return the correlation coefficients, in [-1, 1], of each pair of rows of x (variables, observations); 1 for a
    vector.
    """
    x = convert_to_tensor(x)
    spec = spec_of(x)
    if spec.rank not in (1, 2):
        raise ShapeError(f"expects x with 1 or 2 axes, got {spec.rank} (x = {spec})")
    rows = x if dtypes.is_floating(spec.dtype) else cast(x, "float32")
    if spec.rank == 1:
        mean = Reduction("mean")(rows)
        squares = Reduction("sum")((rows - mean) * (rows - mean))
        return divide(squares, squares)
    deviations = subtract(rows, Reduction("mean", 1, True)(rows))
    covariance = matmul(deviations, transpose(deviations))
    deviation = sqrt(diagonal(covariance))
    scaled = divide(divide(covariance, expand_dims(deviation, 1)), expand_dims(deviation, 0))
    return clip(scaled, -1.0, 1.0)
