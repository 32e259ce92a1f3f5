"""Loops: ``while_loop``, ``fori_loop``, ``scan`` and the mapping of a function over the first axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from layercli.core import dims, tree
from layercli.core.dims import UNKNOWN, Dim, Size
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.operation import MultiOutputOp, TreeOp, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError
from layercli.lazy import torch
from layercli.ops.core import function_tracing
from layercli.ops.core.function_tracing import Function


@dataclass(frozen=True)
class While(MultiOutputOp):
    """values = body(*values) while cond(*values) is true, at most ``most`` times (None: no limit).

    ``structure``: a tuple with the tree structure of each value, with None as leaves.
    """

    cond: Function
    body: Function
    structure: tuple[Any, ...]
    most: int | None = None

    def spec(self, *flat: Spec) -> tuple[Spec, ...]:
        """Return the specs of the values; ShapeError where the body changes them."""
        found, _ = self._described(flat)
        for before, after in zip(flat, tree.flatten(found), strict=False):
            check_same("while_loop", before, after)
        if len(flat) != len(tree.flatten(found)):
            raise ShapeError(
                f"while_loop expects a body that returns {len(flat)} tensors, got {len(tree.flatten(found))}"
            )
        return flat

    def macs(self, *flat: Spec) -> Size:
        """Return 0 where the body has no cost, else unknown: the number of steps depends on values."""
        return 0 if self._described(flat)[1] == 0 else UNKNOWN

    def run(self, *flat: object) -> tuple[Tensor, ...]:
        """Return the values after the loop."""
        values, steps = tree.pack_sequence_as(self.structure, flat), 0
        while (self.most is None or steps < self.most) and bool(self.cond(*values)):
            values, steps = self._next_values(self.body(*values)), steps + 1
        return tuple(tree.flatten(values))

    def _described(self, flat: Any) -> tuple[Any, Size]:
        return function_tracing.trace_function(
            lambda *values: self._next_values(self.body(*values)), *tree.pack_sequence_as(self.structure, flat)
        )

    def _next_values(self, values: Tensor | Sequence[Tensor]) -> Any:
        """Return the result of the body as a tuple; with one loop variable the body may return it without a tuple."""
        many = isinstance(values, (list, tuple)) and (len(self.structure) > 1 or len(values) == 1)
        return tuple(function_tracing.tensors(values)) if many else (function_tracing.tensors(values),)


@dataclass(frozen=True)
class Map(TreeOp):
    """out[i] = function(x[i]) for each index i of the first axis of x, a tree of tensors.

    ``structure``: the tree structure of x, with None as leaves. ``vectorized``: one call under torch.vmap.
    """

    function: Function
    structure: object = None
    vectorized: bool = False

    def spec(self, *flat: Spec) -> Any:
        """Return the specs of the function's results with a new first axis."""
        return function_tracing.add_leading_axis(leading_size(flat), self._described(flat)[0])

    def macs(self, *flat: Spec) -> Size:
        """Return the size of the first axis x the cost of the function."""
        return leading_size(flat) * self._described(flat)[1]

    def run(self, *flat: Any) -> Any:
        """Return the result of torch.vmap, or the stacked results of each index."""
        specs = [spec_of(x) for x in flat]
        if not leading_size(specs):
            return empty_results(self.spec(*specs), flat[0].device)
        if self.vectorized:
            return torch.vmap(lambda *values: self._called(values), randomness="different")(*flat)
        return stack_trees([self._called(row) for row in zip(*(x.unbind(0) for x in flat), strict=True)])

    def _called(self, values: Any) -> Any:
        return function_tracing.tensors(self.function(tree.pack_sequence_as(self.structure, values)))

    def _described(self, flat: Any) -> tuple[Any, Size]:
        return function_tracing.trace_function(
            self.function, tree.pack_sequence_as(self.structure, map(function_tracing.drop_leading_axis, flat))
        )


@dataclass(frozen=True)
class Scan(TreeOp):
    """carry, y[i] = function(carry, x[i]) for each index i of the first axis of x; out = the last carry, and all y
    stacked.

    ``carry`` and ``structure``: the tree structures of the first carry and of x, with None as leaves; x may have no
    leaves. ``length``: the number of steps, None for x's first size. ``backwards``: from the last index to the first.
    """

    function: Function
    carry: object
    structure: object = None
    length: int | None = None
    backwards: bool = False

    def spec(self, *flat: Spec) -> tuple[Any, Any]:
        """Return the specs of the carry and of the stacked y; ShapeError where the carry changes."""
        (carry, y), _ = self._described(flat)
        for old, new in zip(flat[: len(tree.flatten(self.carry))], tree.flatten(carry), strict=True):
            check_same("scan", old, new)
        return carry, function_tracing.add_leading_axis(self._count(flat), y)

    def macs(self, *flat: Spec) -> Size:
        """Return the number of steps x the cost of the function."""
        return self._count(flat) * self._described(flat)[1]

    def run(self, *flat: Any) -> Any:
        """Return the flat results of the loop."""
        carry, x = self._parted(flat)
        specs = [spec_of(value) for value in flat]
        count = int(self._count(specs))
        if not count:
            return carry, empty_results(self.spec(*specs)[1], flat[0].device)
        rows = list(zip(*(each.unbind(0) for each in x), strict=True)) or [()] * count
        results: list[Any] = []
        for row in reversed(rows) if self.backwards else rows:
            carry, y = function_tracing.tensors(self.step(carry, row))
            results.append(y)
        return carry, stack_trees(results[::-1] if self.backwards else results)

    def _parted(self, flat: Any) -> tuple[Any, list[Any]]:
        count = len(tree.flatten(self.carry))
        return tree.pack_sequence_as(self.carry, flat[:count]), list(flat[count:])

    def _count(self, flat: object) -> Size:
        return leading_size(self._parted(flat)[1]) if self.length is None else self.length

    def step(self, carry: Any, x: Any) -> Any:
        """Return the flat results of the function for a carry and the leaves of x[i]."""
        return self.function(carry, tree.pack_sequence_as(self.structure, x) if x else None)

    def _described(self, flat: object) -> tuple[Any, Size]:
        carry, x = self._parted(flat)
        return function_tracing.trace_function(
            self.step, carry, [function_tracing.drop_leading_axis(each) for each in x]
        )


