"""The gradients of a backward pass: when each is allocated, which share memory, and when each is freed."""

from __future__ import annotations

from collections.abc import Mapping

from layercli.core import dims
from layercli.core.dims import Size
from layercli.inspect.liveness import GRADIENTS, OF_ACTIVATIONS, Storage
from layercli.inspect.model_graph import ModelGraph, OperationCall, ValueKind
from layercli.inspect.rule_input import GivenGradient

PASSED_ON = frozenset(
    {"ExpandDims", "MergeTimeIntoBatch", "ReshapeTensor", "SplitTimeFromBatch", "Squeeze", "Transpose"}
)
"""Operations whose gradient is a view of the gradient of their result."""
JOINED = frozenset({"ConcatenateTensors", "Stack"})
"""Operations whose gradients are parts of the gradient of their result."""
SUMS = frozenset({"Add", "Subtract"})
"""Operations whose first gradient is that of their result itself, as is the second of a sum."""
PRODUCTS = frozenset({"Linear", "MatMul"})
VIEWS = PRODUCTS | {
    "BatchNorm", "BroadcastTo", "Convolution", "DepthwiseConvolution", "Einsum", "FusedRecurrence", "Pool", "RepeatElements",
    "ScaledDotProductAttention", "Sum", "TransposedConvolution", "Upsample",
}  # fmt: skip
"""Operations whose gradients are views of what their kernels make: of other axes, of other sizes, or expanded."""


class Gradients:
    """Follows the gradients back through the calls. A gradient that several values share is freed with the last of them."""

    def __init__(
        self, graph: ModelGraph, steps: Mapping[int, int], wanted: set[int], freed: Mapping[int, Size], last: int
    ) -> None:
        """``steps`` are the backward steps of the calls, ``last`` is the last of all, ``freed`` what is freed after each."""
        self.graph, self.steps, self.wanted, self.freed, self.last = graph, steps, wanted, freed, last
        self.found: list[Storage] = []
        self.memory: list[tuple[int, Size, int]] = []
        self.of_value: dict[int, int] = {}
        self.holders: dict[int, set[int]] = {}
        self.views: set[int] = set()
        """The values whose gradient is a view: torch does not write over it when it adds another one."""
        self.given: dict[int, GivenGradient] = {}
        """The gradient that the backward pass of each call begins with."""

    def storages(self) -> list[Storage]:
        """Return the storages of all gradients; those of parameters live to the last step."""
        first = min(self.steps.values(), default=0)
        for _, index in self.graph.outputs:
            if index in self.wanted and index not in self.of_value:
                self._hold(index, self._allocate(index, first))
        for i in reversed(range(len(self.graph.calls))):
            call = self.graph.calls[i]
            given = [index for index in call.outputs if index in self.of_value]
            if given:
                memory = self.of_value[given[0]]
                self._back(call, given, self.steps[i])
                others = self.holders[memory] - {given[0]}
                missing = dims.total(self.graph.values[index].bytes for index in call.outputs if index not in given)
                self.given[i] = GivenGradient(self.memory[memory][1], not others, missing)
            for index in given:
                self._release(index, self.steps[i])
        for memory, holders in self.holders.items():
            if holders:
                index, _, _ = self.memory[memory]
                parameter = self.graph.values[index].kind is ValueKind.PARAMETER
                self._close(memory, self.last, GRADIENTS if parameter else OF_ACTIVATIONS)
        return self.found

    def _back(self, call: OperationCall, given: list[int], step: int) -> None:
        """Give each input of a call that wants one its gradient."""
        shared = self.of_value[given[0]]
        for place, index in enumerate(dict.fromkeys(call.inputs)):
            if index in self.wanted:
                passed = self._passes(call, place, index, given[0])
                first = index not in self.of_value
                self._add(index, shared if passed else None, step, given)
                if first and self._is_view(call, index, given[0] if passed else None):
                    self.views.add(index)

    def _is_view(self, call: OperationCall, index: int, passed: int | None) -> bool:
        """Whether the gradient of an input is a view; ``passed``: of the value whose gradient it shares the memory."""
        if passed is not None:
            return call.operation not in SUMS or passed in self.views
        value = self.graph.values[index]
        flat = call.operation in PRODUCTS and value.spec.rank == 2 and value.kind is not ValueKind.PARAMETER
        return call.operation in VIEWS and not flat

    def _passes(self, call: OperationCall, place: int, index: int, result: int) -> bool:
        """Whether the gradient of an input is in the memory of that of the result."""
        values = self.graph.values
        if call.operation in JOINED:
            return values[index].kind is not ValueKind.PARAMETER
        if call.operation not in PASSED_ON and call.operation != "Add" and (call.operation not in SUMS or place > 0):
            return False
        return values[index].bytes == values[result].bytes

    def _add(self, index: int, shared: int | None, step: int, given: list[int]) -> None:
        """Add a contribution to the gradient of a value: the first one is taken as it is, a later one is summed.

        ``given`` are the values whose gradients the step begins with. They and what was kept for the step are freed before a sum
        is made.
        """
        before = self.of_value.get(index)
        if before is None:
            self._hold(index, self._allocate(index, step) if shared is None else shared)
            return
        size = self.graph.values[index].bytes
        if shared is None:
            self.found.append(Storage(index, size, step, step, OF_ACTIVATIONS))
        if len(self.holders[before]) == 1 and index not in self.views:
            return  # torch writes the sum over what no other holds
        if step < self.last:
            freed = dims.total([self.freed.get(step, 0), *(map(self._held_alone, given) if shared is None else ())])
            self.found.append(Storage(index, size - dims.least(freed, size), step, step, OF_ACTIVATIONS))
        self._release(index, step)
        self._hold(index, self._allocate(index, min(step + 1, self.last)))

    def _held_alone(self, index: int) -> Size:
        """Return the bytes of the gradient of a value that shares its memory with no other, else 0."""
        memory = self.of_value[index]
        return self.memory[memory][1] if len(self.holders[memory]) == 1 else 0

    def _allocate(self, index: int, step: int) -> int:
        self.memory.append((index, self.graph.values[index].bytes, step))
        self.holders[len(self.memory) - 1] = set()
        return len(self.memory) - 1

    def _hold(self, index: int, memory: int) -> None:
        self.of_value[index] = memory
        self.holders[memory].add(index)

    def _release(self, index: int, step: int) -> None:
        memory = self.of_value.pop(index)
        self.views.discard(index)
        self.holders[memory].discard(index)
        if not self.holders[memory]:
            self._close(memory, step, OF_ACTIVATIONS)

    def _close(self, memory: int, step: int, part: str) -> None:
        index, size, start = self.memory[memory]
        self.found.append(Storage(index, size, start, step, part))
