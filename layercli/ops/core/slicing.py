"""Basic indexing ``x[1:, ..., None, -1]``: integers, slices, None and Ellipsis."""

from __future__ import annotations

from types import EllipsisType
from typing import Any, TypeAlias

from layercli.core import dims
from layercli.core.backend import get_backend
from layercli.core.dims import UNKNOWN, Size, ceil_div
from layercli.core.operation import Op, require_tensor
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import AxisError, ShapeError

SlicePart: TypeAlias = "int | StridedSlice | EllipsisType | None"


@dataclass(frozen=True)
class StridedSlice:
    """A slice with hashable fields, so that it can be an argument of an Op."""

    start: int | None = None
    stop: int | None = None
    step: int | None = None

    @property
    def whole(self) -> bool:
        """Whether the slice takes the whole axis."""
        return self == StridedSlice()

    def length(self, size: Size) -> Size:
        """Return the length of the slice of an axis of ``size``; an anonymous unknown where it cannot be expressed."""
        if isinstance(size, int):
            return len(range(size)[slice(self.start, self.stop, self.step)])
        if self.whole:
            return size
        taken = _distance(self.start or 0, size if self.stop is None else self.stop, size)
        least, fewest = dims.lower_bound(size), dims.lower_bound(taken)
        inside = least is not None and max(abs(self.start or 0), abs(self.stop or 0)) <= least
        return ceil_div(taken, self.step or 1) if inside and fewest is not None and fewest >= 0 else UNKNOWN


def _distance(start: int, stop: Size, size: Size) -> Size:
    """Return ``stop - start``, negative ends counted from ``size``."""
    ends = [end + size if isinstance(end, int) and end < 0 else end for end in (start, stop)]
    return ends[1] - ends[0]


@dataclass(frozen=True)
class GetItem(Op):
    """out = x[parts]: an integer selects an index and removes the axis, a StridedSlice selects a range, None adds an
    axis of size 1.
    """

    parts: tuple[SlicePart, ...]

    def spec(self, x: Spec) -> Spec:
        """Return the indexed shape; ShapeError for an index or an axis that x does not have."""
        shape: list[Size] = []
        left = list(enumerate(x.shape))
        for part in self._spelled_out(x):
            if part is None:
                shape.append(1)
                continue
            axis, size = left.pop(0)
            if isinstance(part, int):
                _check_index(x, axis, part)
            elif isinstance(part, StridedSlice):
                shape.append(part.length(size))
        return Spec(tuple(shape), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's view."""
        require_tensor(x)
        return x[tuple(slice(p.start, p.stop, p.step) if isinstance(p, StridedSlice) else p for p in self.parts)]

    def _spelled_out(self, x: Spec) -> list[SlicePart]:
        """Return the parts with the Ellipsis, and missing trailing axes, replaced by full slices."""
        axes = sum(isinstance(part, (int, StridedSlice)) for part in self.parts)
        if axes > x.rank:
            raise ShapeError(f"expects x with at least {axes} axes, got {x.rank} (x = {x})")
        rest = [StridedSlice()] * (x.rank - axes)
        parts: list[Any] = list(self.parts if Ellipsis in self.parts else (*self.parts, ...))
        i = parts.index(...)
        return [*parts[:i], *rest, *parts[i + 1 :]]


def getitem(x: TensorLike, key: TensorLike) -> Tensor:
    """Return ``x[key]``; a key with tensors or lists is passed to torch's advanced indexing."""
    parts = key if isinstance(key, tuple) else (key,)
    if not all(_simple(part) for part in parts):
        from layercli.lazy import torch

        x = get_backend().as_tensor(x) if get_backend().is_array(x) else x
        out: Tensor = get_backend().torch_function(torch.Tensor.__getitem__, (x, key), {})
        return out
    if any(isinstance(part, slice) and (part.step or 1) < 1 for part in parts):
        raise ShapeError("expects slices with a positive step", hint="flip an axis with torch.flip")
    return GetItem(tuple(StridedSlice(p.start, p.stop, p.step) if isinstance(p, slice) else p for p in parts))(x)


get_item = getitem


def _simple(part: object) -> bool:
    if isinstance(part, slice):
        return all(end is None or isinstance(end, int) for end in (part.start, part.stop, part.step))
    return part is None or part is Ellipsis or (isinstance(part, int) and not isinstance(part, bool))


def _check_index(x: Spec, axis: int, position: int) -> None:
    size = x.shape[axis]
    if isinstance(size, int) and not -size <= position < size:
        raise AxisError(f"expects x with an index {position} along axis {axis}, got size {size} (x = {x})")
