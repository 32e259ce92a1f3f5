"""A Hugging Face folder as a MODEL: ``config.json`` describes the model, safetensors files hold its weights.

Code that a folder refers to (``auto_map``) is never run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layercli.core.dtypes import name_of
from layercli.core.types import Config, ConfigLike, TensorTree
from layercli.dataclass import dataclass
from layercli.errors import DTypeError, FormatError, LayercliError, UsageError
from layercli.formats import strict_json
from layercli.formats.detect import open_single, open_weights
from layercli.formats.os_errors import reading
from layercli.formats.weight_file import TensorEntry, WeightFile, shapes_of
from layercli.inspect.dtype_totals import totals_of
from layercli.inspect.layer_call import described
from layercli.inspect.model_loader import ModelSource
from layercli.inspect.summary import Summary
from layercli.models.families import describe
from layercli.models.matching import Match, match
from layercli.models.pretrained import (
    Pretrained,
    PretrainedStored,
    UnknownArchitectureError,
    checkpoint_names,
    set_dtype,
)
from layercli.models.reading import shown
from layercli.sources.layer import LayerSource
from layercli.sources.source import Source
from layercli.sources.weights import LONGEST_CONFIG, WeightsSource

if TYPE_CHECKING:
    from layercli.inspect.cost_graph import CostGraph
    from layercli.inspect.model_graph import ModelGraph
    from layercli.inspect.packed_weights import PackedWeight
    from layercli.inspect.variables import VariableRow, Variables

CONFIG = "config.json"
WEIGHTS = (
    "model.safetensors.index.json",
    "model.safetensors",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
)
"""The weight files of a folder, in order of preference."""


@dataclass
class Checkpoint:
    """An opened folder: its config, the model it describes, its weights, and footnotes.

    ``model`` is None if layercli does not implement the architecture, with the reason in ``why``; ``weights`` is None if there
    are none.
    """

    path: Path
    config: Config
    model: Pretrained | None
    weights: WeightFile | None
    notes: list[str] = field(default_factory=list)
    why: str = ""
    _match: Match | None = None

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    @property
    def quantization(self) -> str | None:
        """How the weights are quantized, in words, or None."""
        return quantization_of(self.config)

    @cached_property
    def packed(self) -> list[PackedWeight]:
        """The weights that several tensors of a quantized folder stand for."""
        if self.weights is None or self.quantization is None:
            return []
        from layercli.inspect.packed_weights import packed_weights

        return packed_weights(self.weights, self.config)

    @cached_property
    def entries(self) -> Mapping[str, TensorEntry]:
        """The tensors of the weights by name, each packed weight as one tensor of its shape before packing."""
        if self.weights is None or not self.packed:
            return {} if self.weights is None else self.weights.entries
        from layercli.inspect.packed_weights import unpacked_entries

        return unpacked_entries(self.weights.entries, self.packed)

    def known(self) -> Pretrained:
        """Return the model; UnknownArchitectureError if layercli does not implement the architecture."""
        if self.model is None:
            raise UnknownArchitectureError(self.why)
        return self.model

    def matched(self) -> Match | None:
        """Return how the weights match the built model; None if there is nothing to compare."""
        if self.model is None or self.weights is None:
            return None
        if self._match is None:
            self._match = match(self.model, shapes_of(self.entries))
        return self._match

    def stored_bytes(self, *, only_packed: bool) -> dict[str, int]:
        """Return the bytes that the files hold for each variable of the built model, by its path, or for packed ones alone."""
        found, packed = self.matched(), {weight.path for weight in self.packed}
        places = found.places.items() if found is not None else ()
        return {
            path: sum(self.entries[name].bytes for name in place.names)
            for path, place in places
            if not only_packed or packed.issuperset(place.names)
        }


def is_folder(text: str) -> bool:
    """Whether ``text`` is a folder with a ``config.json``, or such a file."""
    if os.path.isdir(text):
        return os.path.isfile(os.path.join(text, CONFIG))
    return os.path.basename(text) == CONFIG and os.path.isfile(text)


def weights_file_in(folder: str) -> str | None:
    """Return the weight file, or the index of its shards, in a folder without a config; None without one."""
    return next((path for name in WEIGHTS if os.path.isfile(path := os.path.join(folder, name))), None)


def open(text: str) -> Checkpoint:
    """Open the folder that ``text`` names; only the headers of its weight files are read.

    FileError or FormatError for an invalid config, index or header.
    """
    path = Path(text) if os.path.isdir(text) else Path(text).parent
    config = read_config(path / CONFIG)
    weights, notes, why = weights_in(path), [], ""
    try:
        model: Pretrained | None = describe(config)
    except UnknownArchitectureError as error:
        model, why = None, error.message
        notes.append(f"{why}: the tensors of the weights are shown instead")
    if (quantized := quantization_of(config)) is not None:
        notes.append(f"the weights are quantized ({quantized}): the unquantized model is shown")
    if model is not None:
        set_dtype(model, dtype_of(config, weights))
    return Checkpoint(path, config, model, weights, notes, why)


def read_config(file: Path) -> Config:
    """Return the object in a ``config.json``; FormatError for any other content."""
    with reading(file), file.open("rb") as stream:
        raw = stream.read(LONGEST_CONFIG + 1)
    if len(raw) > LONGEST_CONFIG:
        raise FormatError(f"{file} is longer than any config")
    config = strict_json.parse(file, raw, "a config")
    if not isinstance(config, dict):
        raise FormatError(f"{file} has a config that is not a JSON object")
    return config


def weights_in(folder: Path) -> WeightFile | None:
    """Return the weights of a folder: an index with its shards, or a single file; None without weights."""
    for name in WEIGHTS:
        if (folder / name).exists():
            return open_weights(folder / name)
    found = sorted(folder.glob("*.safetensors"))
    if len(found) > 1:
        raise FormatError(
            f"{folder} has {len(found)} safetensors files and no {WEIGHTS[0]} that says which file holds which tensor"
        )
    return open_single(found[0]) if found else None


def dtype_of(config: Mapping[str, object], weights: WeightFile | None) -> str | None:
    """Return the dtype of the model: the config's, or that of the first floating tensor; None if neither is known."""
    given = config.get("dtype", config.get("torch_dtype"))
    if given is not None:
        try:
            return name_of(str(given).removeprefix("torch."))
        except DTypeError:
            raise FormatError(f"config.json has dtype = {shown(given)}, which is not a dtype") from None
    entries = weights.entries.values() if weights is not None else ()
    return next((entry.dtype for entry in entries if entry.dtype in ("float32", "bfloat16", "float16")), None)


