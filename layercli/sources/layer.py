"""A Layer or Model as a Source: a named model, a Python object, or the model of a Keras archive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from layercli.core.layer import Layer
from layercli.core.types import TensorTree, Tree
from layercli.sources.source import Source, as_specs

if TYPE_CHECKING:
    from layercli.inspect.cost_graph import CostGraph
    from layercli.inspect.model_graph import ModelGraph
    from layercli.inspect.model_loader import ModelSource
    from layercli.inspect.summary import Summary
    from layercli.inspect.variables import Variables


class LayerSource(Source):
    """A Layer; ``archive`` is the ``.keras`` file with its values, if any."""

    vocabulary = "Keras layers"

    def __init__(self, model: Layer, name: str, origin: str, archive: str | None = None) -> None:
        super().__init__(name, origin)
        self._model = model
        self.archive = archive

    @property
    def model(self) -> Layer:
        """The Layer."""
        return self._model

    @property
    def in_memory(self) -> bool:
        """Whether the layer has tensors, as it was called on some or was given values."""
        return any(layer._module is not None for layer in self.model.layers_below())

    @property
    def holds_values(self) -> bool:
        """Whether a file or the memory holds its values."""
        return self.archive is not None or self.in_memory

    def trained(self) -> ModelSource:
        """Return the Layer: whether it is a Model too, its trainer says."""
        return self.subject

    @property
    def subject(self) -> ModelSource:
        """The object that the runtime prepares to run."""
        from layercli.inspect.model_loader import ModelSource

        return ModelSource(self.model, self.name, self.origin, self.archive)

    def inputs(self, shapes: Sequence[str] = (), sizes: Sequence[str] = ()) -> Any:
        """Return the Specs it was built for or its example inputs, with the given shapes and named sizes applied."""
        from layercli.inspect.shape_parser import inputs_of

        return inputs_of(self.model, shapes, sizes)

    def graph(self, inputs: Tree = None) -> ModelGraph:
        """Return the ModelGraph of one symbolic call."""
        from layercli.inspect.layer_graph import layer_graph

        return layer_graph(self.model, as_specs(inputs), name=self.name, source=self.origin)

    def cost_graph(self, inputs: TensorTree = None, dtype: str | None = None, *, training: bool = False) -> CostGraph:
        """Return the graph of one symbolic call with the batch left open, and with the cache that a decoder keeps."""
        from layercli.inspect.cost_graph import layer_cost_graph

        return layer_cost_graph(
            self.model, as_specs(inputs), dtype, training=training, name=self.name, source=self.origin
        )

    def summary(self, inputs: TensorTree = None) -> Summary:
        """Return the layers with their shapes, parameters and cost."""
        from layercli.inspect.layer_summary import summarize

        return self.with_decoding(summarize(self.model, as_specs(inputs), name=self.name, source=self.origin))

    def with_decoding(self, report: Summary) -> Summary:
        """Add to a summary what the next token of a decoder costs, and the parameters that each token uses."""
        from layercli.inspect.decoding import active_parameters, decoding_step, step_sizes

        report.active = active_parameters(self.model)
        if (step := decoding_step(self.model)) is not None:
            report.decoding = step.at(step_sizes(self.model, (spec for _, spec in report.inputs)))
        return report

    def views(self, inputs: TensorTree = None) -> tuple[ModelGraph, Summary]:
        """Return the graph and the summary of one symbolic call."""
        from layercli.inspect.layer_graph import layer_views

        graph, report = layer_views(self.model, as_specs(inputs), name=self.name, source=self.origin)
        return graph, self.with_decoding(report)

    def variables(self, inputs: TensorTree = None, *, seed: int = 0) -> Variables:
        """Return the variables, with the archive's values or initial values determined by ``seed``."""
        from layercli.inspect import layer_variables
        from layercli.inspect.layer_call import described

        if not self.model.built or inputs is not None:
            described(self.model, as_specs(inputs))
        if self.archive is not None:
            return layer_variables.of_archive(self.model, self.archive)
        return layer_variables.of_model(self.model, self.name, seed)
