"""Keras's HDF5 weight layout: a group ``<path>/vars`` per layer, with numbered variables.

The file is not trusted: anything that leads out of it (soft and external links, external and virtual storage) is refused at
every step of a path, and a shape is compared with the expected one before values are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache
from itertools import takewhile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from layercli.errors import FormatError, LayercliError
from layercli.formats.os_errors import reading
from layercli.formats.weight_file import BITS

if TYPE_CHECKING:
    import numpy as np

CONFIG = "model_config"
"""The attribute in which an HDF5 file of a whole model holds the model's config."""
SMALL = 64 << 20
"""So many bytes of weights are copied once more for speed: HDF5 asks Python for every part of a file that Python has open."""


class H5Groups:
    """An open weight file with ``count`` and ``read`` for each path.

    Objects are opened by h5py's low-level functions: a model of 10,000 layers has 40,000 of them.
    """

    def __init__(self, where: str, file: Any) -> None:
        self.where = where
        self.file = file
        self.major = 3
        self._walk: list[_Entered] = []
        self._last: tuple[str, Any] | None = None

    def count(self, path: str) -> int:
        """Return the number of variables at ``path``; 0 if it does not exist."""
        group = self._group(path)
        return 0 if group is None else len(group)

    def holds(self, path: str, index: int | str) -> bool:
        """Return whether there is the variable ``index`` of ``path``."""
        group = self._group(path)
        return group is not None and bool(group.links.exists(str(index).encode()))

    def read(self, path: str, index: int | str, shape: tuple[int, ...]) -> np.ndarray:
        """Return a variable by its number or name; FormatError unless it has that ``shape``."""
        import h5py

        group = self._group(path)
        key, name = str(index), place_of(path, index)
        found = None if group is None else member(self.where, group, key, name)
        if not isinstance(found, h5py.h5d.DatasetID):
            raise FormatError(f"{self.where} has no {name}")
        check_inside(self.where, name, found)
        if found.shape != shape:
            raise FormatError(f"{name} in {self.where} has the shape {found.shape}, the model's is {shape}")
        return numbers(self.where, name, read_whole(found))

    def read_all(self, path: str) -> dict[str, np.ndarray]:
        """Return all variables at ``path`` by name, whatever their shapes."""
        import h5py

        group = self._group(path)
        found = {}
        for key in () if group is None else h5py.Group(group):
            name = place_of(path, key)
            dataset = member(self.where, group, key, name)
            if not isinstance(dataset, h5py.h5d.DatasetID):
                raise FormatError(f"{self.where}: {name} is a group, where a layer keeps its variables")
            check_inside(self.where, name, dataset)
            found[key] = numbers(self.where, name, read_whole(dataset))
        return found

    def _group(self, path: str) -> Any:
        """Return the group of the variables at ``path``, None if there is none; the last one is kept."""
        if self._last is None or self._last[0] != path:
            self._last = path, self._group_at(path)
        return self._last[1]

    def _group_at(self, path: str) -> Any:
        """Return that group; those on the way are kept for the next path."""
        import h5py

        steps = [*path.split("/"), "vars"] if path else ["vars"]
        kept = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1].step, zip(steps, self._walk, strict=False)))
        del self._walk[kept:]
        found, counted = (self._walk[-1].group, self._walk[-1].counted) if kept else (self.file.id, False)
        for i, step in enumerate(steps[kept:], kept):
            here = "/".join(steps[: i + 1])
            key = second_as_2(step) if counted else step
            below = member(self.where, found, key, here)
            if below is None and not counted:
                key = older(step)
                below = None if key == step else member(self.where, found, key, here)
            if below is None:
                return None
            if not isinstance(below, h5py.h5g.GroupID):
                raise FormatError(f"{self.where}: {here} is not a group")
            found, counted = below, key in (OLDER_LAYERS, "cells") and self._is_of_2_12
            self._walk.append(_Entered(step, found, counted))
        return found

    @cached_property
    def _is_of_2_12(self) -> bool:
        return OLDER_LAYERS in self.file


class _Entered(NamedTuple):
    """A group on the way to a layer's variables: the step of the path, and whether tf.keras 2.12 counted what it holds."""

    step: str
    group: Any
    counted: bool


OLDER_LAYERS = "_layer_checkpoint_dependencies"
"""What tf.keras 2.12 called the layers of a model."""


def older(path: str) -> str:
    """Return a path with tf.keras's names for the projections of attention, and 2.12's for the layers of a model.

    >>> older("layers"), older("multi_head_attention/query_dense/vars/0")
    ('_layer_checkpoint_dependencies', 'multi_head_attention/_query_dense/vars/0')
    """
    if path == "layers":
        return OLDER_LAYERS
    return re.sub(r"(^|/)(query|key|value|output)_dense(?=/|$)", r"\1_\2_dense", path)


def second_as_2(step: str) -> str:
    """Return the name in a container of tf.keras 2.12, which called the second of a class ``dense_2``.

    >>> second_as_2("dense"), second_as_2("dense_1")
    ('dense', 'dense_2')
    """
    name, _, number = step.rpartition("_")
    return f"{name}_{int(number) + 1}" if name and number.isdecimal() else step


