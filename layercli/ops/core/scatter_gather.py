"""Places of a tensor that another tensor names by number, read and written to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from layercli.core import dims, dtypes
from layercli.core.dims import Dim, Size
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Shape, Spec, show_shape
from layercli.errors import DTypeError, ShapeError, UsageError, nearest
from layercli.lazy import torch
from layercli.ops.core.axes import axis_of
from layercli.ops.core.conversion import convert_to_tensor
from layercli.ops.numpy.creation import zeros
from layercli.ops.numpy.elementwise import broadcast_shapes
from layercli.ops.numpy.reshaping import ravel, reshape

COMBINED: dict[str | None, Callable[[Any, Any, Any], Any]] = {
    None: lambda rows, places, updates: rows.index_put((places,), updates),
    "add": lambda rows, places, updates: rows.index_add(0, places, updates),
    "max": lambda rows, places, updates: _reduced(rows, places, updates, "amax"),
    "min": lambda rows, places, updates: _reduced(rows, places, updates, "amin"),
    "mul": lambda rows, places, updates: _reduced(rows, places, updates, "prod"),
}
"""What becomes of a row that is updated: of the update and, where it is named, of what was there."""


@dataclass(frozen=True)
class Take(Op):
    """out = the places ``indices`` of x along ``axis``, whose sizes stand where the axis was; negative ones count from the end."""

    axis: int

    def spec(self, x: Spec, indices: Spec) -> Spec:
        """Return x's shape with that of the indices in the axis's place."""
        axis = axis_of(x, self.axis)
        check_whole(indices)
        return Spec((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]), x.dtype)

    def run(self, x: Any, indices: Any) -> Any:
        """Return x indexed by torch, by a row of places: one place alone it would fetch from the device."""
        if indices.is_floating_point() or indices.dtype is torch.bool:
            check_whole(spec_of(indices))
        axis = axis_of(spec_of(x), self.axis)
        taken = x[(slice(None),) * axis + (indices.long().reshape(-1),)]
        return taken.reshape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


@dataclass(frozen=True)
class TakeAlongAxis(Op):
    """out[..., i, ...] = x[..., indices[..., i, ...], ...] along ``axis``; the other axes broadcast."""

    axis: int

    def spec(self, x: Spec, indices: Spec) -> Spec:
        """Return the indices' shape, broadcast to x's but for the axis."""
        axis = axis_of(x, self.axis)
        check_whole(indices)
        if indices.rank != x.rank:
            raise ShapeError(f"expects indices with {x.rank} axes, got {indices.rank} (x = {x}, indices = {indices})")
        return Spec(self._shape(x.shape, indices.shape, axis, indices.shape[axis]), x.dtype)

    def run(self, x: Any, indices: Any) -> Any:
        """Return torch's gather."""
        axis = self.axis % x.ndim if x.ndim == indices.ndim else 0
        self.spec(*map(spec_of, (x, indices)))
        indices = indices.long().expand(self._shape(x.shape, indices.shape, axis, indices.shape[axis]))
        x = x.expand(self._shape(x.shape, indices.shape, axis, x.shape[axis]))
        return torch.gather(x, axis, torch.where(indices < 0, indices + x.shape[axis], indices))

    def _shape(self, x: Any, indices: Any, axis: int, size: Size) -> Shape:
        others = broadcast_shapes(*((*each[:axis], 1, *each[axis + 1 :]) for each in (x, indices)))
        return (*others[:axis], size, *others[axis + 1 :])


@dataclass(frozen=True)
class ScatterUpdate(Op):
    """out = x with updates[i] at the place that indices[i] names by its first axes; ``reduction`` is a key of ``COMBINED``."""

    reduction: str | None = None

    def spec(self, x: Spec, indices: Spec, updates: Spec) -> Spec:
        """Return x's spec; ShapeError where indices (n, axes) and updates (n, *x's other sizes) do not fit."""
        check_whole(indices)
        axes = indices.shape[-1] if indices.rank == 2 else None
        if isinstance(axes, Dim):  # which of x's sizes the updates have is then not known
            return x
        if axes is None or not 1 <= axes <= x.rank:
            raise ShapeError(f"expects indices of the shape (n, 1 to {x.rank} axes), got {indices} (x = {x})")
        expected = (indices.shape[0], *x.shape[axes:])
        if updates.rank != len(expected) or not all(map(dims.may_equal, updates.shape, expected)):
            raise ShapeError(f"expects updates of the shape {show_shape(expected)}, got {updates} (x = {x})")
        return x

    def run(self, x: Any, indices: Any, updates: Any) -> Any:
        """Return x's rows, x having been laid out as such, after torch's function of them."""
        self.spec(*map(spec_of, (x, indices, updates)))
        lead = x.shape[: indices.shape[-1]]
        indices = indices.long().unbind(-1)
        row = torch.zeros_like(indices[0])
        for n, index in zip(lead, indices, strict=True):
            row = row * n + torch.where(index < 0, index + n, index)
        rows = x.reshape(lead.numel(), -1)
        return COMBINED[self.reduction](rows, row, updates.to(x.dtype).reshape(len(row), -1)).reshape(x.shape)


def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Return the places ``indices`` of x along ``axis`` (None: of its values in a row), the axis giving way to their shape."""
    x, axis = (ravel(x), 0) if axis is None else (x, axis)
    return Take(axis)(x, convert_to_tensor(indices))


def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Return, for each place of ``indices``, the value of x beside it that the index names along ``axis``.

    The other axes broadcast; None takes the values of both in a row.
    """
    x, indices, axis = (ravel(x), ravel(indices), 0) if axis is None else (x, indices, axis)
    return TakeAlongAxis(axis)(x, convert_to_tensor(indices))


def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """Return ``inputs`` with updates[i] at the place that indices[i] names by its first axes: indices (n, axes).

    ``reduction`` is what becomes of what was there: ``add``, ``max``, ``min``, ``mul``, or None, where it is written over.
    """
    if reduction not in COMBINED:
        known = [name for name in COMBINED if name]
        hint = nearest(str(reduction), known) or f"reductions: {', '.join(known)}"
        raise UsageError(f"scatter_update has no reduction {reduction!r}", hint=hint)
    return ScatterUpdate(reduction)(inputs, convert_to_tensor(indices), convert_to_tensor(updates))


def scatter(indices: Any, values: Any, shape: Any) -> Any:
    """Return zeros of ``shape`` with each value added at the place that its index names: indices (..., axes)."""
    indices, values = convert_to_tensor(indices), convert_to_tensor(values)
    axes = spec_of(indices).shape[-1]
    places = reshape(indices, (-1, axes))
    rows = reshape(values, (-1, *spec_of(values).shape[spec_of(indices).rank - 1 :]))
    return ScatterUpdate("add")(zeros(shape, dtypes.name_of(values.dtype)), places, rows)


def check_whole(indices: Spec) -> None:
    """Raise DTypeError where indices are no integers."""
    if not dtypes.is_integer(indices.dtype):
        raise DTypeError(f"expects indices that are integers (indices = {indices})")


def _reduced(rows: Any, places: Any, updates: Any, how: str) -> Any:
    return rows.scatter_reduce(0, places.unsqueeze(1).expand_as(updates), updates, how)
