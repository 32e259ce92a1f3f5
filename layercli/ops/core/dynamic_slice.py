"""Blocks of a tensor, read and written to: where they start, per axis, and what shape they have."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from layercli.core import dims
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Shape, Spec, show_shape
from layercli.errors import ShapeError
from layercli.lazy import torch
from layercli.ops.core.conversion import convert_to_tensor


@dataclass(frozen=True)
class Slice(Op):
    """out = x from ``starts`` on, one per axis, in ``shape``, where -1 is all that is left: a view.

    Starts that are given as a tensor are held back where less than ``shape`` would be left.
    """

    shape: Shape
    starts: tuple[int, ...] | None = None

    def spec(self, x: Spec, start: Spec | None = None) -> Spec:
        """Return the shape; ShapeError where x has not so much."""
        _check_each_axis(x, "shape", self.shape)
        sizes = tuple(
            n - first if wanted == -1 else wanted
            for n, first, wanted in zip(x.shape, self.starts or (0,) * x.rank, self.shape, strict=True)
        )
        _check_room(x, self.starts, sizes)
        return Spec(sizes, x.dtype)

    def run(self, x: Any, start: Any = None) -> Any:
        """Return torch's view; from a start that is a tensor a copy, as torch does not know it before."""
        sizes = self.spec(spec_of(x)).shape
        if self.starts is None:
            return x[places(start, sizes, x)]
        return x[tuple(builtins.slice(first, first + n) for first, n in zip(self.starts, sizes, strict=True))]


@dataclass(frozen=True)
class SliceUpdate(Op):
    """out = x with ``updates`` written over it from ``starts`` on, one per axis, or from a start that is a tensor."""

    starts: tuple[int, ...] | None = None

    def spec(self, x: Spec, updates: Spec, start: Spec | None = None) -> Spec:
        """Return x's spec; ShapeError where the updates reach over its ends."""
        _check_each_axis(x, "updates", updates.shape)
        _check_room(x, self.starts, updates.shape)
        return x

    def run(self, x: Any, updates: Any, start: Any = None) -> Any:
        """Return torch's copy of x, written to."""
        self.spec(*map(spec_of, (x, updates)))
        if self.starts is None:
            return x.index_put(places(start, updates.shape, x), updates.to(x.dtype))
        out = x.clone()
        out[tuple(builtins.slice(first, first + n) for first, n in zip(self.starts, updates.shape, strict=True))] = (
            updates
        )
        return out


def slice(inputs: Any, start_indices: Any, shape: Sequence[Any]) -> Any:
    """Return ``inputs`` from ``start_indices`` on, one per axis, in ``shape``; -1 in the shape is all that is left."""
    starts = _whole(start_indices)
    if starts is None:
        return Slice(tuple(shape))(inputs, convert_to_tensor(start_indices))
    return Slice(tuple(shape), starts)(inputs)


def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """Return ``inputs`` with ``updates`` written over it from ``start_indices`` on, one per axis."""
    starts, updates = _whole(start_indices), convert_to_tensor(updates)
    if starts is None:
        return SliceUpdate()(inputs, updates, convert_to_tensor(start_indices))
    return SliceUpdate(starts)(inputs, updates)


def places(start: Any, sizes: Any, x: Any) -> tuple[Any, ...]:
    """Return the places from ``start``, a tensor, on along each axis, held back to what x has, so that they broadcast."""
    found = []
    for axis, n in enumerate(sizes):
        first = start[axis].long().clamp(0, x.shape[axis] - n)
        along = first + torch.arange(n, device=x.device)
        found.append(along.reshape(-1, *(1 for _ in sizes[axis + 1 :])))
    return tuple(found)


def _whole(starts: Any) -> tuple[int, ...] | None:
    """Return starts that are numbers, and None for those that a tensor holds."""
    if hasattr(starts, "dtype") or not all(isinstance(start, int) for start in starts):
        return None
    return tuple(starts)


def _check_each_axis(x: Spec, what: str, sizes: Any) -> None:
    if len(sizes) != x.rank:
        raise ShapeError(f"expects {what} for each of x's {x.rank} axes, got {show_shape(tuple(sizes))} (x = {x})")


def _check_room(x: Spec, starts: tuple[int, ...] | None, sizes: Any) -> None:
    """Raise ShapeError where x ends before ``sizes`` places from ``starts`` on."""
    _check_each_axis(x, "a start", starts or sizes)
    for axis, (first, n, size) in enumerate(zip(starts or (0,) * x.rank, sizes, x.shape, strict=True)):
        end = first + n
        if dims.known(end) and dims.known(size) and not (first >= 0 and n >= 0 and end <= size):
            raise ShapeError(f"expects x with places {first} to {end} along axis {axis}, got {size} (x = {x})")
