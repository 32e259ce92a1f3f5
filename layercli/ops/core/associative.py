"""Associative scan: all prefixes of an associative function in log2(n) steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layercli.core import dims, tree
from layercli.core.dims import UNKNOWN, Size
from layercli.core.operation import TreeOp, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.lazy import torch
from layercli.ops.core import function_tracing
from layercli.ops.core.axes import axis_of
from layercli.ops.core.function_tracing import Function
from layercli.ops.core.loops import check_same


@dataclass(frozen=True)
class AssociativeScan(TreeOp):
    """out[i] = x[0] f x[1] f ... f x[i] along ``axis``, for an associative function f of two trees of tensors.

    ``structure``: the tree structure of x, with None as leaves. ``backwards``: scan from the end.
    """

    function: Function
    structure: object = None
    backwards: bool = False
    axis: int = 0

    def spec(self, *flat: Spec) -> Any:
        """Return x's specs; ShapeError where f returns other shapes."""
        axes = [axis_of(x, self.axis) for x in flat]
        part = [
            Spec((*x.shape[:axis], UNKNOWN, *x.shape[axis + 1 :]), x.dtype) for x, axis in zip(flat, axes, strict=True)
        ]
        found = tree.flatten(self._described(part)[0])
        for before, after in zip(part, found, strict=True):
            check_same("associative_scan", before, after)
        return tree.pack_sequence_as(self.structure, flat)

    def macs(self, *flat: Spec) -> Size:
        """Return 0 where f has no cost, else unknown: the number of calls is not counted."""
        return 0 if self._described(flat)[1] == 0 else UNKNOWN

    def run(self, *flat: Any) -> Any:
        """Return the prefixes, computed recursively on pairs."""
        flat = tuple(x.flip(self.axis) for x in flat) if self.backwards else flat
        out = self._scanned(list(flat))
        return tree.pack_sequence_as(self.structure, [x.flip(self.axis) for x in out] if self.backwards else out)

    def _scanned(self, xs: list[Tensor]) -> list[Tensor]:
        count = xs[0].shape[self.axis]
        if count < 2:
            return xs
        odd = self._scanned(self._applied(self._every(xs, 0, count - 1), self._every(xs, 1, count)))
        shorter = [x.narrow(self.axis, 0, (count - 1) // 2) for x in odd]
        even = self._applied(shorter, self._every(xs, 2, count)) if count > 2 else []
        first = [x.narrow(self.axis, 0, 1) for x in xs]
        even = [torch.cat([a, b], self.axis) for a, b in zip(first, even, strict=True)] if even else first
        return [self._woven(a, b) for a, b in zip(even, odd, strict=True)]

    def _applied(self, left: list[Tensor], right: list[Tensor]) -> list[Tensor]:
        return tree.flatten(
            self.function(tree.pack_sequence_as(self.structure, left), tree.pack_sequence_as(self.structure, right))
        )

    def _every(self, xs: list[Tensor], start: int, end: int) -> list[Tensor]:
        """Return every second index from ``start`` on."""
        return [x.index_select(self.axis, torch.arange(start, end, 2, device=x.device)) for x in xs]

    def _woven(self, even: Tensor, odd: Tensor) -> Tensor:
        """Return the slices of both tensors interleaved."""
        count = even.shape[self.axis] + odd.shape[self.axis]
        order = torch.arange(count, device=even.device)
        order = torch.where(order % 2 == 0, order // 2, order // 2 + even.shape[self.axis])
        return torch.cat([even, odd], self.axis).index_select(self.axis, order)

    def _described(self, flat: Any) -> tuple[Any, Size]:
        return function_tracing.trace_function(
            self.function, *(tree.pack_sequence_as(self.structure, flat) for _ in range(2))
        )


def associative_scan(f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """Return x[0], f(x[0], x[1]), f(f(x[0], x[1]), x[2]), ... along ``axis`` of ``elems``, a tensor or a tree of
    tensors.

    f takes two trees of slices with many indices along the axis and must be associative: f(f(a, b), c) = f(a, f(b, c)).
    It is called O(log n) times. ``reverse`` scans from the end. Raises ShapeError where the sizes along the axis
    differ.
    """
    values = function_tracing.tensors(elems)
    flat = tree.flatten(values)
    sizes = [spec_of(x).shape[axis_of(spec_of(x), axis)] for x in flat]
    if any(not dims.may_equal(sizes[0], size) for size in sizes):
        raise ShapeError(f"associative_scan expects elems of one size along axis {axis}, got {sizes}")
    if function_tracing.is_symbolic(flat):
        function_tracing.check_no_captures("associative_scan", f, values, values)
    return AssociativeScan(f, tree.structure(values), reverse, axis)(*flat)
