"""How signals, and variables, go together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layercli.core import dtypes
from layercli.core.dims import Size
from layercli.core.op import Op, spec_of
from layercli.core.spec import Spec
from layercli.errors import ShapeError, UsageError, nearest
from layercli.lazy import F
from layercli.ops.axes import check_rank
from layercli.ops.conversion import convert_to_tensor
from layercli.ops.diagonals import diagonal
from layercli.ops.elementwise import cast, divide, promoted, sqrt, subtract
from layercli.ops.limits import clip
from layercli.ops.linear import matmul
from layercli.ops.reduction import Reduction
from layercli.ops.reshaping import expand_dims, transpose

MODES = ("valid", "same", "full")
"""Where two signals are laid on each other: where one is all inside the other, as often as it is long, wherever they meet."""


@dataclass(frozen=True)
class Correlate(Op):
    """out[k] = sum over n of x[n + k] * y[n], x being no shorter than y, at the places that ``mode`` says."""

    mode: str = "valid"

    def spec(self, x: Spec, y: Spec) -> Spec:
        """Return how many places there are."""
        check_rank(x, 1)
        check_rank(y, 1)
        (n,), (m,) = x.shape, y.shape
        if isinstance(n, int) and isinstance(m, int) and not n >= m > 0:
            raise ShapeError(f"expects y no longer than x, and not empty (x = {x}, y = {y})")
        count = {"valid": n - m + 1, "same": n, "full": n + m - 1}[self.mode]
        return Spec((count,), promoted(x, y))

    def macs(self, x: Spec, y: Spec) -> Size:
        """Return places x the length of y."""
        (n,), (m,) = x.shape, y.shape
        return {"valid": n - m + 1, "same": n, "full": n + m - 1}[self.mode] * m

    def run(self, x: Any, y: Any) -> Any:
        """Return torch's convolution, which turns nothing round."""
        self.spec(spec_of(x), spec_of(y))
        (m,) = y.shape
        pads = {"valid": (0, 0), "same": (m // 2, m - 1 - m // 2), "full": (m - 1, m - 1)}[self.mode]
        return F.conv1d(F.pad(x, pads)[None, None], y[None, None])[0, 0]


def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """Return the sums of x1[n + k] * x2[n] for each k at which ``mode`` (valid, same, full) lays two vectors on each other."""
    if mode not in MODES:
        raise UsageError(f"correlate has no mode {mode!r}", hint=nearest(mode, list(MODES)))
    x1, x2 = convert_to_tensor(x1), convert_to_tensor(x2)
    dtype = promoted(spec_of(x1), spec_of(x2))
    dtype = dtype if dtypes.is_floating(dtype) else "float32"
    x, y = (each if spec_of(each).dtype == dtype else cast(each, dtype) for each in (x1, x2))
    lengths = [size for each in (x, y) for size in spec_of(each).shape[:1]]
    if all(isinstance(size, int) for size in lengths) and lengths[0] < lengths[-1]:
        from layercli.ops.rolling import Flip

        return Flip(0)(Correlate(mode)(y, x))
    return Correlate(mode)(x, y)


def corrcoef(x: Any) -> Any:
    """Return the correlation of each two rows of x (variables, observations), from -1 to 1; of a vector it is 1."""
    x = convert_to_tensor(x)
    spec = spec_of(x)
    if spec.rank not in (1, 2):
        raise ShapeError(f"expects x with 1 or 2 axes, got {spec.rank} (x = {spec})")
    rows = x if dtypes.is_floating(spec.dtype) else cast(x, "float32")
    if spec.rank == 1:
        mean = Reduction("mean")(rows)
        squares = Reduction("sum")((rows - mean) * (rows - mean))
        return divide(squares, squares)
    apart = subtract(rows, Reduction("mean", 1, True)(rows))
    covariance = matmul(apart, transpose(apart))
    deviation = sqrt(diagonal(covariance))
    scaled = divide(divide(covariance, expand_dims(deviation, 1)), expand_dims(deviation, 0))
    return clip(scaled, -1.0, 1.0)
