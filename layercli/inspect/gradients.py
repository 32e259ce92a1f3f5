"""The gradients of a backward pass: when each is allocated, which share memory, and when each is freed."""

from __future__ import annotations

from collections.abc import Mapping

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


class Gradients:
    """Follows the gradients back through the calls. A gradient that several values share is freed with the last of them."""

    def __init__(self, graph: ModelGraph, steps: Mapping[int, int], wanted: set[int]) -> None:
        self.graph, self.steps, self.wanted = graph, steps, wanted
        self.found: list[Storage] = []
        self.memory: list[tuple[int, Size, int]] = []
        self.of_value: dict[int, int] = {}
        self.holders: dict[int, set[int]] = {}
        self.given: dict[int, GivenGradient] = {}
        """The gradient that the backward pass of each call begins with."""

    def storages(self, last: int) -> list[Storage]:
        """Return the storages of all gradients; those of parameters live to the ``last`` step."""
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
                self.given[i] = GivenGradient(self.memory[memory][1], not others)
            for index in given:
                self._release(index, self.steps[i])
        for memory, holders in self.holders.items():
            if holders:
                index, _, _ = self.memory[memory]
                parameter = self.graph.values[index].kind is ValueKind.PARAMETER
                self._close(memory, last, GRADIENTS if parameter else OF_ACTIVATIONS)
        return self.found

    def _back(self, call: OperationCall, given: list[int], step: int) -> None:
        """Give each input of a call that wants one its gradient."""
        shared = self.of_value[given[0]]
        for place, index in enumerate(dict.fromkeys(call.inputs)):
            if index in self.wanted:
                self._add(index, shared if self._passes(call, place, index, given[0]) else None, step)

    def _passes(self, call: OperationCall, place: int, index: int, result: int) -> bool:
        """Whether the gradient of an input is in the memory of that of the result."""
        values = self.graph.values
        if call.operation in JOINED:
            return values[index].kind is not ValueKind.PARAMETER
        if call.operation not in PASSED_ON and call.operation != "Add" and (call.operation not in SUMS or place > 0):
            return False
        return values[index].bytes == values[result].bytes

    def _add(self, index: int, shared: int | None, step: int) -> None:
        """Add a contribution to the gradient of a value: the first one is taken as it is, a later one is summed."""
        before = self.of_value.get(index)
        if before is None:
            self._hold(index, self._allocate(index, step) if shared is None else shared)
            return
        if shared is None:
            self._close(self._allocate(index, step), step, OF_ACTIVATIONS)
        if len(self.holders[before]) > 1:  # torch does not write over what others hold
            self._release(index, step)
            self._hold(index, self._allocate(index, step))

    def _allocate(self, index: int, step: int) -> int:
        self.memory.append((index, self.graph.values[index].bytes, step))
        self.holders[len(self.memory) - 1] = set()
        return len(self.memory) - 1

    def _hold(self, index: int, memory: int) -> None:
        self.of_value[index] = memory
        self.holders[memory].add(index)

    def _release(self, index: int, step: int) -> None:
        memory = self.of_value.pop(index)
        self.holders[memory].discard(index)
        if not self.holders[memory]:
            self._close(memory, step, OF_ACTIVATIONS)

    def _close(self, memory: int, step: int, part: str) -> None:
        index, size, start = self.memory[memory]
        self.found.append(Storage(index, size, start, step, part))
