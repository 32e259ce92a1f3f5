"""Which operation makes each value of a model's call, and which takes it last: what the edges of a picture follow from."""

from __future__ import annotations

from functools import cached_property
from itertools import accumulate

from layercli.inspect.model_graph import ModelGraph, ValueKind
from layercli.inspect.plot_tree import totals_of

OF_VARIABLES = (ValueKind.PARAMETER, ValueKind.BUFFER)


class ValueFlow:
    """What pictures of one graph at several depths have in common.

    ``made`` are the values that come from each operation, ``last_use`` maps a value to the last operation that takes it, ``held``
    are the storages of variables; ``parameters`` and ``bytes`` are the totals of the model.
    """

    def __init__(self, graph: ModelGraph) -> None:
        self.graph = graph
        self.parameters, self.bytes = totals_of(graph)
        self.held = storages_of_variables(graph)
        self.made = made_by(graph, self.held)
        self.last_use = {place: i for i, call in enumerate(graph.calls) for place in call.inputs}
        self.last_use |= {place: len(graph.calls) for _, place in graph.outputs}

    @cached_property
    def live(self) -> list[int]:
        """How many values flow on after so many operations: those that are made and are taken later."""
        changes = [0] * (len(self.made) + 2)
        given = [(0, place) for _, place in self.graph.inputs]
        for at, place in [*given, *((i + 1, place) for i, places in enumerate(self.made) for place in places)]:
            if self.last_use.get(place, -1) >= at:
                changes[at] += 1
                changes[self.last_use[place] + 1] -= 1
        return [*accumulate(changes)]


def made_by(graph: ModelGraph, held: set[int]) -> list[tuple[int, ...]]:
    """Return the values that come from each operation; ``held`` are the storages of variables.

    A torch trace has one index for a tensor and for a view of it that has the same shape: that comes from the operation that
    made it. So the transpose of a square weight is the weight, which comes from no operation. What changes a tensor in place
    makes another value.
    """
    known, values = {place for _, place in graph.inputs}, graph.values
    found = []
    for call in graph.calls:
        outputs = [place for place in call.outputs if values[place].kind not in OF_VARIABLES]
        found.append(tuple(place for place in outputs if place not in known))
        known.update(place for place in call.outputs if values[place].storage not in held)
    return found


def storages_of_variables(graph: ModelGraph) -> set[int]:
    """Return the storages of parameters and buffers: every call of a layer makes its own view of them, such as a transpose."""
    return {value.storage for value in graph.values if value.kind in OF_VARIABLES}
