"""Quantiles and percentiles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from layercli.core import dtypes
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError, ValueRangeError, nearest
from layercli.lazy import torch
from layercli.ops.core.axes import axes_of, several_axes
from layercli.ops.core.conversion import cast, convert_to_tensor
from layercli.ops.numpy.arithmetic import divide

METHODS = ("linear", "lower", "higher", "midpoint", "nearest")
"""Interpolations between two values: weighted by distance, the lower, the higher, their mean, the nearest."""

Axes = int | Iterable[int] | None


@dataclass(frozen=True)
class Quantile(Op):
    """out[i] = the quantile q[i], in [0, 1], of x along ``axis``, interpolated by ``method``, one of ``METHODS``.

    NaN in x makes the result NaN, or is ignored for ``skip``.
    """

    axis: tuple[int, ...] | None = None
    method: str = "linear"
    keepdims: bool = False
    skip: bool = False

    def spec(self, x: Spec, q: Spec) -> Spec:
        """Return q's shape, then x's without the axes, or with size 1 there."""
        axes = axes_of(x, self.axis)
        if q.rank > 1:
            raise ShapeError(f"expects q with at most 1 axis, got {q.rank} (q = {q})")
        kept = [1 if i in axes else size for i, size in enumerate(x.shape) if self.keepdims or i not in axes]
        return Spec((*q.shape, *kept), x.dtype if dtypes.is_floating(x.dtype) else "float32")

    def run(self, x: Tensor, q: Tensor) -> Tensor:
        """Return the sorted values at the quantiles' positions, interpolated."""
        out: Any = self.spec(spec_of(x), spec_of(q)).shape
        axes = axes_of(spec_of(x), self.axis)
        x = x if x.is_floating_point() else x.float()
        last = x.movedim(axes, tuple(range(-len(axes), 0))).flatten(x.ndim - len(axes)) if axes else x.unsqueeze(-1)
        ordered = torch.sort(last, -1).values  # NaN sorts last
        count: Any = (~ordered.isnan()).sum(-1, keepdim=True) if self.skip else ordered.shape[-1]
        found = self._between(ordered, q.to(x.dtype) * (count - 1))
        if self.skip:
            found = torch.where(count == 0, float("nan"), found)
        else:
            found = torch.where(ordered[..., -1:].isnan(), ordered[..., -1:], found)
        return found.movedim(-1, 0).reshape(out)

    def _between(self, ordered: Tensor, positions: Tensor) -> Tensor:
        """Return the values at the fractional ``positions`` (..., quantiles) of those sorted along the last axis."""
        positions = positions.reshape(-1) if positions.ndim < ordered.ndim else positions
        positions = positions.expand(*ordered.shape[:-1], positions.shape[-1])
        if self.method == "nearest":
            positions = (positions - 0.5).ceil()  # the lower one of two equally near
        lower, upper = positions.floor(), positions.ceil()
        low, high = (torch.gather(ordered, -1, position.long().clamp_min(0)) for position in (lower, upper))
        if self.method == "midpoint":
            return (low + high) / 2
        if self.method == "linear":
            share = positions - lower
            return low * (1 - share) + high * share
        return high if self.method == "higher" else low


def quantile(x: TensorLike, q: TensorLike, axis: Axes = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """Return the quantile q, in [0, 1], of x along ``axis`` (one, several, None: all).

    Several quantiles in a vector give results along a new first axis. ``method`` interpolates between two values:
    linear, lower, higher, midpoint or nearest; UsageError for another.
    """
    return _quantile("quantile", x, q, axis, method, keepdims)


def percentile(
    x: TensorLike, q: TensorLike, axis: Axes = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """Return the ``quantile`` q / 100 of x."""
    return _quantile("percentile", x, q, axis, method, keepdims)


def nanquantile(
    x: TensorLike, q: TensorLike, axis: Axes = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """Return ``quantile`` of x, ignoring NaN."""
    return _quantile("nanquantile", x, q, axis, method, keepdims)


def nanpercentile(
    x: TensorLike, q: TensorLike, axis: Axes = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """Return ``percentile`` of x, ignoring NaN."""
    return _quantile("nanpercentile", x, q, axis, method, keepdims)


def nanmedian(x: TensorLike, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the median of x along ``axis``, ignoring NaN: the middle value, or the mean of the two middle values."""
    return _quantile("nanmedian", x, 0.5, axis, "linear", keepdims)


def _check_shares(q: Any, whole: int) -> None:
    """Raise ValueRangeError for numbers outside [0, whole], and for NaN, but not for those of a tensor."""
    if hasattr(q, "__array_interface__"):  # of numpy
        q = q.tolist()
    if isinstance(q, list | tuple):
        for each in q:
            _check_shares(each, whole)
    elif isinstance(q, int | float) and not 0 <= q <= whole:
        raise ValueRangeError(f"expects q from 0 to {whole}, got {q}")


def _quantile(name: str, x: TensorLike, q: TensorLike, axis: Axes, method: str, keepdims: bool) -> Tensor:
    if method not in METHODS:
        raise UsageError(f"{name} has no method {method!r}", hint=nearest(method, list(METHODS)))
    greatest = 100 if name.endswith("percentile") else 1
    _check_shares(q, greatest)
    q = convert_to_tensor(q)
    q = q if dtypes.is_floating(spec_of(q).dtype) else cast(q, "float32")
    axes = None if axis is None else several_axes(axis)
    share = divide(q, 100.0) if name.endswith("percentile") else q
    return Quantile(axes, method, keepdims, name.startswith("nan"))(convert_to_tensor(x), share)
