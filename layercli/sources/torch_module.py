"""A torch.nn.Module as a Source: created in Python, or read from a file with a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from threading import RLock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from layercli.core.spec import Spec
from layercli.errors import UsageError
from layercli.sources.source import Source, as_specs

if TYPE_CHECKING:
    from layercli.inspect.cost_graph import CostGraph
    from layercli.inspect.model_graph import ModelGraph
    from layercli.inspect.model_loader import ModelSource
    from layercli.inspect.summary import Summary
    from layercli.inspect.training_run import TrainingRun
    from layercli.inspect.variables import Variables


class ModuleSource(Source):
    """A torch.nn.Module, which does not declare its inputs."""

    vocabulary = "torch modules"
    _given_inputs: Mapping[str, Any] = MappingProxyType({})
    _values: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, model: Any, name: str, origin: str, make: Callable[[], Any] | None = None) -> None:
        super().__init__(name, origin)
        self.described, self._make = model, make
        self._making = RLock()

    @property
    def model(self) -> Any:
        """The module; if it was constructed without values, ``make`` constructs it again: once, whichever threads ask."""
        with self._making:
            return self._made

    @cached_property
    def _made(self) -> Any:
        return self.described if self._make is None else self._make()

    def inputs(self, shapes: Sequence[str] = (), sizes: Sequence[str] = ()) -> dict[str, Spec]:
        """Return the Specs of the arguments of ``forward`` that were given as shapes or files."""
        from layercli.runtime.analysis.module_inputs import GivenInputs, inputs_of_module

        found = inputs_of_module(
            self.described, self.name, list(shapes), list(sizes), GivenInputs(**self._given_inputs)
        )
        self._values = found.values
        return found.specs

    @property
    def costs_numbers(self) -> bool:
        """Whether its costs are no formulas: it is described by running it. Given values of an input have one size."""
        return not any(hasattr(value, "shape") for value in self._values.values())

    def set_inputs(self, **given: object) -> None:
        """Give values of inputs: files, fill values, and other arguments of ``forward``."""
        self._given_inputs = given

    def graph(self, inputs: Any = None) -> ModelGraph:
        """Return the ModelGraph of the modules and their parameters."""
        from layercli.runtime.analysis.module_graph import module_graph

        return module_graph(
            self.described, self.named(inputs), self.name, self.origin, self._values, lambda: self.model
        )

    def cost_graph(self, inputs: Any = None, dtype: str | None = None, *, training: bool = False) -> CostGraph:
        """Return the graph of a call; for ``training`` that of the forward pass of a training step, which is run."""
        specs = self.named(inputs)
        if not training:
            return self.cost_graph_of(self._noted(self.graph(inputs)), dtype)
        if not is_known(specs):
            return self.cost_graph_of(self._uncalled(specs), dtype)
        from layercli.inspect.cost_graph import CostGraph
        from layercli.runtime.analysis.module_training import training_run

        @cache
        def run(dtype: str | None, checkpointed: tuple[str, ...]) -> TrainingRun:
            return training_run(
                self.described, specs, self.name, self.origin, values=self._values, checkpointed=checkpointed,
                dtype=dtype, rebuilt=lambda: self.model,
            )  # fmt: skip

        return CostGraph(run(dtype, ()).graph, run=run, dtype=dtype)

    def _uncalled(self, specs: Mapping[str, Spec]) -> ModelGraph:
        """Return the modules alone: a training step is run, which takes sizes that are numbers."""
        from dataclasses import replace

        from layercli.runtime.analysis.module_graph import uncalled

        return replace(self.graph(), incomplete=uncalled(self.name, specs))

    def _noted(self, graph: ModelGraph) -> ModelGraph:
        """Return the graph with a note of the modules that torch may run in less memory than their operations take."""
        from dataclasses import replace

        from layercli.runtime.analysis.module_graph import unfused_encoders

        notes = unfused_encoders(self.described, graph)
        return replace(graph, notes=(*graph.notes, *notes)) if notes else graph

    def summary(self, inputs: Any = None) -> Summary:
        """Return the modules with their shapes, parameters and cost; without inputs, only their parameters."""
        from layercli.runtime.analysis.module_summary import summarize_module

        return summarize_module(
            self.described, self.named(inputs), self.name, self.origin, values=self._values, rebuilt=lambda: self.model
        )

    def variables(self, inputs: Any = None, *, seed: int = 0) -> Variables:
        """Return the entries of its state_dict."""
        from layercli.runtime.analysis.module_summary import variables_of_module

        return variables_of_module(self.described, self.name, lambda: self.model)

    def trained(self) -> ModelSource:
        """Raise UsageError: a module of torch's is trained by torch's own means."""
        cls = type(self.described).__name__
        raise UsageError(f"{self.name} gives a {cls}, not a layercli Layer or Model, which alone is trained here")

    def named(self, inputs: Any) -> dict[str, Spec]:
        """Return inputs by argument name; unnamed ones are the first arguments."""
        from layercli.runtime.execution.forward_signature import module_arguments

        specs = as_specs(inputs)
        if specs is None or isinstance(specs, dict):
            return specs or {}
        given = specs if isinstance(specs, list) else [specs]
        return dict(zip(module_arguments(self.described, len(given)).names, given, strict=False))


def is_known(inputs: Mapping[str, Spec]) -> bool:
    """Whether there are inputs, and all their sizes are numbers."""
    return bool(inputs) and all(isinstance(size, int) for spec in inputs.values() for size in spec.shape)
