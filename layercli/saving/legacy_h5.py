"""HDF5 as Keras 1 and 2 wrote it, and Keras 3 for ``.h5``: a group for each layer, its weights in the order of ``weight_names``.

A whole model has its config as JSON in the attribute ``model_config``, how it is compiled in ``training_config``, its weights
in the group ``model_weights``, and the optimizer's in ``optimizer_weights``. Weights alone have the layers at the root.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count, takewhile
from pathlib import Path
from typing import Any

from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.formats import detect, keras_h5, strict_json

LAYERS, NAMES, TOP = "layer_names", "weight_names", "top_level_model_weights"
MODEL, OPTIMIZER = "model_weights", "optimizer_weights"
CONFIG, COMPILED = keras_h5.CONFIG, "training_config"


@dataclass(frozen=True)
class Weight:
    """A stored array: its name in ``weight_names``, where the file has it, and its shape."""

    name: str
    place: str
    shape: tuple[int, ...]

    @property
    def steps(self) -> list[str]:
        """The parts of its name: the layers it is in, and last the variable's own."""
        return self.name.partition(":")[0].split("/")


class LegacyWeights:
    """The weights in an open file: ``layers`` in the file's order, each with its arrays, and those of the optimizer."""

    def __init__(self, groups: keras_h5.H5Groups) -> None:
        self.groups = groups
        self.where = groups.where
        root = groups.file
        self.top = MODEL if LAYERS not in root.attrs and MODEL in root else ""
        held = keras_h5.entered(self.where, root, MODEL, MODEL) if self.top else root
        self.version = text(held.attrs.get("keras_version", root.attrs.get("keras_version"))) or "1"
        self.backend = text(held.attrs.get("backend", root.attrs.get("backend")))
        self.layers = {name: self._weights(held, name, self.top) for name in names_in(self.where, held, LAYERS)}
        self.own = self._weights(held, TOP, self.top) if TOP in held else []

    @property
    def major(self) -> int:
        """The first number of the version of Keras that wrote the file."""
        first = self.version.partition(".")[0]
        return int(first) if first.isdigit() else 1

    def optimizer(self) -> list[Weight]:
        """Return the arrays of the optimizer's state, none where the file has none."""
        return self._weights(self.groups.file, OPTIMIZER, "") if OPTIMIZER in self.groups.file else []

    def read(self, weight: Weight) -> Any:
        """Return the values of an array; the file is opened again if it is closed by now."""
        if not self.groups.file:
            with keras_h5.opened(Path(self.where)) as groups:
                return self._values(groups.file, weight)
        return self._values(self.groups.file, weight)

    def _values(self, file: Any, weight: Weight) -> Any:
        from h5py import h5d

        found = keras_h5.read_whole(h5d.open(file.id, weight.place.encode()))
        return keras_h5.numbers(self.where, weight.place, found)

    def _weights(self, parent: Any, name: str, above: str) -> list[Weight]:
        import h5py

        group = keras_h5.member(self.where, parent.id, name, name)
        if group is None:
            raise FormatError(f"{self.where} names the layer {name!r} and has no group for it")
        if not isinstance(group, h5py.h5g.GroupID):
            raise FormatError(f"{self.where}: {name} is not a group")
        found, holders = [], {"": group}
        for each in names_in(self.where, h5py.Group(group), NAMES):
            place = "/".join(part for part in (above, name, each) if part)
            path, _, last = each.rpartition("/")
            if path not in holders:
                holders[path] = self._below(group, path, place)
            held = keras_h5.member(self.where, holders[path], last, place)
            if not isinstance(held, h5py.h5d.DatasetID):
                raise FormatError(f"{self.where} has no {place}")
            keras_h5.check_inside(self.where, place, held)
            found.append(Weight(each, place, tuple(held.shape)))
        return found

    def _below(self, group: Any, path: str, place: str) -> Any:
        """Return the group at a path below a low-level group."""
        import h5py

        for step in path.split("/"):
            group = keras_h5.member(self.where, group, step, place)
            if not isinstance(group, h5py.h5g.GroupID):
                raise FormatError(f"{self.where} has no {place}")
        return group


def text(value: object) -> str:
    """Return an attribute as text, which h5py gives as bytes for some writers; empty for none."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")


def names_in(where: str, group: Any, key: str) -> list[str]:
    """Return the names in an attribute, which is split into ``key0``, ``key1`` and so on where it is too long for one."""
    parts = [key] if key in group.attrs else takewhile(group.attrs.__contains__, map(f"{key}{{}}".format, count()))
    names = [text(name) for part in parts for name in row_of(where, group, part)]
    if len(set(names)) != len(names) and key == LAYERS:
        raise FormatError(f"{where} names a layer twice")
    return names


def row_of(where: str, group: Any, key: str) -> Iterable[object]:
    """Return the values of an attribute that is a row; FormatError where it is no row."""
    found = group.attrs[key]
    if getattr(found, "ndim", 0) != 1:
        raise FormatError(f"{where}: the attribute {key} is not a row of names")
    row: Iterable[object] = found
    return row


def is_legacy(file: Any) -> bool:
    """Return whether an open HDF5 file has this layout, rather than the one of ``.weights.h5``."""
    return any(key in file.attrs for key in (LAYERS, f"{LAYERS}0", CONFIG)) or MODEL in file


def is_legacy_file(path: Path) -> bool:
    """Return whether the file at ``path`` is HDF5 in this layout."""
    if not detect.first_bytes(path).startswith(detect.HDF5):
        return False
    with keras_h5.opened(path) as groups:
        return is_legacy(groups.file)


def config_of(file: Path, groups: keras_h5.H5Groups) -> dict[str, Any]:
    """Return the config of the model in an open file as Keras 3 has it, with its ``compile_config`` if it is compiled.

    FormatError where it holds weights alone.
    """
    from layercli.saving.legacy_compile_config import compile_config
    from layercli.saving.legacy_keras_config import converted

    attributes = groups.file.attrs
    if CONFIG not in attributes:
        raise FormatError(f"{file} holds weights, not a model", hint="load_weights gives them to one")
    described = converted(_json(file, attributes[CONFIG], "a config"))
    if not isinstance(described, dict):
        raise FormatError(f"{file} has a config that describes no model")
    if COMPILED in attributes:
        described["compile_config"] = compile_config(
            _json(file, attributes[COMPILED], "settings of compile"), described
        )
    return described


def _json(file: Path, value: object, part: str) -> Any:
    return strict_json.parse(file, value if isinstance(value, bytes) else str(value).encode(), part)
