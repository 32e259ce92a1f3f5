"""Keras's weights in several HDF5 files: an index ``<name>.weights.json`` beside ``<name>_00000.weights.h5`` and so on.

The index maps each group, such as ``/layers/dense/vars``, to the file that holds its variables, or to a list of files.
"""

from __future__ import annotations

import json
import os
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layercli.errors import FileError, FormatError, UsageError
from layercli.formats import keras_h5, keras_h5_writer
from layercli.formats.atomic import staged
from layercli.formats.names import is_inside
from layercli.formats.weight_map import files_of, weight_map_in

if TYPE_CHECKING:
    import numpy as np

GIB = 1 << 30


def index_of(name: str, max_shard_size: float) -> str:
    """Return the name of the index; UsageError for another ending, or a size that is not positive."""
    if not isinstance(max_shard_size, int | float) or not max_shard_size > 0:
        raise UsageError(f"max_shard_size is a number of GiB above 0, got {max_shard_size!r}")
    if name.endswith(".weights.h5"):
        index = name.removesuffix("h5") + "json"
        warnings.warn(f"weights in several files have an index, which is written to {index}", stacklevel=4)
        return index
    if not name.endswith(".weights.json"):
        raise UsageError(f"weights in several files are saved to .weights.json, not {name!r}")
    return name


def write(path: str | os.PathLike[str], groups: keras_h5_writer.Groups, limit: float) -> None:
    """Write ``groups`` as the index ``path`` and files beside it, each with at most ``limit`` GiB of values.

    All files are written before the first is put in its place; the index is put there last.
    """
    index = Path(path)
    stem = index.stem.replace(".weights", "")
    shards = divided(groups, limit * GIB)
    weight_map: dict[str, Any] = {}
    total = 0
    with ExitStack() as stack:
        listing = stack.enter_context(staged(index))
        for number, shard in enumerate(shards):
            name = f"{stem}_{number:05}.weights.h5"
            keras_h5_writer.write(stack.enter_context(staged(index.with_name(name))), shard)
            for place, (_, arrays) in shard.items():
                weight_map.setdefault(group_of(place), []).append(name)
                total += sum(array.nbytes for array in arrays.values())
        named = {group: names[0] if len(names) == 1 else names for group, names in weight_map.items()}
        listing.write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": named}, indent=4))


def divided(groups: keras_h5_writer.Groups, limit: float) -> list[dict[str, tuple[str, dict[str, np.ndarray]]]]:
    """Return ``groups`` in parts of at most ``limit`` bytes, in their order; UsageError for a variable that is larger.

    >>> import numpy as np
    >>> parts = divided({"a": ("a", [np.zeros(2), np.zeros(1)]), "b": ("b", [np.zeros(1)])}, 16)
    >>> [{path: list(arrays) for path, (_, arrays) in part.items()} for part in parts]
    [{'a': ['0']}, {'a': ['1'], 'b': ['0']}]
    """
    parts: list[dict[str, tuple[str, dict[str, np.ndarray]]]] = [{}]
    size = 0
    for path, (name, arrays) in groups.items():
        for key, array in arrays.items() if isinstance(arrays, Mapping) else enumerate(arrays):
            if array.nbytes > limit:
                raise UsageError(
                    f"{keras_h5.place_of(path, key)} has {array.nbytes:,} bytes, and max_shard_size allows {limit:,.0f} a file"
                )
            size += array.nbytes
            if size > limit:
                parts.append({})
                size = array.nbytes
            parts[-1].setdefault(path, (name, {}))[1][str(key)] = array
    return parts


def group_of(path: str) -> str:
    """Return what an index calls the variables of the layer at ``path``.

    >>> group_of("layers/dense"), group_of("")
    ('/layers/dense/vars', '/vars')
    """
    return f"/{path}/vars".replace("//", "/")


def is_keras(weight_map: Mapping[str, Any]) -> bool:
    """Return whether the ``weight_map`` of an index has groups of Keras's, not tensors."""
    return all(key.startswith("/") and key.endswith("/vars") for key in weight_map)


def is_index(file: Path) -> bool:
    """Return whether a file of JSON is an index of Keras's; FormatError where it is no index at all."""
    return is_keras(weight_map_in(file))


def tensors_in(file: Path, weight_map: Mapping[str, Any]) -> dict[str, str]:
    """Return the file of each tensor of an index; a group whose file has none of it, or is not there, stands for its tensors."""
    found: dict[str, str] = {}
    held: dict[str, dict[str, list[str]]] = {}
    for group, given in weight_map.items():
        for name in files_of(given):
            if name not in held:
                held[name] = entries_by_group(file.parent / name)
            for entry in held[name].get(group, [group.lstrip("/")]):
                found[entry] = name
    return found


def entries_by_group(shard: Path) -> dict[str, list[str]]:
    """Return the paths of the tensors in a file of an index by what the index calls their groups; none if it is not there."""
    from layercli.formats.hdf5 import H5File

    found: dict[str, list[str]] = defaultdict(list)
    for entry in H5File(shard).entries if shard.is_file() and is_inside(shard.parent, shard) else ():
        found[f"/{entry}".rpartition("/")[0]].append(entry)
    return found


class ShardedGroups(keras_h5.H5Groups):
    """The weights of an index, read as from one file."""

    def __init__(self, where: str, shards: Mapping[str, keras_h5.H5Groups], weight_map: Mapping[str, Any]) -> None:
        super().__init__(where, next(iter(shards.values())).file)
        self._shards, self._map = shards, weight_map

    def _of(self, path: str) -> list[keras_h5.H5Groups]:
        return [self._shards[name] for name in files_of(self._map.get(group_of(path), []))]

    def count(self, path: str) -> int:
        """Return the number of variables at ``path`` in all files."""
        return sum(shard.count(path) for shard in self._of(path))

    def read(self, path: str, index: int | str, shape: tuple[int, ...]) -> np.ndarray:
        """Return a variable by its number or name; FormatError unless it has that ``shape``."""
        for shard in self._of(path):
            if shard.holds(path, index):
                return shard.read(path, index, shape)
        raise FormatError(f"{self.where} has no {keras_h5.place_of(path, index)}")

    def read_all(self, path: str) -> dict[str, np.ndarray]:
        """Return all variables at ``path`` by name, whatever their shapes."""
        return {name: array for shard in self._of(path) for name, array in shard.read_all(path).items()}


@contextmanager
def opened(file: Path) -> Iterator[ShardedGroups]:
    """Yield the weights that an index names; FormatError where it leads elsewhere, FileError for a file that is not there."""
    weight_map = weight_map_in(file)
    names = dict.fromkeys(name for given in weight_map.values() for name in files_of(given))
    if not names:
        raise FormatError(f"{file} names no files", code="bad-index")
    with ExitStack() as stack:
        shards = {}
        for name in names:
            shard = file.parent / name
            if not is_inside(file.parent, shard):
                raise FormatError(f"{file} names the shard {name!r}, which leads out of its folder", code="bad-index")
            if not shard.exists():
                raise FileError(f"{file} names the shard {name!r}, which is not in its folder")
            shards[name] = stack.enter_context(keras_h5.opened(shard))
        yield ShardedGroups(str(file), shards, weight_map)
