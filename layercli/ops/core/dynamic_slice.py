"""Slices of a given shape that start at an index which may be a tensor, read and written."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

from layercli.core import dims
from layercli.core.dims import Size
from layercli.core.operation import Op, require_tensor, spec_of
from layercli.core.spec import Shape, Spec, show_shape
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.lazy import torch
from layercli.ops.core.conversion import convert_to_tensor


@dataclass(frozen=True)
class Slice(Op):
    """out = x[starts[0] : starts[0] + shape[0], ...]; -1 in ``shape`` extends to the end of the axis: a view.

    Starts given as a tensor are clamped so that ``shape`` fits into x, as in JAX.
    """

    shape: Shape
    starts: tuple[int, ...] | None = None

    def spec(self, x: Spec, start: Spec | None = None) -> Spec:
        """Return the shape; ShapeError where the slice exceeds x."""
        _check_each_axis(x, "shape", self.shape)
        sizes = tuple(
            n - first if wanted == -1 else wanted
            for n, first, wanted in zip(x.shape, self.starts or (0,) * x.rank, self.shape, strict=True)
        )
        _check_room(x, self.starts, sizes)
        return Spec(sizes, x.dtype)

    def run(self, x: Tensor, start: Tensor | None = None) -> Tensor:
        """Return torch's view for starts that are integers, a copy for starts in a tensor."""
        require_tensor(x)
        sizes = self.spec(spec_of(x)).shape
        if self.starts is None:
            return x[window_indices(start, sizes, x)]
        return x[tuple(builtins.slice(first, first + n) for first, n in zip(self.starts, sizes, strict=True))]


@dataclass(frozen=True)
class SliceUpdate(Op):
    """out = x with x[start : start + updates.shape] replaced by ``updates``; starts are integers or a tensor."""

    starts: tuple[int, ...] | None = None

    def spec(self, x: Spec, updates: Spec, start: Spec | None = None) -> Spec:
        """Return x's spec; ShapeError where the updates exceed x."""
        _check_each_axis(x, "updates", updates.shape)
        _check_room(x, self.starts, updates.shape)
        return x

    def run(self, x: Tensor, updates: Tensor, start: Tensor | None = None) -> Tensor:
        """Return a copy of x with the slice assigned."""
        self.spec(*map(spec_of, (x, updates)))
        if self.starts is None:
            return x.index_put(window_indices(start, updates.shape, x), updates.to(x.dtype))
        out = x.clone()
        out[tuple(builtins.slice(first, first + n) for first, n in zip(self.starts, updates.shape, strict=True))] = (
            updates
        )
        return out


def slice(inputs: object, start_indices: TensorLike, shape: Sequence[Any]) -> Tensor:
    """Return the slice of ``inputs`` that starts at ``start_indices``, one per axis, and has ``shape``.

    -1 or None in ``shape`` extends to the end of the axis. ``start_indices`` are integers, or a tensor whose values are clamped
    so that the slice fits. Raises ShapeError where the slice exceeds the inputs.
    """
    starts, sizes = _whole(start_indices), tuple(-1 if size is None else size for size in shape)
    if starts is None:
        return Slice(sizes)(inputs, convert_to_tensor(start_indices))
    return Slice(sizes, starts)(inputs)


def slice_update(inputs: TensorLike, start_indices: TensorLike, updates: TensorLike) -> Tensor:
    """Return a copy of ``inputs`` with ``updates`` written at ``start_indices``, one index per axis."""
    starts, updates = _whole(start_indices), convert_to_tensor(updates)
    if starts is None:
        return SliceUpdate()(inputs, updates, convert_to_tensor(start_indices))
    return SliceUpdate(starts)(inputs, updates)


def window_indices(start: Any, sizes: Any, x: Tensor) -> tuple[Tensor, ...]:
    """Return index tensors of each axis from ``start``, a tensor, clamped to x's sizes and shaped to broadcast
    together.
    """
    found = []
    for axis, n in enumerate(sizes):
        first = start[axis].long().clamp(0, x.shape[axis] - n)
        along = first + torch.arange(n, device=x.device)
        found.append(along.reshape(-1, *(1 for _ in sizes[axis + 1 :])))
    return tuple(found)


def _whole(starts: Any) -> tuple[int, ...] | None:
    """Return the starts as integers, or None where a tensor holds them."""
    if hasattr(starts, "dtype") or not all(isinstance(start, int) for start in starts):
        return None
    return tuple(starts)


def _check_each_axis(x: Spec, what: str, sizes: tuple[Size, ...]) -> None:
    if len(sizes) != x.rank:
        raise ShapeError(f"expects {what} for each of x's {x.rank} axes, got {show_shape(tuple(sizes))} (x = {x})")


def _check_room(x: Spec, starts: tuple[int, ...] | None, sizes: tuple[Size, ...]) -> None:
    """Raise ShapeError where x ends before ``starts`` + ``sizes``."""
    _check_each_axis(x, "a start", starts or sizes)
    for axis, (first, n, size) in enumerate(zip(starts or (0,) * x.rank, sizes, x.shape, strict=True)):
        end = first + n
        if dims.known(end) and dims.known(size) and not (first >= 0 and n >= 0 and end <= size):
            raise ShapeError(f"expects x with indices {first} to {end} along axis {axis}, got size {size} (x = {x})")
