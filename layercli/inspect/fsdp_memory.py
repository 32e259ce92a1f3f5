"""What torch's fully_shard (FSDP2) allocates on one of several ranks, where each layer with parameters is sharded.

A rank holds some rows of each parameter. The rest comes and goes with the calls of a layer: the buffer of the collective that
gathers it, which in the backward pass is begun one layer ahead, its whole parameters, their whole gradients, and the buffer of
the collective that sums these, which lives until the next layer has its own. Checked with torch's FSDPMemTracker.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from itertools import pairwise

from layercli.core import dims
from layercli.core.dims import Size
from layercli.core.spec import Spec
from layercli.dataclass import dataclass
from layercli.inspect.liveness import GATHERED, GRADIENTS, Storage
from layercli.inspect.model_graph import ROOT, ModelGraph, Value, ValueKind
from layercli.inspect.training_run import Pass, TrainingRun


def share_of(spec: Spec, ranks: int) -> Spec:
    """Return the part of a parameter that the first rank holds: its first rows, as many as any rank has."""
    return replace(spec, shape=(dims.ceil_div(spec.shape[0], ranks), *spec.shape[1:])) if spec.rank else spec


def parameters_of(graph: ModelGraph) -> list[Value]:
    """Return the parameters of a model, each once, also those that are not trained."""
    return [x for x in graph.variables_below() if x.kind is ValueKind.PARAMETER]


@dataclass
class UnitSpan:
    """Steps from ``start`` to ``stop`` in which a unit has its parameters whole: a forward run, or a backward run.

    A unit that runs again before its backward run has them from then on: ``again`` is the last step in which it does.
    """

    unit: str
    start: int
    stop: int
    again: int | None = None
    turn: int | None = None
    """The first step of the backward run."""


@dataclass
class ShardedRun:
    """A training step of which each called layer with parameters is a unit of fully_shard, and the model itself another."""

    run: TrainingRun
    ranks: int

    @cached_property
    def units(self) -> dict[str, list[Value]]:
        """The parameters of each unit; of those with the same one the first called has it, the root those of modules not called."""
        graph, found, seen = self.run.graph, {}, set[int]()
        calls = sorted(graph.module_calls, key=lambda call: call.start)
        for path in dict.fromkeys(call.module for call in calls if call.module != ROOT):
            indices = [i for i in graph.modules[path].variables.values() if i not in seen]
            seen.update(indices)
            if own := [x for x in (graph.values[i] for i in indices) if x.kind is ValueKind.PARAMETER]:
                found[path] = own
        inside = {id(x) for own in found.values() for x in own}
        found[ROOT] = [x for x in parameters_of(graph) if id(x) not in inside]
        return found

    def whole(self, unit: str) -> Size:
        """Return the bytes of the parameters of a unit as the ranks gather them: as many rows from each."""
        return self.ranks * dims.total(share_of(x.spec, self.ranks).bytes for x in self.units[unit])

    @cached_property
    def enclosing(self) -> dict[str, tuple[str, ...]]:
        """The units but the root that each path of a step is in, the innermost last."""
        found = {}
        for path in dict.fromkeys(step.path for step in self.run.steps):
            parts = path.split("/")
            above = ("/".join(parts[:length]) for length in range(1, len(parts) + 1))
            found[path] = tuple(each for each in above if each in self.units and each != ROOT)
        return found

    @cached_property
    def spans(self) -> list[UnitSpan]:
        """The spans of all units but the root, in the order of their first steps."""
        found: list[UnitSpan] = []
        running: dict[str, UnitSpan] = {}
        before = Pass.FORWARD
        for i, (step, resumed) in enumerate(zip(self.run.steps, self.resumed, strict=True)):
            inside = self.enclosing[step.path]
            begun = step.of is not Pass.FORWARD and before is Pass.FORWARD
            for unit, span in [*running.items()]:
                waits = span.again is not None and span.turn is None
                if begun or not (unit in inside or waits or unit in resumed):
                    del running[unit]
            for unit in inside:
                if unit not in running:
                    running[unit] = UnitSpan(unit, i, i)
                    found.append(running[unit])
                span = running[unit]
                if step.of is Pass.BACKWARD and span.turn is None:
                    span.turn = i
                elif step.of is Pass.AGAIN and span.turn is None:
                    span.again = i
            for span in running.values():
                span.stop = i
            before = step.of
        return found

    @cached_property
    def resumed(self) -> list[tuple[str, ...]]:
        """The units that the backward run goes on in after each step in which a layer runs again; none of other steps."""
        found: list[tuple[str, ...]] = []
        after: tuple[str, ...] = ()
        for step in reversed(self.run.steps):
            if step.of is Pass.BACKWARD:
                after = self.enclosing[step.path]
            found.append(after if step.of is Pass.AGAIN else ())
        return found[::-1]

    @cached_property
    def turns(self) -> list[tuple[int, UnitSpan]]:
        """The spans that are backward runs, in the order of these, each with its first step."""
        return sorted(((each.turn, each) for each in self.spans if each.turn is not None), key=lambda pair: pair[0])

    def storages(self) -> list[Storage]:
        """Return the storages of the step on one rank."""
        own = [each for each in self.run.moving.storages if each.part != GRADIENTS]
        return [*own, *self._gathered(), *self._gradients()]

    def _gathered(self) -> Iterable[Storage]:
        """Give the whole parameters and the buffers they are gathered in."""
        last = len(self.run.steps) - 1
        if self.units[ROOT]:
            yield Storage(None, self.whole(ROOT), 0, last, GATHERED)
        for i, span in enumerate(self.spans):
            size = self.whole(span.unit)
            yield Storage(None, size, span.start, span.stop, GATHERED)
            after = self.spans[i + 1].start if i + 1 < len(self.spans) else last + 1
            if span.turn is None:
                yield Storage(None, size, span.start, after - 1, GATHERED)
            elif span.again is not None:
                yield Storage(None, size, span.start, min(after - 1, span.again), GATHERED)
        for (begun, _), (_, span) in pairwise(self.turns):
            if begun < span.start:
                yield Storage(None, self.whole(span.unit), begun, span.start - 1, GATHERED)

    def _gradients(self) -> Iterable[Storage]:
        """Give the whole gradients of each unit, the buffers they are summed in, and the rank's part of them."""
        last = len(self.run.steps) - 1
        backward = sorted((span for _, span in self.turns), key=lambda span: span.stop)
        stops = {span.unit: i for i, span in enumerate(backward)}  # the last span of each unit
        reduced: dict[str, int] = {}
        for each in self.run.moving.storages:
            if each.part == GRADIENTS:
                unit = (self.enclosing[self.run.steps[each.start].path] or (ROOT,))[-1]
                stop = max(backward[stops[unit]].stop, each.start) if unit in stops else last
                reduced[unit] = max(reduced.get(unit, 0), stop)
                yield replace(each, stop=stop)
        for unit, stop in reduced.items():
            if unit != ROOT and stop < last:
                trained = dims.total(share_of(x.spec, self.ranks).bytes for x in self.units[unit] if x.trainable)
                yield Storage(None, trained, stop + 1, last, GRADIENTS)
                after = backward[stops[unit] + 1].stop if stops[unit] + 1 < len(backward) else last
                yield Storage(None, self.ranks * trained, stop + 1, after, GATHERED)
