"""A loop of a cell over the steps of a sequence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layercli.core import call_context, dims, graph, tree
from layercli.core.call_context import CallContext
from layercli.core.dims import Size
from layercli.core.graph import Node
from layercli.core.operation import TreeOp
from layercli.core.spec import Spec, show_shape
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.lazy import torch


@dataclass(frozen=True)
class RNNLoop(TreeOp):
    """out_t, states_t = cell(x_t, states_{t-1}, *constants) for every step t of x (batch, steps, ...).

    ``states``: the tree structure of the cell's states, with None as leaves. Where ``mask`` (batch, steps) is false the
    states are kept, and the output is the previous one: the first state, or, for ``unrolled``, 0 before the first step;
    for ``zeros`` it is always 0. ``training`` is passed to cells that take it. The results are the outputs, all of them
    for ``sequences`` or the last one, and the last states.
    """

    cell: Callable[..., Any]
    states: Any = (None,)
    backwards: bool = False
    sequences: bool = False
    zeros: bool = False
    unrolled: bool = False
    training: bool | None = None

    def spec(self, x: Spec, mask: Spec | None, *rest: Spec | None) -> Any:
        """Return the specs of the outputs and the flat states."""
        if x.rank < 3:
            raise ShapeError(f"expects x with at least 3 axes (batch, steps, features), got {x.rank} (x = {x})")
        batch, steps, *_ = x.shape
        if mask is not None and not all(map(dims.may_equal, mask.shape[:2], (batch, steps))):
            raise ShapeError(f"expects a mask of the shape {show_shape((batch, steps))}, got {mask}")
        out, *states = self._described(x, rest)[0]
        batch, *sizes = out.shape
        return (Spec((batch, steps, *sizes), out.dtype) if self.sequences else out, *states)

    def macs(self, x: Spec, mask: Spec | None, *rest: Spec | None) -> Size:
        """Return steps x the cost of the cell."""
        return x.shape[1] * dims.total(call.macs for call in self._described(x, rest)[1].calls)

    def run(self, x: Tensor, mask: Tensor | None, *rest: object) -> Any:
        """Return the results of the loop."""
        flat, constants = self._parted(rest)
        if mask is not None and mask.ndim == 3:
            mask = mask.squeeze(-1)
        positions = range(x.shape[1])
        inputs, kept = x.unbind(1), [None] * len(positions) if mask is None else mask.bool().unbind(1)
        outputs: list[Any] = []
        for t in reversed(positions) if self.backwards else positions:
            out, new = self._step(inputs[t], flat, constants)
            new = tree.flatten(new)
            if kept[t] is not None:
                out = _where(kept[t], out, self._before(out, outputs, flat))
                new = [_where(kept[t], after, before) for after, before in zip(new, flat, strict=True)]
            flat = new
            outputs[0 if not self.sequences else len(outputs) :] = [out]
        return (torch.stack(outputs, 1) if self.sequences else outputs[-1], *flat)

    def _step(self, x: Tensor, flat: list[Tensor], constants: tuple[object, ...]) -> Any:
        extra = {} if self.training is None else {"training": self.training}
        return self.cell(x, self._packed(flat), *constants, **extra)

    def _before(self, out: Tensor, outputs: list[Tensor], flat: list[Tensor]) -> Tensor:
        if self.zeros:
            return torch.zeros_like(out)
        if self.unrolled:
            return outputs[-1] if outputs else torch.zeros_like(out)
        packed = self._packed(flat)
        several = hasattr(self.cell, "cells") or isinstance(packed[0], (list, tuple))
        state = packed[-1 if several else 0]  # the last cell's, of stacked cells
        result: Tensor = state[0] if isinstance(state, (list, tuple)) else state
        return result

    def _parted(self, rest: tuple[object, ...]) -> tuple[list[Any], tuple[Any, ...]]:
        count = len(tree.flatten(self.states))
        return list(rest[:count]), rest[count:]

    def _packed(self, flat: list[Tensor]) -> Any:
        values = iter(flat)
        return tree.map_structure(lambda _: next(values), _listed(self.states))

    def _described(self, x: Spec, rest: tuple[object, ...]) -> tuple[list[Spec], Node]:
        """Return the flat specs of one step, and the node with the calls that the step made."""
        batch, _, *sizes = x.shape
        node = Node(self, ())
        flat, constants = self._parted(graph.placeholders(list(rest)))
        with call_context.fresh_trace(), call_context.enter_call(CallContext(node, self.cell, bool(self.training))):  # type: ignore[arg-type]  # a layer, or a function
            [step] = graph.placeholders([Spec((batch, *sizes), x.dtype)])
            out, states = self._step(step, flat, constants)
        return [value.spec for value in tree.flatten([out, states])], node


def _listed(states: Any) -> Any:
    return [_listed(state) if isinstance(state, tuple) else state for state in states]


def _where(kept: Any, after: Any, before: Any) -> Tensor:
    return torch.where(kept.reshape(-1, *(1,) * (after.ndim - 1)), after, before)