def fori_loop(lower: Size, upper: Size, body_fun: Callable[[int, Any], Any], init_val: object) -> object:
    """Return the last of value = body_fun(i, value) for i in range(lower, upper), from ``init_val`` on.

    ``lower`` and ``upper`` are integers. The loop is unrolled: each step is recorded, compiled and counted by itself.
    Raises UsageError for bounds that are not known before the call.
    """
    for end in (lower, upper):
        if isinstance(end, (Dim, SymbolicTensor)):
            raise UsageError(f"fori_loop expects bounds that are integers, got {end}")
    value = init_val
    for i in range(lower, upper):
        value = body_fun(i, value)
    return value


def while_loop(
    cond: Callable[..., object], body: Callable[..., object], loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """Return the values after ``loop_vars = body(*loop_vars)`` while cond(*loop_vars) is true, at most
    ``maximum_iterations`` times.

    ``loop_vars``: a tuple or list of tensors, numbers and trees of them, or one of them; they keep their shapes. Raises
    ShapeError where the body changes a shape.
    """
    several = isinstance(loop_vars, (list, tuple))
    values = function_tracing.tensors(tuple(loop_vars) if several else (loop_vars,))
    loop = While(cond, body, tree.structure(values), maximum_iterations)
    if function_tracing.is_symbolic(values):
        function_tracing.check_no_captures("while_loop", body, *values)
    out = tree.pack_sequence_as(values, loop(*tree.flatten(values)))
    return out if several else out[0]


def scan(
    f: Callable[[Any, Any], Any],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Tensor, Tensor]:
    """Return the last carry and all y stacked, of carry, y = f(carry, x) from ``init`` on, for each index of the first
    axis of xs.

    ``init``, ``xs`` and y are trees of tensors; without ``xs`` there are ``length`` steps. ``reverse`` goes from the
    last index to the first; ``unroll`` has no effect. Raises ShapeError where the carry changes its shape, UsageError
    where neither ``xs`` nor ``length`` is given.
    """
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise UsageError(f"scan expects unroll to be an integer of at least 1, or a boolean, got {unroll}")
    if xs is None and length is None:
        raise UsageError("scan expects xs or a length, got neither")
    carry, rows = function_tracing.tensors(init), [] if xs is None else tree.flatten(function_tracing.tensors(xs))
    if rows and length is not None and not dims.may_equal(count := leading_size([spec_of(x) for x in rows]), length):
        raise UsageError(f"scan expects a length of {count}, as xs has, got {length}")
    op = Scan(f, tree.structure(carry), tree.structure(xs), length, reverse)
    if function_tracing.is_symbolic([carry, rows]):
        function_tracing.check_no_captures("scan", op.step, carry, [leading_spec(x) for x in rows])
    last, every = op(*tree.flatten(carry), *rows)
    return last, every


def map_leading_axis(name: str, function: Function, xs: Any, *, vectorized: bool) -> Any:
    """Return ``function(x[i])`` stacked for each index i of the first axis of a tree of tensors."""
    values = function_tracing.tensors(xs)
    flat = tree.flatten(values)
    if not flat:
        raise UsageError(f"{name} expects at least one tensor, got none")
    if function_tracing.is_symbolic(flat):
        function_tracing.check_no_captures(name, function, tree.map_structure(leading_spec, values))
    return Map(function, tree.structure(values), vectorized)(*flat)


def leading_size(xs: Any) -> Size:
    """Return the size of the first axis, which all specs have in common; ShapeError where they differ."""
    if any(not x.rank for x in xs):
        raise ShapeError(f"expects tensors with at least 1 axis, got {', '.join(str(x) for x in xs)}")
    sizes: list[Size] = [x.shape[0] for x in xs]
    if any(not dims.may_equal(sizes[0], size) for size in sizes):
        raise ShapeError(f"expects tensors with one size of their first axis, got {', '.join(str(x) for x in xs)}")
    return sizes[0]


def check_same(name: str, before: Spec, after: object) -> None:
    """Raise ShapeError where a loop variable has another shape after a step."""
    alike = (
        isinstance(after, Spec) and after.rank == before.rank and all(map(dims.may_equal, before.shape, after.shape))
    )
    if not alike:
        raise ShapeError(f"{name} expects values that keep their shapes, got {after} after {before}")


def leading_spec(x: TensorLike) -> Spec:
    """Return the spec of x[0]."""
    leading_size([spec_of(x)])
    return function_tracing.drop_leading_axis(spec_of(x))


def stack_trees(results: list[Tensor]) -> Any:
    """Return a list of trees of tensors as one tree, each leaf stacked; None stays None."""
    columns = zip(*map(tree.flatten, results), strict=True)
    return tree.pack_sequence_as(results[0], [None if column[0] is None else torch.stack(column) for column in columns])


def empty_results(specs: object, device: Any) -> Any:
    """Return empty tensors of the specs' shapes, for loops without steps."""

    def made(spec: Spec) -> Tensor:
        return torch.zeros([int(size) for size in spec.shape], dtype=getattr(torch, spec.dtype), device=device)

    return tree.map_structure(made, specs)
