"""KerasFileEditor: the weights in a ``.keras`` or ``.weights.h5`` file, to look at, to compare and to change."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from layercli.core.types import Config, PathLike
from layercli.errors import FormatError, UsageError, nearest
from layercli.escaping import printable
from layercli.formats import keras_archive, keras_h5_writer
from layercli.formats.atomic import staged
from layercli.formats.hdf5 import H5File
from layercli.saving.weight_paths import layers_of

if TYPE_CHECKING:
    from layercli.core.model import Model

Weights = dict[str, Any]
"""What an object holds: arrays by number, and the objects below it by name."""
MOST_BYTES = 1 << 32
"""An array of more bytes is not loaded, as in Keras."""


class KerasFileEditor:
    """The objects of a weight file as nested dicts, ``weights_dict``: {"layers": {"dense": {"0": kernel, "1": bias}}}.

    An object is named by its path, such as ``layers/dense``, or by its last name alone if that is there once. Nothing in the file
    is executed, and the file itself is never changed: ``save`` writes another.

    Args:
        filepath: A ``.keras`` or a ``.weights.h5`` file. UsageError for another ending, FormatError for a damaged file.
    """

    def __init__(self, filepath: PathLike) -> None:
        self.filepath = os.fspath(filepath)
        archived = str(self.filepath).endswith(".keras")
        if not archived and not str(self.filepath).endswith(".weights.h5"):
            raise UsageError(f"KerasFileEditor opens .keras and .weights.h5 files, not {self.filepath!r}")
        self.config: Config | None = None
        self.metadata: Config | None = None
        if archived:
            self.config, self.metadata = (
                keras_archive.config_in(self.filepath)[0],
                keras_archive.metadata_in(self.filepath),
            )
        file = H5File(self.filepath, archived=archived)
        self.object_metadata: dict[str, dict[str, str]] = {
            f"/{path}": {"name": name} for path, name in file.object_names().items()
        }
        self.weights_dict: Weights = {}
        for path, entry in file.entries.items():
            if prod(entry.shape) * 16 > MOST_BYTES:
                raise FormatError(f"{self.filepath}: {path} of the shape {entry.shape} is too large to be edited")
            *objects, name = [step for step in path.split("/") if step != "vars"]
            _entered(self.weights_dict, objects)[name] = file.read(path).copy()
        print(f"Keras model file {printable(repr(self.filepath))}")
        if self.metadata is not None:
            version, date = self.metadata.get("keras_version"), self.metadata.get("date_saved")
            print(f"Saved with Keras {printable(str(version))} - date: {printable(str(date))}")

    def summary(self) -> None:
        """Print the objects and the shapes and dtypes of their weights."""
        print("Weights structure")
        for line in self._lines(self.weights_dict, "  ", ""):
            print(line)

    def _lines(self, held: Weights, indent: str, path: str) -> Iterator[str]:
        for place, (name, value) in enumerate(held.items(), 1):
            last = place == len(held)
            branch = f"{indent}{'└─' if last else '├─'} {printable(name)}"
            if isinstance(value, dict):
                label = self.object_metadata.get(f"{path}/{name}", {}).get("name")
                yield branch + ("" if label is None else f" ({printable(label)!r})")
                yield from self._lines(value, indent + ("    " if last else "│   "), f"{path}/{name}")
            else:
                yield f"{branch}: shape={value.shape}, dtype={value.dtype}"

    def compare(self, reference_model: Model) -> dict[str, object]:
        """Print what differs from a model's weights; return {"status", "error_count", "match_count"}.

        The status is "success" where every weight of either is in the other with the same shape, else "error".
        """
        print("Running comparison")
        found, wanted = dict(_shapes(self.weights_dict)), dict(_shapes(_weights_of(reference_model)))
        errors = 0
        for path in [*wanted, *(path for path in found if path not in wanted)]:
            if path in found and path in wanted and found[path] == wanted[path]:
                continue
            errors += 1
            print(f"...{printable(path)}: {_shown(wanted, path)} in the model, {_shown(found, path)} in the file")
        matches = sum(found.get(path) == shape for path, shape in wanted.items())
        print(f"{errors} differences, {matches} weights that match")
        return {"status": "error" if errors else "success", "error_count": errors, "match_count": matches}

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Give an object another last name. UsageError for a name with "/", or one that is there."""

        def rename(held: Weights, name: str) -> None:
            if "/" in new_name or new_name in held:
                raise UsageError(f"{new_name!r} is no new name: it has a '/' or is there already")
            held[new_name] = held.pop(name)

        self._edit(object_name, rename)

    def delete_object(self, object_name: str) -> None:
        """Remove an object with all that is below it."""
        self._edit(object_name, lambda held, name: held.pop(name))

    def add_object(self, object_path: str, weights: Mapping[str, object]) -> None:
        """Add an object at a path, of which all but the last name is there; ``weights`` are arrays by name, "0", "1" and so on."""
        *objects, name = object_path.split("/")
        held: Weights = self.weights_dict
        for step in objects:
            if not isinstance(held.get(step), dict):
                raise UsageError(f"the file has no object {'/'.join(objects)!r}", hint=nearest(step, held))
            held = held[step]
        held[name] = _arrays(weights)

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Remove a weight of an object. UsageError for one that it does not have."""

        def delete(held: Weights, name: str) -> None:
            if weight_name not in held[name]:
                raise UsageError(f"{object_name} has no weight {weight_name!r}", hint=nearest(weight_name, held[name]))
            del held[name][weight_name]

        self._edit(object_name, delete)

    def add_weights(self, object_name: str, weights: Mapping[str, object]) -> None:
        """Add arrays by name to an object, in place of those of the same name."""
        self._edit(object_name, lambda held, name: held[name].update(_arrays(weights)))

    def save(self, filepath: PathLike) -> None:
        """Write the weights to a ``.weights.h5`` file, whole or not at all; UsageError for another ending."""
        if not os.fspath(filepath).endswith(".weights.h5"):
            raise UsageError(f"the weights are saved to .weights.h5, not {os.fspath(filepath)!r}")
        with staged(filepath) as temporary:
            keras_h5_writer.write(temporary, dict(self._groups(self.weights_dict, "")))

    resave_weights = save

    def _groups(self, held: Weights, path: str) -> Iterator[tuple[str, tuple[str, dict[str, np.ndarray]]]]:
        arrays = {name: value for name, value in held.items() if not isinstance(value, dict)}
        if arrays:
            label = self.object_metadata.get(f"/{path}", {}).get("name", path.rpartition("/")[2])
            yield path, (label, arrays)
        for name, value in held.items():
            if isinstance(value, dict):
                yield from self._groups(value, f"{path}/{name}".lstrip("/"))

    def _edit(self, object_name: str, edit: Callable[[Weights, str], Any]) -> None:
        """Call ``edit`` with the dict that holds an object, and its last name; UsageError where the name is not of one object."""
        found = [
            (held, path.rpartition("/")[2])
            for path, held in _objects(self.weights_dict, "")
            if object_name in (path, path.rpartition("/")[2])
        ]
        if "/" in object_name:
            found = found[:1]
        if not found:
            names = [path for path, _ in _objects(self.weights_dict, "")]
            raise UsageError(f"the file has no object {object_name!r}", hint=nearest(object_name, names))
        if len(found) > 1:
            raise UsageError(f"{object_name!r} is the name of {len(found)} objects: give the whole path of one")
        edit(*found[0])


def _entered(held: Weights, objects: list[str]) -> Weights:
    for step in objects:
        held = held.setdefault(step, {})
        if not isinstance(held, dict):
            raise FormatError(f"{'/'.join(objects)} is a weight, where an object is to be")
    return held


def _objects(held: Weights, path: str) -> Iterator[tuple[str, Weights]]:
    """Yield the path of every object, with the dict that holds it."""
    for name, value in held.items():
        if isinstance(value, dict):
            yield f"{path}/{name}".lstrip("/"), held
            yield from _objects(value, f"{path}/{name}")


def _shapes(held: Weights, path: str = "") -> Iterator[tuple[str, tuple[int, ...]]]:
    for name, value in held.items():
        below = f"{path}/{name}".lstrip("/")
        if isinstance(value, dict):
            yield from _shapes(value, below)
        else:
            yield below, tuple(value.shape)


def _shown(shapes: Mapping[str, tuple[int, ...]], path: str) -> str:
    return f"shape={shapes[path]}" if path in shapes else "missing"


def _arrays(weights: Mapping[str, object]) -> Weights:
    if not isinstance(weights, Mapping):
        raise UsageError(f"weights are a dict of arrays by their names, got {type(weights).__name__}")
    return {str(name): np.asarray(value) for name, value in weights.items()}


def _weights_of(model: Model) -> Weights:
    """Return the weights of a model as a file has them, and those of its optimizer."""
    found: Weights = {}
    for path, layer in layers_of(model).items():
        store: dict[str, Any] = {}
        layer.save_own_variables(store)
        if store:
            _entered(found, path.split("/") if path else []).update(store)
    if model.optimizer is not None and model.optimizer.variables:
        found["optimizer"] = {str(place): variable for place, variable in enumerate(model.optimizer.variables)}
    return found
