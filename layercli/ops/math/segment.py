"""Segment reductions: reductions of the rows that have the same segment id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layercli.core import dims, dtypes
from layercli.core.dims import UNKNOWN
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.lazy import torch
from layercli.ops.core.axes import check_rank
from layercli.ops.core.conversion import convert_to_tensor
from layercli.ops.core.scatter_gather import check_whole

SEGMENTS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "sum": ("sum", lambda dtype: 0),
    "prod": ("prod", lambda dtype: 1),
    "max": ("amax", lambda dtype: float("-inf") if dtypes.is_floating(dtype) else dtypes.finfo_range(dtype)[0]),
    "min": ("amin", lambda dtype: float("inf") if dtypes.is_floating(dtype) else dtypes.finfo_range(dtype)[1]),
}
"""torch's name of each reduction, and its value for an empty segment in a dtype."""


@dataclass(frozen=True)
class Segment(Op):
    """out[i] = function of the rows of x whose id is i, for i < count; rows with other ids are ignored.

    ``function``: a key of ``SEGMENTS``. ``count`` None is the largest id + 1.
    """

    function: str
    count: int | None = None

    def spec(self, x: Spec, ids: Spec) -> Spec:
        """Return x's shape with the count as its first size; ShapeError where there is not one id per row."""
        check_rank(ids, 1)
        check_whole(ids)
        if not x.rank or not dims.may_equal(x.shape[0], ids.shape[0]):
            raise ShapeError(f"expects an id for each row of x, got {ids} (x = {x})")
        return Spec((UNKNOWN if self.count is None else self.count, *x.shape[1:]), x.dtype)

    def run(self, x: Tensor, ids: Any) -> Tensor:
        """Return torch's scatter_reduce; an extra last row collects the ignored rows."""
        self.spec(spec_of(x), spec_of(ids))
        count = self.count if self.count is not None else int(ids.max()) + 1 if len(ids) else 0
        how, empty = SEGMENTS[self.function]
        rows = torch.where((ids < 0) | (ids >= count), count, ids).long()
        rows = rows.reshape(-1, *(1,) * (x.ndim - 1)).expand(x.shape)
        start = torch.full((count + 1, *x.shape[1:]), empty(spec_of(x).dtype), dtype=x.dtype, device=x.device)
        return start.scatter_reduce(0, rows, x, how)[:count]


def segment_sum(data: object, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """Return the sums of the rows of ``data`` with each of the ids 0 to num_segments - 1; 0 for an empty segment.

    data: (rows, ...); segment_ids: (rows,). ``num_segments`` None is the largest id + 1. ``sorted`` has no effect.
    """
    return _segment("sum", data, segment_ids, num_segments)


def segment_prod(
    data: object, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """Return the products of the rows of ``data`` with the same id, otherwise as ``segment_sum``; 1 for an empty
    segment.
    """
    return _segment("prod", data, segment_ids, num_segments)


def segment_max(data: object, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """Return the maxima of the rows of ``data`` with the same id, otherwise as ``segment_sum``; -inf for an empty
    segment.
    """
    return _segment("max", data, segment_ids, num_segments)


def segment_min(data: object, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """Return the minima of the rows of ``data`` with the same id, otherwise as ``segment_sum``; inf for an empty
    segment.
    """
    return _segment("min", data, segment_ids, num_segments)


def _segment(function: str, data: object, ids: TensorLike, count: int | None) -> Tensor:
    return Segment(function, count)(convert_to_tensor(data), convert_to_tensor(ids))
