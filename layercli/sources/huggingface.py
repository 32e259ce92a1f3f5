"""Open a Hugging Face folder: ``config.json`` describes the model, safetensors files hold its weights.

Code that a folder refers to (``auto_map``) is never run.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from layercli.core.dtypes import is_floating, name_of
from layercli.core.types import Config
from layercli.dataclass import dataclass
from layercli.errors import DTypeError, FormatError
from layercli.formats import strict_json
from layercli.formats.detect import open_single, open_weights
from layercli.formats.os_errors import reading
from layercli.formats.weight_file import TensorEntry, WeightFile, shapes_of
from layercli.models.families import describe
from layercli.models.matching import Match, match
from layercli.models.pretrained import (
    Pretrained,
    UnknownArchitectureError,
    set_dtype,
)
from layercli.models.reading import shown
from layercli.sources.weights import LONGEST_CONFIG

if TYPE_CHECKING:
    from layercli.inspect.packed_weights import PackedWeight

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
    def contradiction(self) -> str | None:
        """How the weights are packed, in words, if by another method or with other bits than the config says, else None."""
        if not self.packed:
            return None
        from layercli.inspect.packed_weights import contradicting_kinds, quantization_settings

        kinds = contradicting_kinds(self.packed, quantization_settings(self.config))
        claim = f"config.json says that the weights are quantized by {self.quantization}"
        return f"{claim}, and they are {' and '.join(kinds)}" if kinds else None

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


def config_in(text: str) -> Path:
    """Return the ``config.json`` of the folder that ``text`` names, or that it is."""
    return Path(text) / CONFIG if os.path.isdir(text) else Path(text)


def weights_file_in(folder: str) -> str | None:
    """Return the weight file, or the index of its shards, in a folder without a config; None without one."""
    return next((path for name in WEIGHTS if os.path.isfile(path := os.path.join(folder, name))), None)


def open(text: str) -> Checkpoint:
    """Open the folder that ``text`` names; only the headers of its weight files are read.

    FileError or FormatError for an invalid config, index or header.
    """
    file = config_in(text)
    path, config = file.parent, read_config(file)
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
    config = strict_json.parse_config(file, raw)
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
            found = name_of(str(given).removeprefix("torch."))
        except DTypeError:
            found = ""
        if not is_floating(found):
            raise FormatError(f"config.json has dtype = {shown(given)}, which is not a floating dtype")
        return found
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