def quantization_of(config: Mapping[str, object]) -> str | None:
    """Return how the weights are quantized, in words, or None without ``quantization_config``."""
    given, of_mlx = config.get("quantization_config"), config.get("quantization")
    if given is None and isinstance(of_mlx, dict):
        given = {"quant_method": "mlx", **of_mlx}
    if given is None:
        return None
    if not isinstance(given, dict):
        raise FormatError(f"config.json has quantization_config = {shown(given)}, which is not an object")
    method, bits = given.get("quant_method"), given.get("bits", given.get("num_bits"))
    if given.get("load_in_4bit") or given.get("load_in_8bit"):
        bits = 4 if given.get("load_in_4bit") else 8
    words = [str(method) if method is not None else "by a method that it does not name"]
    return ", ".join([*words, *([f"{bits} bits"] if type(bits) is int else [])])


class PretrainedSource(LayerSource):
    """The model that a folder describes, with the folder's weights."""

    def __init__(self, opened: Checkpoint, text: str) -> None:
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
        """Return the layers; FormatError if shapes in the weights differ, a note for missing or unexpected tensors."""
        return self.checked(super().summary(inputs))

    def cost_graph(self, inputs: TensorTree = None, dtype: str | None = None, *, training: bool = False) -> CostGraph:
        """Return the graph of one symbolic call, with quantized weights in the bytes that are stored, except in training.

        ``dtype`` is then that of all else.
        """
        found = super().cost_graph(inputs, dtype, training=training)
        if training or self.opened.quantization is None:
            return found
        stored = self.opened.stored_bytes(only_packed=dtype is not None)
        values = tuple(replace(x, stored_bytes=stored.get(x.path, x.stored_bytes)) for x in found.graph.values)
        return replace(found, graph=replace(found.graph, values=values))

    def views(self, inputs: TensorTree = None) -> tuple[ModelGraph, Summary]:
        """Return the graph and the summary; FormatError and notes are those of ``summary``."""
        graph, report = super().views(inputs)
        return graph, self.checked(report)

    def checked(self, report: Summary) -> Summary:
        """Compare the weights with the built model: FormatError for other shapes, notes for missing and unexpected tensors.

        The bytes of quantized weights are those that are stored.
        """
        opened = self.opened
        found = opened.matched()
        if found is not None and found.other_shape and opened.quantization is None:
            raise FormatError(f"{opened.path} contradicts itself: {found.faults[0]}")
        self.notes.extend(found.faults if found is not None else [])
        if opened.quantization is not None and opened.weights is not None:
            report.dtypes = totals_of(opened.entries, opened.packed)
            report.totals.bytes = sum(total.bytes for total in report.dtypes)
        return report

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
            found = self.opened.matched()
            self.notes.extend(found.faults if found is not None else [])
            return of_file(self.opened.weights, self.opened.config)
        rows, places = of_model(model, str(self.opened.path / CONFIG), seed), checkpoint_names(model)
        return Variables(rows.source, [row for each in rows.rows for row in stored_rows(each, places[each.path])])


class UnknownSource(WeightsSource):
    """A folder with an architecture that layercli does not implement: only the tensors of its weights are known."""

    def __init__(self, opened: Checkpoint, file: WeightFile, text: str) -> None:
        super().__init__(file, text, opened.config)
        self.opened = opened
        self.notes = opened.notes

    def refusal(self) -> LayercliError:
        """Return the error for requests that need the model."""
        error: LayercliError = UnknownArchitectureError(self.opened.why)
        return error


def pretrained_source(text: str, settings: ConfigLike) -> Source:
    """Return the Source of a folder, or of its ``config.json``."""
    if settings:
        raise UsageError(f"{text} is an existing model: it takes no arguments")
    opened = open(text)
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
