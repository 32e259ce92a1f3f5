"""Gather and scatter: values read from and written to the indices that another tensor holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layercli.core import dims, dtypes
from layercli.core.dims import Dim, Size
from layercli.core.operation import Op, require_tensor, spec_of
from layercli.core.spec import Shape, Spec, show_shape
from layercli.core.types import ShapeLike, Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import DTypeError, ShapeError, UsageError, nearest
from layercli.lazy import torch
from layercli.ops.core.axes import axis_of
from layercli.ops.core.conversion import convert_to_tensor
from layercli.ops.numpy.creation import zeros
from layercli.ops.numpy.elementwise import broadcast_shapes
from layercli.ops.numpy.reshaping import ravel, reshape

COMBINED: dict[str | None, Callable[[Any, Any, Any], Tensor]] = {
    None: lambda rows, positions, updates: rows.index_put((positions,), updates),
    "add": lambda rows, positions, updates: rows.index_add(0, positions, updates),
    "max": lambda rows, positions, updates: _reduced(rows, positions, updates, "amax"),
    "min": lambda rows, positions, updates: _reduced(rows, positions, updates, "amin"),
    "mul": lambda rows, positions, updates: _reduced(rows, positions, updates, "prod"),
}
"""How a row is updated, by the name of the reduction: a function of the row, the update and the indices."""


@dataclass(frozen=True)
class Take(Op):
    """out = x[..., indices, ...] along ``axis``: the shape of the indices replaces the axis; negative indices count
    from the end.
    """

    axis: int

    def spec(self, x: Spec, indices: Spec) -> Spec:
        """Return x's shape with the indices' shape at the axis."""
        axis = axis_of(x, self.axis)
        check_whole(indices)
        return Spec((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]), x.dtype)

    def run(self, x: Tensor, indices: Tensor) -> Tensor:
        """Return torch's index_select by the flattened indices: indexing by one integer tensor would synchronize with
        the device.
        """
        require_tensor(x)
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
        """Return the indices' shape, broadcast with x's shape except along the axis."""
        axis = axis_of(x, self.axis)
        check_whole(indices)
        if indices.rank != x.rank:
            raise ShapeError(f"expects indices with {x.rank} axes, got {indices.rank} (x = {x}, indices = {indices})")
        return Spec(self._shape(x.shape, indices.shape, axis, indices.shape[axis]), x.dtype)

    def run(self, x: Any, indices: Any) -> Tensor:
        """Return torch's gather."""
        axis = self.axis % x.ndim if x.ndim == indices.ndim else 0
        self.spec(*map(spec_of, (x, indices)))
        indices = indices.long().expand(self._shape(x.shape, indices.shape, axis, indices.shape[axis]))
        x = x.expand(self._shape(x.shape, indices.shape, axis, x.shape[axis]))
        return torch.gather(x, axis, torch.where(indices < 0, indices + x.shape[axis], indices))

    def _shape(self, x: tuple[Size, ...], indices: tuple[Size, ...], axis: int, size: Size) -> Shape:
        others = broadcast_shapes(*((*each[:axis], 1, *each[axis + 1 :]) for each in (x, indices)))
        return (*others[:axis], size, *others[axis + 1 :])


