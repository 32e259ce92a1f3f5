"""A ``.pt2`` file of ``torch.export.save`` as a Source: the modules that torch recorded in it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from layercli.core.spec import Spec
from layercli.core.types import Tree
from layercli.sources.source import Source
from layercli.sources.torch_module import ModuleSource

if TYPE_CHECKING:
    from layercli.inspect.model_loader import ModelSource
    from layercli.inspect.summary import Summary
    from layercli.inspect.variables import Variables


class ExportedProgramSource(ModuleSource):
    """The program in a ``.pt2`` file."""

    def __init__(self, file: str) -> None:
        Source.__init__(self, file, file)

    def set_inputs(self, **given: object) -> None:
        """Reject values, because an exported program does not depend on them."""
        Source.set_inputs(self, **given)

    def trained(self) -> ModelSource:
        """Refuse: a program in a file has no layers to train."""
        return Source.trained(self)

    @cached_property
    def model(self) -> Any:
        """The program as a torch module that can run."""
        from layercli.runtime.execution.exported_program import ExportedGraph

        return ExportedGraph(self.name)

    @cached_property
    def described(self) -> Any:
        """The program rewritten to run on the meta device; it can no longer compute values."""
        from layercli.runtime.execution.exported_program import ExportedGraph

        return ExportedGraph(self.name).describing()

    def inputs(self, shapes: Sequence[str] = (), sizes: Sequence[str] = ()) -> dict[str, Spec]:
        """Return the Specs of the exported arguments, with the given shapes and named sizes applied."""
        from layercli.inspect.graph_signature import graph_inputs

        specs = self.described.specs
        return graph_inputs(self.name, specs, list(specs), shapes, sizes)

    def summary(self, inputs: object = None) -> Summary:
        """Return the exported modules with their shapes, parameters and cost."""
        from layercli.runtime.analysis.module_summary import summarize_module

        return summarize_module(
            self.described, self.named(inputs), self.name, self.origin, limits=self.described.limits
        )

    def variables(self, inputs: object = None, *, seed: int = 0) -> Variables:
        """Return the state_dict, read from the file without torch."""
        from layercli.inspect import variables

        return variables.of_exported(self.name)

    def named(self, inputs: Tree) -> dict[str, Spec]:
        """Return inputs by name; missing ones have their exported shapes."""
        return {**self.inputs(), **super().named(inputs)}
