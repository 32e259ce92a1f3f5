"""Values that a share of all values lies below."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from layercli.core import dtypes
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Spec
from layercli.errors import ShapeError, UsageError, nearest
from layercli.lazy import torch
from layercli.ops.core.axes import axes_of
from layercli.ops.core.conversion import cast, convert_to_tensor
from layercli.ops.numpy.arithmetic import divide

METHODS = ("linear", "lower", "higher", "midpoint", "nearest")
"""What is taken between two values: a mean weighted by nearness, either, the mean of both, or the nearer one."""

Axes = int | Iterable[int] | None


@dataclass(frozen=True)
class Quantile(Op):
    """out[i] = the value of x along ``axis`` that the share q[i] of them lies below, by ``method``, one of ``METHODS``.

    q is a share, or several in a row, from 0 to 1. NaN makes the result none, or is left out (``skip``).
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

    def run(self, x: Any, q: Any) -> Any:
        """Return the values at those places in order, or between them."""
        out: Any = self.spec(spec_of(x), spec_of(q)).shape
        axes = axes_of(spec_of(x), self.axis)
        x = x if x.is_floating_point() else x.float()
        last = x.movedim(axes, tuple(range(-len(axes), 0))).flatten(x.ndim - len(axes)) if axes else x.reshape(1)
        ordered = torch.sort(last, -1).values  # nan comes last
        count: Any = (~ordered.isnan()).sum(-1, keepdim=True) if self.skip else ordered.shape[-1]
        found = self._between(ordered, q.to(x.dtype) * (count - 1))
        if self.skip:
            found = torch.where(count == 0, float("nan"), found)
        else:
            found = torch.where(ordered[..., -1:].isnan(), ordered[..., -1:], found)
        return found.movedim(-1, 0).reshape(out)

    def _between(self, ordered: Any, places: Any) -> Any:
        """Return the values at ``places`` (..., shares), whole or not, of those in order along the last axis."""
        places = places.reshape(-1) if places.ndim < ordered.ndim else places
        places = places.expand(*ordered.shape[:-1], places.shape[-1])
        if self.method == "nearest":
            places = (places - 0.5).ceil()  # the lower of two that are as near
        lower, upper = places.floor(), places.ceil()
        low, high = (torch.gather(ordered, -1, place.long().clamp_min(0)) for place in (lower, upper))
        if self.method == "midpoint":
            return (low + high) / 2
        if self.method == "linear":
            share = places - lower
            return low * (1 - share) + high * share
        return high if self.method == "higher" else low


def quantile(x: Any, q: Any, axis: Axes = None, method: str = "linear", keepdims: bool = False) -> Any:
    """Return the value of x along ``axis`` (one, several, None: all) that the share q, from 0 to 1, of them lies below.

    Several shares in a row give as many results, along a new first axis. ``method`` says what there is between two values.
    """
    return _quantile("quantile", x, q, axis, method, keepdims)


def percentile(x: Any, q: Any, axis: Axes = None, method: str = "linear", keepdims: bool = False) -> Any:
    """Return ``quantile`` of x for the share q / 100."""
    return _quantile("percentile", x, q, axis, method, keepdims)


def nanquantile(x: Any, q: Any, axis: Axes = None, method: str = "linear", keepdims: bool = False) -> Any:
    """Return ``quantile`` of the values of x that are numbers."""
    return _quantile("nanquantile", x, q, axis, method, keepdims)


def nanpercentile(x: Any, q: Any, axis: Axes = None, method: str = "linear", keepdims: bool = False) -> Any:
    """Return ``percentile`` of the values of x that are numbers."""
    return _quantile("nanpercentile", x, q, axis, method, keepdims)


def nanmedian(x: Any, axis: Axes = None, keepdims: bool = False) -> Any:
    """Return the middle, in order, of the values of x that are numbers, or the mean of the two there."""
    return _quantile("nanmedian", x, 0.5, axis, "linear", keepdims)


def _quantile(name: str, x: Any, q: Any, axis: Axes, method: str, keepdims: bool) -> Any:
    if method not in METHODS:
        raise UsageError(f"{name} has no method {method!r}", hint=nearest(method, list(METHODS)))
    q = convert_to_tensor(q)
    q = q if dtypes.is_floating(spec_of(q).dtype) else cast(q, "float32")
    axes = None if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    share = divide(q, 100.0) if name.endswith("percentile") else q
    return Quantile(axes, method, keepdims, name.startswith("nan"))(convert_to_tensor(x), share)
