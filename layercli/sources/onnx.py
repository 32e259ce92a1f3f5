"""An ONNX file as a Source: examined with the onnx package alone, run by onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from layercli.core.spec import Spec
from layercli.core.types import TensorTree, Tree
from layercli.sources.source import Source, as_specs

if TYPE_CHECKING:
    from layercli.inspect.model_graph import ModelGraph
    from layercli.inspect.onnx.graph import OpenedGraph
    from layercli.inspect.summary import Summary
    from layercli.inspect.variables import Variables


class OnnxSource(Source):
    """The graph in an ``.onnx`` file."""

    vocabulary = "ONNX nodes"

    def __init__(self, file: str) -> None:
        super().__init__(file, file)

    @cached_property
    def model(self) -> Any:
        """The graph as a torch module that onnxruntime runs."""
        from layercli.runtime.execution.onnxruntime_module import OnnxGraph

        return OnnxGraph(self.name)

    @cached_property
    def opened(self) -> OpenedGraph:
        """The nodes of the file."""
        from layercli.inspect.onnx.graph import OpenedGraph

        return OpenedGraph(self.name)

    def inputs(self, shapes: Sequence[str] = (), sizes: Sequence[str] = ()) -> dict[str, Spec]:
        """Return the Specs of the file's inputs, with the given shapes and named sizes applied."""
        from layercli.inspect.onnx.summary import inputs_of

        return inputs_of(self.opened, self.name, shapes, sizes)

    def graph(self, inputs: Tree = None) -> ModelGraph:
        """Return the nodes, in the scopes that the exporter recorded."""
        from layercli.inspect.onnx.model_graph import onnx_graph

        return onnx_graph(self.opened, self.named(inputs), self.name)

    def summary(self, inputs: TensorTree = None) -> Summary:
        """Return the nodes and the modules that the exporter recorded, with shapes, parameters and cost."""
        from layercli.inspect.onnx.summary import summarize_opened

        return summarize_opened(self.opened, self.named(inputs), self.name)

    def variables(self, inputs: TensorTree = None, *, seed: int = 0) -> Variables:
        """Return the initializers and constants."""
        from layercli.inspect import variables

        return variables.of_file(self.opened.weights)

    def named(self, inputs: Tree) -> dict[str, Spec]:
        """Return inputs by name; unnamed ones follow the order of the file. Default: the file's own inputs."""
        specs = as_specs(inputs)
        if isinstance(specs, dict):
            return {**self.inputs(), **specs}
        if specs is None:
            return self.inputs()
        given = specs if isinstance(specs, list) else [specs]
        return dict(zip(self.inputs(), given, strict=False))