def major_of(file: Any) -> int | None:
    """Return the first number of the version of Keras that wrote an open ``.weights.h5``; None where the file does not say.

    tf.keras 2.12 calls layers otherwise, and Keras since 3.6 names the layer of each group; the layout between is one.
    """
    if OLDER_LAYERS in file:
        return 2
    places: list[str] = []
    file.visit(places.append)
    return 3 if any("name" in file[each].attrs for each in places if each.endswith("vars")) else None


def place_of(path: str, index: int | str) -> str:
    """Return the file's path of variable ``index`` of the layer at ``path``."""
    return f"{path}/vars/{index}".lstrip("/")


def entered(where: str, group: Any, step: str, name: str) -> Any:
    """Return the member ``step`` of a group; FormatError unless it is a hard link."""
    import h5py

    if not isinstance(group.get(step, getlink=True), h5py.HardLink):
        raise leads_elsewhere(where, name)
    return group[step]


def member(where: str, group: Any, step: str, name: str) -> Any:
    """Return the member ``step`` of a group, both low-level; None if it has none, FormatError unless it is a hard link."""
    import h5py

    key = step.encode()
    try:
        link = group.links.get_info(key)
    except (KeyError, RuntimeError):
        if group.links.exists(key):
            raise
        return None
    if link.type != h5py.h5l.TYPE_HARD:
        raise leads_elsewhere(where, name)
    return h5py.h5o.open(group, key)


def leads_elsewhere(where: str, name: str) -> FormatError:
    """Return the error for a link that is no hard one."""
    return FormatError(f"{where}: {name} is a link that leads elsewhere", code="unsafe")


def check_inside(where: str, name: str, dataset: Any) -> None:
    """Raise FormatError for a low-level dataset stored in another file."""
    import h5py

    if dataset.get_offset() is not None:  # its values lie there, which is faster to ask than how it was created
        return
    created = dataset.get_create_plist()
    if created.get_external_count() or created.get_layout() == h5py.h5d.VIRTUAL:
        raise FormatError(f"{where}: {name} is stored outside the file", code="unsafe")


def read_whole(dataset: Any) -> Any:
    """Return the values of a low-level dataset."""
    import h5py
    import numpy as np

    dtype = dataset.dtype
    if dtype.kind not in "iufc":
        return h5py.Dataset(dataset)[()]
    values = np.empty(dataset.shape, dtype)
    dataset.read(h5py.h5s.ALL, h5py.h5s.ALL, values)
    return values


def is_bfloat16(dtype: np.dtype) -> bool:
    """Return whether values are stored as bfloat16, the upper half of a float32, for which HDF5 has no name."""
    return dtype.kind == "V" and dtype.itemsize == 2


def dtype_of(where: str, name: str, dtype: np.dtype) -> str:
    """Return the name of a dataset's dtype; FormatError for non-numeric data."""
    found = name_of(dtype)
    if found not in BITS:
        raise FormatError(f"{where}: {name} holds {dtype}, which is not numeric", code="bad-dtype")
    return found


@lru_cache(maxsize=64)
def name_of(dtype: np.dtype) -> str:
    """Return the name of a dtype."""
    return "bfloat16" if is_bfloat16(dtype) else str(dtype.name)


def numbers(where: str, name: str, held: object) -> np.ndarray:
    """Return the read values as an array; FormatError if they are not numeric."""
    import numpy as np

    values = np.asarray(held)
    if is_bfloat16(values.dtype):
        return (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    if values.dtype.kind not in "biufc":
        raise FormatError(f"{where}: {name} holds {values.dtype}, which is not numeric", code="bad-dtype")
    return values


@contextmanager
def opened(file: Path, stream: IO[bytes] | None = None, whole: bool = False) -> Iterator[H5Groups]:
    """Yield the weights in ``file``, or in ``stream``, a part of it; convert its errors to FormatError.

    ``whole``: read the stream at once and keep it, which is faster.
    """
    import h5py

    with reading(file):
        if stream is None:
            with open(file, "rb"):  # says why it cannot be read
                pass
        try:
            # HDF5 reads a file by its name in half the time of one that Python has open
            with h5py.File(file, "r", locking=False) if stream is None else _in_stream(stream, whole) as h5:
                yield H5Groups(str(file), h5)
        except LayercliError:
            raise
        except (OSError, RuntimeError, KeyError, ValueError) as error:
            raise FormatError(f"{file} is not an HDF5 file, or is damaged", code="bad-header") from error


def _in_stream(stream: IO[bytes], whole: bool) -> Any:
    import h5py

    return h5py.File(h5py.h5f.open_file_image(stream.read()) if whole else stream, "r")


def has_model(path: Path) -> bool:
    """Return whether the HDF5 file at ``path`` holds a whole model."""
    try:
        with opened(path) as groups:
            return CONFIG in groups.file.attrs
    except FormatError:
        return False
