"""What a rule of memory is given: the Specs, the arguments and the sizes of a call of an operation."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import field

from layercli.core.spec import Spec
from layercli.dataclass import dataclass
from layercli.inspect.model_graph import ModelGraph, OperationCall

RECURRENCE = "FusedRecurrence"


@dataclass(frozen=True)
class Given:
    """A call as a rule sees it: the Specs of what it takes and gives, and its arguments."""

    call: OperationCall
    taken: tuple[Spec, ...]
    gave: tuple[Spec, ...]
    wanted: bool = False
    """Whether the gradient of the first input is computed."""
    at: Mapping[str, int] = field(default_factory=dict)
    """The values of named sizes that tell which kernel runs."""
    steps_first: bool = False
    """Whether the first input lies in memory with its steps first, as the outputs of a recurrence do."""

    @staticmethod
    def of(
        graph: ModelGraph, call: OperationCall, wanted: Container[int] = (), at: Mapping[str, int] | None = None
    ) -> Given:
        """Return what a rule sees of a call; ``wanted`` are the values that a gradient is computed for."""
        taken, gave = (tuple(graph.values[index].spec for index in side) for side in (call.inputs, call.outputs))
        first = call.inputs[0] if call.inputs else None
        maker = None if first is None else graph.made_by.get(first)
        by_steps = maker is not None and maker.operation == RECURRENCE and maker.outputs[0] == first
        return Given(call, taken, gave, first in wanted, at or {}, by_steps)
