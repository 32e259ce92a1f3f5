"""Rearrangement of axes by a pattern of names, as in einops."""

from __future__ import annotations

import math
import re
from typing import Any

from layercli.core import dims
from layercli.core.dims import Size
from layercli.core.operation import Op, cached_property
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError
from layercli.ops.core.axes import check_rank
from layercli.ops.core.conversion import convert_to_tensor

Side = list[list[str]]
"""The names in each axis."""


@dataclass(frozen=True)
class Rearrange(Op):
    """out = x with its axes split, permuted and merged by ``pattern``, such as ``b (h n) c -> b h (n c)``.

    ``sizes``: (name, size) pairs for the names whose size does not follow from x.
    """

    pattern: str
    sizes: tuple[tuple[str, int], ...] = ()

    @cached_property
    def sides(self) -> tuple[Side, Side]:
        """The names of each axis left and right of the arrow; UsageError for an invalid pattern."""
        left, arrow, right = self.pattern.partition("->")
        sides = _names(left), _names(right)
        before, after = (sorted(name for axis in side for name in axis) for side in sides)
        if (
            not arrow
            or before != after
            or len({*before}) < len(before)
            or not {name for name, _ in self.sizes} <= {*before}
        ):
            raise UsageError(f"rearrange expects a pattern like 'b h w -> b (h w)', got {self.pattern!r}")
        return sides

    def spec(self, x: Spec) -> Spec:
        """Return the products of the named sizes; ShapeError where an axis of x is not divisible as the pattern says."""
        left, right = self.sides
        check_rank(x, len(left))
        known: dict[str, Size] = dict(self.sizes)
        for names, size in zip(left, x.shape, strict=True):
            self._infer_size(x, names, size, known)
        return Spec(tuple(dims.product(known[name] for name in names) for names in right), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return x reshaped, permuted and reshaped by torch."""
        left, right = self.sides
        check_rank(x, len(left))
        known: dict[str, Any] = dict(self.sizes)
        for names, size in zip(left, x.shape, strict=True):
            self._infer_size(x, names, size, known)
        order = [name for names in left for name in names]
        x = x.reshape([known[name] for name in order])
        x = x.permute([order.index(name) for names in right for name in names])
        return x.reshape([math.prod(known[name] for name in names) for names in right])

    def _infer_size(self, x: Spec | Tensor, names: list[str], size: Size | int, known: dict[str, Any]) -> None:
        """Compute the one unknown size of an axis into ``known``; UsageError for several unknown sizes, ShapeError for
        a remainder.
        """
        known_size = math.prod(known[name] for name in names if name in known)
        missing = [name for name in names if name not in known]
        if len(missing) > 1:
            raise UsageError(f"rearrange expects all but one of the sizes of ({' '.join(names)}) in {self.pattern!r}")
        exact = known_size == 1 or not isinstance(size, int) or size % known_size == 0
        if not exact or (not missing and not dims.may_equal(size, known_size)):
            raise ShapeError(
                f"expects {known_size} to divide the axis ({' '.join(names)}), got {size} (x of {tuple(x.shape)})"
            )
        for name in missing:
            known[name] = size // known_size


def rearrange(tensor: TensorLike, pattern: str, **axes_lengths: int) -> Tensor:
    """Return the tensor with its axes split, permuted and merged by a pattern such as ``b (h n) c -> b h (n c)``.

    ``axes_lengths`` gives sizes of names by keyword; of each axis at most one may be missing. Raises UsageError for an
    invalid pattern, ShapeError for sizes that do not divide an axis.
    """
    return Rearrange(pattern, tuple(axes_lengths.items()))(convert_to_tensor(tensor))


def _names(side: str) -> Side:
    parts = re.findall(r"\(([^()]*)\)|(\w+)", side)
    return [group.split() if not name else [name] for group, name in parts]
