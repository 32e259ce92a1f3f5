"""Evenly spaced numbers: arange, linspace, logspace and geomspace."""

from __future__ import annotations

from math import ceil
from typing import Any

from layercli.core import dtypes
from layercli.core.dims import UNKNOWN, Dim, Size, ceil_div
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Spec
from layercli.core.types import DTypeLike, Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ArgumentError, UsageError
from layercli.lazy import torch
from layercli.ops.core.axes import whole
from layercli.ops.core.conversion import cast, convert_to_tensor
from layercli.ops.numpy.arithmetic import power
from layercli.ops.numpy.creation import as_int, create, creation_device, dtype_or, zeros_like
from layercli.ops.numpy.exponential import exp, log
from layercli.ops.numpy.reshaping import expand_dims, moveaxis


@dataclass(frozen=True)
class Arange(Op):
    """out[i] = start + i * step, up to but not including ``stop``."""

    start: Any
    stop: Any
    step: Any
    dtype: str

    def spec(self) -> Spec:
        """Return (max(ceil((stop - start) / step), 0),)."""
        return Spec((self._length(),), self.dtype)

    def run(self) -> Tensor:
        """Return torch's arange."""
        ends = [as_int(end) for end in (self.start, self.stop, self.step)]
        if (ends[1] - ends[0]) / ends[2] < 0:  # torch raises where Keras returns an empty tensor
            ends[1] = ends[0]
        return torch.arange(*ends, dtype=getattr(torch, self.dtype), device=creation_device.device)

    def _length(self) -> Size:
        ends = (self.start, self.stop, self.step)
        if not any(isinstance(end, Dim) for end in ends):
            positions: int = max(ceil((self.stop - self.start) / self.step), 0)
            return positions
        whole = all(isinstance(end, (int, Dim)) for end in ends)
        if not whole or not isinstance(self.step, int):
            return UNKNOWN
        distance = self.stop - self.start if self.step > 0 else self.start - self.stop
        return ceil_div(distance, abs(self.step))


@dataclass(frozen=True)
class Linspace(Op):
    """out[i] = start + i * (stop - start) / parts for i in [0, num); parts is num - 1, or num without ``endpoint``."""

    start: float
    stop: float
    num: Size
    endpoint: bool = True
    dtype: str = "float32"

    def spec(self) -> Spec:
        """Return (num,)."""
        return Spec((self.num,), self.dtype)

    def run(self) -> Tensor:
        """Return torch's linspace, computed in float64; integer dtypes are rounded down."""
        num, dtype = as_int(self.num), getattr(torch, self.dtype)
        points = torch.linspace(
            self.start, self.stop, num + (not self.endpoint), dtype=torch.float64, device=creation_device.device
        )[:num]
        return (points if dtype.is_floating_point else points.floor()).to(dtype)


def arange(start: object, stop: object = None, step: object = None, dtype: DTypeLike | None = None) -> Tensor:
    """Return start, start + step, ... up to but not including ``stop``; with one argument 0, 1, ... up to it.

    The dtype is int32 for integers, else float32, by default. Raises UsageError for a step of 0.
    """
    start, stop = (0, start) if stop is None else (start, stop)
    step = 1 if step is None else step
    for end in (start, stop, step):
        if not isinstance(end, (int, float, Dim)) and not hasattr(end, "dtype"):
            raise ArgumentError(f"arange expects numbers, got {end!r}")
    if not isinstance(step, Dim) and step == 0:
        raise UsageError("arange expects a step other than 0")
    is_whole = not any(isinstance(end, float) for end in (start, stop, step))
    return create(Arange(start, stop, step, dtype_or(dtype, dtypes.INDEX if is_whole else "float32")))


def linspace(
    start: TensorLike,
    stop: object,
    num: Size = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Any:
    """Return ``num`` evenly spaced values from ``start`` to ``stop``, which is excluded without ``endpoint``.

    For tensors start and stop the values are along a new axis ``axis``. With ``retstep`` the step is returned too. The
    dtype is float32, or that of the tensors, by default.
    """
    num = num if isinstance(num, Dim) else whole(num, "num")
    if isinstance(start, (int, float)) and isinstance(stop, (int, float)):
        points = create(Linspace(start, stop, num, endpoint, dtype_or(dtype, "float32")))
    else:
        start, stop = convert_to_tensor(start), convert_to_tensor(stop)
        points = _between(start, stop, num, endpoint, axis)
        points = points if dtype is None else cast(points, dtypes.name_of(dtype))
    if not retstep:
        return points
    parts = as_int(num) - bool(endpoint)
    return points, (stop - start) / (parts or float("nan"))


def logspace(
    start: TensorLike,
    stop: TensorLike,
    num: Size = 50,
    endpoint: bool = True,
    base: Any = 10,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Tensor:
    """Return ``base`` to the power of each value of ``linspace`` from ``start`` to ``stop``."""
    exponents = linspace(start, stop, num, endpoint, dtype="float64", axis=axis)
    return _in(power(base, exponents), dtype, start, stop)


def geomspace(
    start: TensorLike,
    stop: TensorLike,
    num: Size = 50,
    endpoint: bool = True,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Tensor:
    """Return ``num`` values from ``start`` to ``stop`` with a constant ratio; ``stop`` is excluded without
    ``endpoint``.
    """
    first, last = (cast(convert_to_tensor(end), "float64") for end in (start, stop))
    shares = linspace(zeros_like(first * last), log(last / first), num, endpoint, dtype="float64", axis=axis)
    whole = spec_of(first * last).rank
    return _in((expand_dims(first, axis) if whole else first) * exp(shares), dtype, start, stop)


def _in(values: Tensor, dtype: DTypeLike | None, *ends: object) -> Tensor:
    """Return float64 values in ``dtype``, by default that of floating tensors among ``ends``, else float32."""
    kinds = [spec_of(end).dtype for end in map(convert_to_tensor, ends)]
    own = dtypes.promote(*kinds)
    return cast(values, dtypes.name_of(dtype) if dtype is not None else own if dtypes.is_floating(own) else "float32")


def _between(start: Any, stop: Any, num: Size, endpoint: bool, axis: int) -> Tensor:
    """Return the values between tensors, by their weights in [0, 1]."""
    own = dtypes.promote(spec_of(start).dtype, spec_of(stop).dtype)
    own = own if dtypes.is_floating(own) else "float32"
    start, stop = cast(start, own), cast(stop, own)
    distance = stop - start
    shares = create(Linspace(0, 1, num, endpoint))
    shares = expand_dims(shares, tuple(range(1, len(spec_of(distance).shape) + 1)))
    return cast(moveaxis(start + distance * shares, 0, axis), own)
