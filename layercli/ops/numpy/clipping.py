"""Clipping, saturating casts, and the replacement of NaN and infinities."""

from __future__ import annotations

from typing import Any

from layercli.core import dtypes
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Spec
from layercli.core.types import DTypeLike, Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.lazy import torch
from layercli.ops.core.conversion import cast, convert_to_tensor
from layercli.ops.numpy.arithmetic import maximum, minimum
from layercli.ops.numpy.elementwise import promoted
from layercli.ops.numpy.operands import as_integers


@dataclass(frozen=True)
class Clip(Op):
    """out = min(max(x, x_min), x_max), elementwise; float limits convert integers to floats."""

    x_min: float
    x_max: float

    def spec(self, x: Spec) -> Spec:
        """Return x's shape."""
        whole = Spec(x.shape, dtypes.INDEX) if x.dtype == "bool" else x
        low = Spec(x.shape, promoted(whole, self.x_min))
        return Spec(x.shape, promoted(low, self.x_max))

    def run(self, x: Tensor) -> Tensor:
        """Return torch's clamp; booleans are clamped as integers."""
        return torch.clamp(as_integers(x), self.x_min, self.x_max)


@dataclass(frozen=True)
class NanToNum(Op):
    """out = x with NaN replaced by ``nan``, infinities by ``posinf`` and ``neginf``.

    None for an infinity is the largest or the smallest finite number of x's dtype.
    """

    nan: float = 0.0
    posinf: float | None = None
    neginf: float | None = None

    def spec(self, x: Spec) -> Spec:
        """Return x's spec."""
        return x

    def run(self, x: Tensor) -> Tensor:
        """Return torch's nan_to_num."""
        return torch.nan_to_num(x, self.nan, self.posinf, self.neginf)


def clip(x: TensorLike, x_min: Any, x_max: Any) -> Tensor:
    """Return min(max(x, x_min), x_max), elementwise; the limits are numbers, or tensors that broadcast with x."""
    if all(isinstance(limit, (int, float)) for limit in (x_min, x_max)):
        return Clip(x_min, x_max)(x)
    x = convert_to_tensor(x)
    x = cast(x, dtypes.INDEX) if spec_of(x).dtype == "bool" else x
    return minimum(maximum(x, _limit(x_min, x)), _limit(x_max, x))


def _limit(limit: Any, x: TensorLike) -> Any:
    """Return a limit; a tensor without axes in the dtype of x, unless it is of a wider kind, as floats beside integers."""
    if isinstance(limit, (int, float)):
        return limit
    limit = convert_to_tensor(limit)
    found, here = spec_of(limit), spec_of(x).dtype
    return limit if found.rank or dtypes.rank(found.dtype) > dtypes.rank(here) else cast(limit, here)


def nan_to_num(x: TensorLike, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """Return x with NaN replaced by ``nan`` and infinities by ``posinf`` and ``neginf``, by default the limits of the
    dtype.
    """
    return NanToNum(nan, posinf, neginf)(x)


def saturate_cast(x: TensorLike, dtype: DTypeLike) -> Tensor:
    """Return x converted to ``dtype``, with values outside its range, infinities too, clipped to the range; [0, 1] for bool."""
    wanted, here = dtypes.name_of(dtype), spec_of(x).dtype
    if here == "bool":
        return cast(x, wanted)
    (low, high), (least, most) = _range(wanted), _range(here)
    clipped = low > least or high < most or dtypes.is_floating(here)
    return cast(clip(x, max(low, least), min(high, most)) if clipped else x, wanted)


def _range(dtype: str) -> tuple[float, float]:
    return (0, 1) if dtype == "bool" else dtypes.finfo_range(dtype)
