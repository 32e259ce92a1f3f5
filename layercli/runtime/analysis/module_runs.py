"""One trace of a torch module, or several traces merged: several numbers per named size reveal the formulas."""

from __future__ import annotations

from typing import Any

from torch import nn

from layercli.core import dims
from layercli.core.dims import UNKNOWN, Size
from layercli.core.spec import Spec
from layercli.inspect.summary import as_shape
from layercli.runtime.analysis.filled_sizes import Formulas
from layercli.runtime.analysis.script_calls import Path
from layercli.runtime.analysis.trace_recording import Trace, TracedCall

Fill = dict[Any, int]
"""The number used for each named size in one run, and under None for sizes without a name."""


class Runs:
    """What one call of a module shows, by path: its calls in order, shapes and multiply-accumulates."""

    def __init__(self, traces: list[Trace], fills: list[Fill]) -> None:
        self.traces = traces
        self.calls: dict[Path, list[int]] = {}
        self.first_calls: dict[Path, int] = {}
        """The number of the first call of the module at each path, or of one below it."""
        for i, call in enumerate(traces[0].calls if traces else []):
            self.calls.setdefault(call.path, []).append(i)
            for length in range(len(call.path) + 1):
                self.first_calls.setdefault(call.path[:length], i)
        self.alike = all(_alike(traces[0], trace) for trace in traces[1:])
        self.formulas = Formulas(fills)
        self.unexplained = False
        """Whether a size that an operation gave has no formula."""
        self.own: dict[Path, Size] = {}
        self.below: dict[Path, Size] = {}
        if traces and self.alike:
            if len(traces) > 1:
                self._follow_sizes()
            self._add_up()

    @property
    def failed(self) -> bool:
        """Whether the call failed."""
        return any(trace.failure is not None for trace in self.traces)

    def _follow_sizes(self) -> None:
        """Find the formulas of the sizes that operations give, in their order."""
        for each in zip(*(trace.operations for trace in self.traces), strict=True):
            first = each[0]
            for axis, offset, stride in first.windows:
                sizes = [[int(side[0][0].shape[axis]) for side in (x.inputs, x.outputs)] for x in each]
                taken, given = zip(*sizes, strict=True)
                self.formulas.slid(taken, given, offset, stride)
            for spec in zip(*([spec for spec, _ in x.outputs] for x in each), strict=False):
                for values in zip(*(x.shape for x in spec), strict=False):
                    if self.formulas.size(tuple(map(int, values))) == UNKNOWN:
                        self.unexplained = True

    def _add_up(self) -> None:
        for i, operation in enumerate(self.traces[0].operations):
            if any(trace.operations[i].macs for trace in self.traces):
                macs = self.formulas.of([int(trace.operations[i].macs) for trace in self.traces])
                self.unexplained |= macs == UNKNOWN
                path = operation.path
                self.own[path] = dims.total([self.own.get(path, 0), macs])
                for length in range(len(path) + 1):
                    above = path[:length]
                    self.below[above] = dims.total([self.below.get(above, 0), macs])

    def macs_at(self, path: Path) -> Size:
        """Return the MACs of a module outside its children; 0 if they are not known separately."""
        return self.own.get(path, 0)

    def macs_below(self, path: Path) -> Size:
        """Return the MACs of the module at ``path`` including everything below it."""
        if not self.traces or not self.alike or not self._finished(path):
            return UNKNOWN if not self.traces or self.alike else self._whole(path)
        return self.below.get(path, 0)

    def _finished(self, path: Path) -> bool:
        """Whether a failed run completed the calls of the module at ``path``."""
        calls = self.calls.get(path, [])
        return not self.failed or (bool(calls) and all(self.traces[0].calls[i].finished for i in calls))

    def _whole(self, path: Path) -> Size:
        """Return the cost if the runs differ in their operations, as in loops over a size: compare the totals."""
        sums = [sum(int(o.macs) for o in trace.operations if o.path[: len(path)] == path) for trace in self.traces]
        return UNKNOWN if self.failed else self.formulas.of(sums)

    def shapes_of(self, module: nn.Module, path: Path) -> tuple[Any, Any, int]:
        """Return the shapes of the first inputs and outputs of the module at ``path``, and its number of calls there."""
        if found := self.calls.get(path, []):
            return self._inputs(found[0]), self._outputs(found[0]), len(found)
        if isinstance(module, nn.Sequential) and len(module):  # a container's children are called one by one
            inner = [self.calls.get((*path, name), [])[:1] for name in module._modules]
            if all(inner):
                return self._inputs(inner[0][0]), self._outputs(inner[-1][0]), 0
        return None, None, 0

    def _call(self, index: int) -> list[TracedCall]:
        calls = [trace.calls[index] for trace in self.traces if index < len(trace.calls)]
        return calls if len({call.path for call in calls}) == 1 else calls[:1]

    def _inputs(self, index: int) -> Any:
        found = [list(specs_in(call.inputs)) for call in self._call(index)]
        shapes = self.merged(found) or []
        return None if not shapes else shapes[0] if len(shapes) == 1 else shapes

    def _outputs(self, index: int) -> Any:
        return self.merged([call.outputs for call in self._call(index)])

    def merged(self, found: list[Any]) -> Any:
        """Return the shapes that explain all runs, as a tree without the values that are not tensors."""
        first = found[0]
        if isinstance(first, Spec):
            return self.merged_shape(found)
        if isinstance(first, dict):
            return {
                key: shapes
                for key in first
                if (shapes := self.merged([x.get(key) if isinstance(x, dict) else None for x in found])) is not None
            } or None
        if isinstance(first, list):
            pairs = zip(*found, strict=False) if all(isinstance(x, list) for x in found) else ()
            shapes = [shape for each in pairs if (shape := self.merged(list(each))) is not None]
            return shapes[0] if len(shapes) == 1 < len(first) else shapes or None
        return None

    def merged_shape(self, specs: list[Spec]) -> Any:
        """Return the sizes that explain all runs."""
        specs = [spec for spec in specs if isinstance(spec, Spec)]
        if len({spec.rank for spec in specs}) > 1:
            return as_shape([UNKNOWN])
        sizes = zip(*(spec.shape for spec in specs), strict=True)
        return as_shape(self.formulas.of(tuple(map(int, values))) for values in sizes)


def specs_in(tree: object) -> list[Spec]:
    """Return the Specs in a tree."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, list):
        return [spec for item in tree for spec in specs_in(item)]
    return [tree] if isinstance(tree, Spec) else []


def _alike(first: Trace, second: Trace) -> bool:
    """Whether two runs performed the same operations."""
    pairs = zip(first.operations, second.operations, strict=False)
    return len(first.operations) == len(second.operations) and all(a.path == b.path for a, b in pairs)
