"""A Hugging Face folder as a MODEL: ``config.json`` says what the model is, safetensors files hold its weights.

No code that a folder names (``auto_map``) is ever run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from layercli.core.dtypes import name_of
from layercli.errors import DTypeError, FormatError, LayercliError, UsageError
from layercli.formats import strict_json
from layercli.formats.detect import open_single, open_weights
from layercli.formats.os_errors import reading
from layercli.formats.weight_file import WeightFile
from layercli.inspect.model_loader import ModelSource
from layercli.inspect.summary import Summary, described
from layercli.inspect.variables import VariableRow, Variables, of_file, of_model
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
from layercli.sources.weights import WeightsSource

CONFIG = "config.json"
LONGEST_CONFIG = 20_000_000
WEIGHTS = (
    "model.safetensors.index.json",
    "model.safetensors",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
)
"""The files that hold a folder's weights, the first that is there."""


@dataclass
class Checkpoint:
    """An opened folder: its config, the model that it describes, its weights, and what is to be said of it.

    ``model`` is None where layercli has no description of it, which ``why`` says; ``weights`` where the folder holds none.
    """

    path: Path
    config: dict[str, Any]
    model: Pretrained | None
    weights: WeightFile | None
    notes: list[str] = field(default_factory=list)
    why: str = ""

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    @property
    def quantization(self) -> str | None:
        """How the weights are quantized, in words, or None."""
        return quantization_of(self.config)

    def known(self) -> Pretrained:
        """Return the model; UnknownArchitectureError where there is no description of it."""
        if self.model is None:
            raise UnknownArchitectureError(self.why)
        return self.model

    def matched(self) -> Match | None:
        """Return how the weights fit the model, which is built; None where there is nothing to compare."""
        if self.model is None or self.weights is None or self.quantization is not None:
            return None
        return match(self.model, {name: entry.shape for name, entry in self.weights.entries.items()})


def is_folder(text: str) -> bool:
    """Whether ``text`` is a folder with a ``config.json``, or such a file."""
    if os.path.isdir(text):
        return os.path.isfile(os.path.join(text, CONFIG))
    return os.path.basename(text) == CONFIG and os.path.isfile(text)


def open(text: str) -> Checkpoint:
    """Return the folder that ``text`` names, of its weights nothing but the headers read.

    FileError or FormatError for a config, an index or a header that cannot be what it should.
    """
    path = Path(text) if os.path.isdir(text) else Path(text).parent
    config = read_config(path / CONFIG)
    weights, notes, why = weights_in(path), [], ""
    try:
        model: Pretrained | None = describe(config)
    except UnknownArchitectureError as error:
        model, why = None, error.message
        notes.append(f"{why}: what is shown is what the weights hold")
    if (quantized := quantization_of(config)) is not None:
        notes.append(f"the weights are quantized ({quantized}): what is shown is the model before that")
    if model is not None:
        set_dtype(model, dtype_of(config, weights))
    return Checkpoint(path, config, model, weights, notes, why)


def read_config(file: Path) -> dict[str, Any]:
    """Return the object in a ``config.json``; FormatError for anything else."""
    with reading(file), file.open("rb") as stream:
        raw = stream.read(LONGEST_CONFIG + 1)
    if len(raw) > LONGEST_CONFIG:
        raise FormatError(f"{file} is longer than any config")
    config = strict_json.parse(file, raw, "a config")
    if not isinstance(config, dict):
        raise FormatError(f"{file} has a config that is not a JSON object")
    return config


def weights_in(folder: Path) -> WeightFile | None:
    """Return the weights of a folder: an index and its shards, or the one file; None where there is none."""
    for name in WEIGHTS:
        if (folder / name).exists():
            return open_weights(folder / name)
    found = sorted(folder.glob("*.safetensors"))
    if len(found) > 1:
        raise FormatError(f"{folder} has {len(found)} safetensors files and no {WEIGHTS[0]} that says what is in which")
    return open_single(found[0]) if found else None


def dtype_of(config: dict[str, Any], weights: WeightFile | None) -> str | None:
    """Return the dtype of the model's values: the config's, or that of the first floating tensor; None where neither says."""
    given = config.get("dtype", config.get("torch_dtype"))
    if given is not None:
        try:
            return name_of(str(given).removeprefix("torch."))
        except DTypeError:
            raise FormatError(f"config.json has dtype = {shown(given)}, which is no dtype") from None
    entries = weights.entries.values() if weights is not None else ()
    return next((entry.dtype for entry in entries if entry.dtype in ("float32", "bfloat16", "float16")), None)


def quantization_of(config: dict[str, Any]) -> str | None:
    """Return how the weights are quantized, in words, or None where ``quantization_config`` is not there."""
    given = config.get("quantization_config")
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
    """The model that a folder describes, whose values are the folder's."""

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
        """What the runtime makes a program of."""
        return ModelSource(self.model, self.name, self.origin, checkpoint=self.opened)

    def summary(self, inputs: Any = None) -> Summary:
        """Return the layers; FormatError where the weights have other shapes, a note of what they lack or have too much."""
        report = super().summary(inputs)
        found = self.opened.matched()
        if found is not None and found.other_shape:
            raise FormatError(f"{self.opened.path} contradicts itself: {found.faults[0]}")
        self.notes.extend(found.faults if found is not None else [])
        return report

    def variables(self, inputs: Any = None, *, seed: int = 0) -> Variables:
        """Return the tensors of the weights, with a note of what does not fit the config; without weights, the model's.

        Those have the names that a checkpoint has, and values that the initializers draw under ``seed``.
        """
        model = self.opened.known()
        described(model)
        if self.opened.weights is not None:
            found = self.opened.matched()
            self.notes.extend(found.faults if found is not None else [])
            return of_file(self.opened.weights)
        rows, places = of_model(model, str(self.opened.path / CONFIG), seed), checkpoint_names(model)
        return Variables(rows.source, [row for each in rows.rows for row in stored_rows(each, places[each.path])])


class UnknownSource(WeightsSource):
    """A folder whose model layercli has no description of: the tensors that its weights hold."""

    def __init__(self, opened: Checkpoint, file: WeightFile, text: str) -> None:
        super().__init__(file, text)
        self.opened = opened
        self.notes = opened.notes

    def refusal(self) -> LayercliError:
        """Return the error for what needs the model."""
        error: LayercliError = UnknownArchitectureError(self.opened.why)
        return error


def pretrained_source(text: str, settings: Mapping[str, Any]) -> Source:
    """Return the Source of a folder, or of its ``config.json``."""
    if settings:
        raise UsageError(f"{text} is a model already made: it takes no settings")
    opened = open(text)
    if opened.model is None and opened.weights is not None:
        return UnknownSource(opened, opened.weights, text)
    return PretrainedSource(opened, text)


def stored_rows(row: VariableRow, stored: PretrainedStored) -> Iterator[VariableRow]:
    """Yield a variable as a checkpoint would hold it: under its names, with its axes in their order."""
    shape = stored.in_file(row.shape)
    for i, name in enumerate(stored.names):

        def read(i: int = i) -> Any:
            values = row.read()[i] if stored.stacked else row.read()
            return (values if stored.order is None else values.transpose(stored.order)).reshape(shape)

        def chunks(read: Callable[[], Any] = read) -> Iterator[Any]:
            return iter([read().ravel()])

        yield replace(
            row,
            path=name,
            shape=shape,
            parameters=row.parameters // len(stored.names),
            bytes=row.bytes // len(stored.names),
            read=read,
            chunks=chunks,
        )
