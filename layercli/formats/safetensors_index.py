"""An index of weight files: JSON whose ``weight_map`` maps each tensor to a file in the same folder; in Keras's each group."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from layercli.errors import FileError, FormatError
from layercli.formats import keras_shards
from layercli.formats.names import is_inside
from layercli.formats.stored import stored_values
from layercli.formats.weight_file import TensorEntries, WeightFile, kinds_of, missing
from layercli.formats.weight_map import weight_map_in

if TYPE_CHECKING:
    import numpy as np


class ShardedFile:
    """A ``.safetensors.index.json`` file and its shards, each opened by ``open_shard``.

    Raises FileError if a shard cannot be read, FormatError if the index does not match them.
    """

    def __init__(self, path: str | os.PathLike[str], open_shard: Callable[[Path], WeightFile]) -> None:
        self.file = Path(path)
        self._names = read_index(self.file)
        self._opened = {name: self._open(name, open_shard) for name in dict.fromkeys(self._names.values())}
        held = {name: kinds_of(shard.entries) for name, shard in self._opened.items()}
        try:
            self.entries = TensorEntries({path: held[name][path] for path, name in self._names.items()})
        except KeyError:
            path, name = next((path, name) for path, name in self._names.items() if path not in held[name])
            raise FormatError(
                f"{self.file} says that {path!r} is in {name!r}, which does not hold it", code="missing-tensor"
            ) from None

    def read(self, path: str) -> np.ndarray:
        """Return the values of the entry ``path``, from its shard."""
        return self._shard(path).read(path)

    def chunks(self, path: str, values: int = 1 << 20) -> Iterator[np.ndarray]:
        """Yield the values of the entry ``path``, from its shard."""
        return self._shard(path).chunks(path, values)

    def stored(self, path: str) -> np.ndarray | None:
        """Return the values of the entry ``path`` as they lie in its shard."""
        return stored_values(self._shard(path), path)

    def holder(self, path: str) -> WeightFile:
        """Return the shard that holds the entry ``path``."""
        return self._shard(path)

    def _shard(self, path: str) -> WeightFile:
        if path not in self._names:
            raise missing(self.file, path, self.entries)
        return self._opened[self._names[path]]

    def _open(self, name: str, open_shard: Callable[[Path], WeightFile]) -> WeightFile:
        shard = self.file.parent / name
        if shard.is_symlink() and not is_inside(self.file.parent, shard):
            raise FormatError(
                f"{self.file} names the shard {name!r}, which leads out of its folder and is never opened",
                code="bad-index",
            )
        if not shard.exists():
            raise FileError(f"{self.file} names the shard {name!r}, which is not in its folder")
        return open_shard(shard)


def read_index(file: Path) -> dict[str, str]:
    """Return the shard's file name for each entry's path."""
    names = weight_map_in(file)
    if keras_shards.is_keras(names):
        return keras_shards.tensors_in(file, names)
    if list in set(map(type, names.values())):
        listed = next(name for name in names.values() if isinstance(name, list))
        raise FormatError(f"{file} names the shard {listed!r}, which is not a plain file name", code="bad-index")
    return names
