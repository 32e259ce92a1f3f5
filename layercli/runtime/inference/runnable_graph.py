"""How a graph from a file is run: as it was written, in the dtypes that it declares."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from layercli.core.spec import Spec
from layercli.core.types import TensorTree
from layercli.errors import UsageError
from layercli.inspect import shape_parser
from layercli.inspect.input_names import Arguments
from layercli.inspect.inputs import check, converted
from layercli.inspect.model_loader import ModelSource
from layercli.runtime.execution.forward_signature import calling_with, module_arguments
from layercli.runtime.execution.graph_module import GraphModule
from layercli.runtime.inference.runnable_model import RunnableModel

if TYPE_CHECKING:
    from layercli.runtime.inference.prepared_model import RunSettings


class RunnableGraph(RunnableModel[GraphModule]):
    """A graph from a ``.onnx`` or ``.pt2``."""

    exact = True

    @property
    def shows_layers(self) -> bool:  # type: ignore[override]  # a class attribute of the others
        """Whether torch runs it, rather than onnxruntime."""
        return self.model.compiles

    def arguments(self, specs: TensorTree = None, count: int = 1) -> Arguments:
        """Return the inputs that the file declares."""
        return module_arguments(self.model, count)

    def declared(self) -> dict[str, Spec]:
        """Return the Specs of its inputs by name."""
        return self.model.specs

    def declare(self, given: Collection[str]) -> None:
        """Declare the inputs whose number depends on what is given by name."""
        self.model.declare(given)

    def required_specs(self) -> Mapping[str, Spec]:
        """Return the Specs of its inputs by name."""
        return self.model.specs

    @property
    def notes(self) -> Sequence[str]:
        """What a user should know of the file before a run."""
        return self.model.notes

    def fixed(self) -> dict[str, Spec]:
        """Return the Specs of the inputs whose sizes the file declares."""
        return {name: spec for name, spec in self.model.specs.items() if name not in self.model.entries}

    def indexed(self, specs: Any, values: Mapping[str, object] = MappingProxyType({})) -> Mapping[str, int]:
        """Return how many rows a table has that an input chooses rows of, where that is known."""
        return self.model.indexed

    def converted(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return inputs in the dtypes of the graph, which must have its sizes."""
        for name, spec in self.model.specs.items():
            check(given[name], spec, name, fixed=True)
        return {name: converted(given[name], spec) for name, spec in self.model.specs.items()}

    def shapes(self, name: str, texts: Sequence[str], specs: Any, taken: Arguments) -> Any:
        """Return ``specs`` with the shapes of the command line applied, by name."""
        return shape_parser.shapes_by_name(name, texts, specs or {}, taken.names)

    def loaded(self, source: ModelSource, inputs: TensorTree, settings: RunSettings) -> nn.Module:
        """Return the graph; UsageError for settings that would change it."""
        asked = {"--weights": settings.weights, "--channels-last": settings.channels_last, "--fuse": settings.fuse}
        for option, value in asked.items():
            if value:
                raise UsageError(f"{self.model.file} is run as it was written, so {option} cannot change it")
        return self.model.eval()

    def output_specs(self, inputs: TensorTree) -> dict[str, Spec] | None:
        """Return the Specs of the outputs that the file declares; None where it does not declare what each is."""
        return self.model.output_specs()

    def recast(self, dtype: str) -> None:
        """Raise UsageError: the dtypes are written in the graph."""
        raise UsageError(f"{self.model.file} computes in the dtypes that are written in it, not in {dtype}")

    def function(
        self, module: nn.Module, compiled: bool, flags: Mapping[str, object] = MappingProxyType({})
    ) -> Callable[[Any], Any]:
        """Return the function of inputs by name, or in order, that runs the graph."""
        if compiled and not self.model.compiles:
            raise UsageError(f"{self.model.file} is run by onnxruntime, and torch cannot compile it")
        return calling_with(self.model, torch.compile(module) if compiled else module, flags)

    def placed(self, inputs: Any) -> Any:
        """Return inputs that are on the device in the dtypes of the graph."""
        return self.model.cast(inputs)

    def layers(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield the modules that the author wrote, if the file records them."""
        yield from self.model.layers()
