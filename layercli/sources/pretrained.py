"""The Source of a Hugging Face folder: the model that its ``config.json`` describes, with the folder's weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from layercli.core.types import ConfigLike, TensorTree, Tree
from layercli.errors import FormatError, LayercliError, UsageError
from layercli.formats.weight_file import WeightFile
from layercli.inspect.dtype_totals import totals_of
from layercli.inspect.layer_call import described
from layercli.inspect.model_loader import ModelSource
from layercli.inspect.summary import Summary
from layercli.models.pretrained import PretrainedStored, UnknownArchitectureError, checkpoint_names
from layercli.sources import huggingface
from layercli.sources.layer import LayerSource
from layercli.sources.source import Source
from layercli.sources.weights import WeightsSource

if TYPE_CHECKING:
    from layercli.inspect.cost_graph import CostGraph
    from layercli.inspect.model_graph import ModelGraph
    from layercli.inspect.variables import VariableRow, Variables


class PretrainedSource(LayerSource):
    """The model that a folder describes, with the folder's weights."""

    def __init__(self, opened: huggingface.Checkpoint, text: str) -> None:
        super().__init__(opened.known(), opened.name, text)
        self.opened = opened
        self.notes = opened.notes

    @property
    def holds_values(self) -> bool:
        """Whether the folder has weights."""
        return self.opened.weights is not None

    @property
    def subject(self) -> ModelSource:
        """The object that the runtime prepares to run."""
        return ModelSource(self.model, self.name, self.origin, checkpoint=self.opened)

    def trained(self) -> ModelSource:
        """Refuse: the weights of a folder are not written back to it."""
        raise UsageError(f"{self.origin} is a Hugging Face folder, which is not trained here")

    def summary(self, inputs: TensorTree = None) -> Summary:
        """Return the layers; the bytes of quantized weights are those that are stored."""
        return self.with_stored_bytes(super().summary(inputs))

    def graph(self, inputs: Tree = None) -> ModelGraph:
        """Return the graph of one symbolic call."""
        found = super().graph(inputs)
        self.compare_with_weights()
        return found

    def cost_graph(self, inputs: TensorTree = None, dtype: str | None = None, *, training: bool = False) -> CostGraph:
        """Return the graph of one symbolic call, with quantized weights in the bytes that are stored, except in training.

        ``dtype`` is then that of all else.
        """
        from layercli.models.parallel import rank_shares

        found = replace(
            super().cost_graph(inputs, dtype, training=training), shares_of=partial(rank_shares, self.model)
        )
        self.compare_with_weights()
        if training or self.opened.quantization is None:
            return found
        stored = self.opened.stored_bytes(only_packed=dtype is not None)
        values = tuple(replace(x, stored_bytes=stored.get(x.path, x.stored_bytes)) for x in found.graph.values)
        return replace(found, graph=replace(found.graph, values=values))

    def views(self, inputs: TensorTree = None) -> tuple[ModelGraph, Summary]:
        """Return the graph and the summary."""
        graph, report = super().views(inputs)
        return graph, self.with_stored_bytes(report)

    def with_stored_bytes(self, report: Summary) -> Summary:
        """Give a summary the bytes of quantized weights that are stored."""
        self.compare_with_weights()
        opened = self.opened
        if opened.quantization is not None and opened.weights is not None:
            report.dtypes = totals_of(opened.entries, opened.packed)
            report.totals.bytes = sum(total.bytes for total in report.dtypes)
        return report

    def compare_with_weights(self) -> None:
        """Raise FormatError if weights have other shapes than the built model; missing and unexpected tensors are notes.

        The shapes of quantized weights are notes too.
        """
        found = self.opened.matched()
        if found is not None and found.other_shape and self.opened.quantization is None:
            raise FormatError(f"{self.opened.path} contradicts itself: {found.faults[0]}")
        self.note_faults()

    def note_faults(self) -> None:
        """Add a note, once, for each kind of difference between the config and the weights."""
        found, contradiction = self.opened.matched(), self.opened.contradiction
        faults = [*([contradiction] if contradiction else []), *(found.faults if found is not None else [])]
        self.notes += [fault for fault in faults if fault not in self.notes]

    def variables(self, inputs: TensorTree = None, *, seed: int = 0) -> Variables:
        """Return the tensors of the weights, with a note of differences from the config; without weights, the model's.

        The model's variables get their checkpoint names, and initial values determined by ``seed``.
        """
        from layercli.inspect.layer_variables import of_model
        from layercli.inspect.variables import Variables, of_file

        model = self.opened.known()
        if not model.built:
            described(model)
        if self.opened.weights is not None:
            self.note_faults()
            return of_file(self.opened.weights, self.opened.config)
        rows, places = of_model(model, str(self.opened.path / huggingface.CONFIG), seed), checkpoint_names(model)
        return Variables(rows.source, [row for each in rows.rows for row in stored_rows(each, places[each.path])])


class UnknownSource(WeightsSource):
    """A folder with an architecture that layercli does not implement: only the tensors of its weights are known."""

    def __init__(self, opened: huggingface.Checkpoint, file: WeightFile, text: str) -> None:
        super().__init__(file, text, opened.config)
        self.opened = opened
        self.notes = opened.notes

    def inputs(self, shapes: Sequence[str] = (), sizes: Sequence[str] = ()) -> None:
        """Refuse any shape or size, as for the model that they would be for."""
        if [*shapes, *sizes]:
            raise self.refusal()

    def refusal(self) -> LayercliError:
        """Return the error for requests that need the model."""
        error: LayercliError = UnknownArchitectureError(self.opened.why)
        return error


def pretrained_source(text: str, settings: ConfigLike) -> Source:
    """Return the Source of a folder, or of its ``config.json``."""
    if settings:
        raise UsageError(f"{text} is an existing model: it takes no arguments")
    opened = huggingface.open(text)
    if opened.model is None and opened.weights is not None:
        return UnknownSource(opened, opened.weights, text)
    return PretrainedSource(opened, text)


def stored_rows(row: VariableRow, stored: PretrainedStored) -> Iterator[VariableRow]:
    """Yield a variable as stored in a checkpoint: under its checkpoint names and axis order."""
    from layercli.inspect.variable_values import computed_from

    shape = stored.in_file(row.shape)
    for i, name in enumerate(stored.names):

        def read(i: int = i) -> Any:
            values = row.read()[i] if stored.stacked else row.read()
            return (values if stored.order is None else values.transpose(stored.order)).reshape(shape)

        yield replace(
            row,
            path=name,
            shape=shape,
            parameters=row.parameters // len(stored.names),
            bytes=row.bytes // len(stored.names),
            values=computed_from(row.values, read),
        )