@dataclass(frozen=True)
class ScatterUpdate(Op):
    """out = x with updates[i] written at x[indices[i]]; ``reduction``, a key of ``COMBINED``, combines old and new
    values.
    """

    reduction: str | None = None

    def spec(self, x: Spec, indices: Spec, updates: Spec) -> Spec:
        """Return x's spec; ShapeError where the shapes of indices (n, axes) and updates (n, *other sizes of x) do not
        fit.
        """
        check_whole(indices)
        axes = indices.shape[-1] if indices.rank == 2 else None
        if isinstance(axes, Dim):  # the number of indexed axes is unknown, and with it the updates' shape
            return x
        if axes is None or not 1 <= axes <= x.rank:
            raise ShapeError(f"expects indices of the shape (n, 1 to {x.rank} axes), got {indices} (x = {x})")
        expected = (indices.shape[0], *x.shape[axes:])
        if updates.rank != len(expected) or not all(map(dims.may_equal, updates.shape, expected)):
            raise ShapeError(f"expects updates of the shape {show_shape(expected)}, got {updates} (x = {x})")
        return x

    def run(self, x: Tensor, indices: Any, updates: Tensor) -> Tensor:
        """Return x with its indexed axes flattened to rows, updated, and reshaped back."""
        self.spec(*map(spec_of, (x, indices, updates)))
        lead = x.shape[: indices.shape[-1]]
        indices = indices.long().unbind(-1)
        row = torch.zeros_like(indices[0])
        for n, index in zip(lead, indices, strict=True):
            row = row * n + torch.where(index < 0, index + n, index)
        rows = x.reshape(lead.numel(), -1)
        return COMBINED[self.reduction](rows, row, updates.to(x.dtype).reshape(len(row), -1)).reshape(x.shape)


def take(x: TensorLike, indices: TensorLike, axis: int | None = None) -> Tensor:
    """Return x[..., indices, ...] along ``axis``; None takes from x flattened.

    The shape of ``indices`` replaces the axis. Negative indices count from the end. Raises DTypeError where the indices
    are not integers.
    """
    x, axis = (ravel(x), 0) if axis is None else (x, axis)
    return Take(axis)(x, convert_to_tensor(indices))


def take_along_axis(x: TensorLike, indices: TensorLike, axis: int | None = None) -> Tensor:
    """Return out[..., i, ...] = x[..., indices[..., i, ...], ...] along ``axis``; None flattens both.

    The other axes broadcast. Raises DTypeError where the indices are not integers.
    """
    x, indices, axis = (ravel(x), ravel(indices), 0) if axis is None else (x, indices, axis)
    return TakeAlongAxis(axis)(x, convert_to_tensor(indices))


def scatter_update(
    inputs: TensorLike, indices: TensorLike, updates: TensorLike, reduction: str | None = None
) -> Tensor:
    """Return a copy of ``inputs`` with updates[i] written at inputs[indices[i]].

    indices: (n, axes), the first axes of the inputs; updates: (n, *the other sizes). ``reduction``: ``add``, ``max``,
    ``min`` or ``mul`` combines the update with the old value; None replaces it. Raises UsageError for another
    reduction.
    """
    if reduction not in COMBINED:
        known = [name for name in COMBINED if name]
        hint = nearest(str(reduction), known) or f"reductions: {', '.join(known)}"
        raise UsageError(f"scatter_update has no reduction {reduction!r}", hint=hint)
    return ScatterUpdate(reduction)(inputs, convert_to_tensor(indices), convert_to_tensor(updates))


def scatter(indices: TensorLike, values: TensorLike, shape: ShapeLike) -> Tensor:
    """Return zeros of ``shape`` with each of ``values`` added at its index: indices (..., axes)."""
    indices, values = convert_to_tensor(indices), convert_to_tensor(values)
    axes = spec_of(indices).shape[-1]
    positions = reshape(indices, (-1, axes))
    rows = reshape(values, (-1, *spec_of(values).shape[spec_of(indices).rank - 1 :]))
    return ScatterUpdate("add")(zeros(shape, dtypes.name_of(values.dtype)), positions, rows)


def check_whole(indices: Spec) -> None:
    """Raise DTypeError where the indices are not integers."""
    if not dtypes.is_integer(indices.dtype):
        raise DTypeError(f"expects indices of an integer dtype (indices = {indices})")


def _reduced(rows: Tensor, positions: Tensor, updates: Tensor, how: str) -> Tensor:
    return rows.scatter_reduce(0, positions.unsqueeze(1).expand_as(updates), updates, how)
