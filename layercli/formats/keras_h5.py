"""Keras's HDF5 weight layout: a group ``<path>/vars`` per layer, with numbered variables.

The file is not trusted: anything that leads out of it (soft and external links, external and virtual storage) is refused at
every step of a path, and a shape is compared with the expected one before values are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from layercli.errors import FormatError, LayercliError
from layercli.formats.hdf5_create import created
from layercli.formats.os_errors import reading
from layercli.formats.weight_file import BITS

if TYPE_CHECKING:
    import numpy as np

Groups = Mapping[str, tuple[str, "Sequence[np.ndarray] | Mapping[str, np.ndarray]"]]
"""For each path, the name of its layer and its arrays, numbered or named."""

CONFIG = "model_config"
"""The attribute in which an HDF5 file of a whole model holds the model's config."""


def write(target: Any, groups: Groups) -> None:
    """Write ``groups`` to ``target``, a path or an open file."""
    with created(target) as file:
        for path, (name, arrays) in groups.items():
            group = file.create_group(f"{path}/vars".lstrip("/"))
            group.attrs["name"] = name
            for key, array in arrays.items() if isinstance(arrays, Mapping) else enumerate(arrays):
                group.create_dataset(str(key), data=array)


class H5Groups:
    """An open weight file with ``count`` and ``read`` for each path."""

    def __init__(self, where: str, file: Any) -> None:
        self.where = where
        self.file = file
        self.major = 3

    def count(self, path: str) -> int:
        """Return the number of variables at ``path``; 0 if it does not exist."""
        group = self._group(path)
        return 0 if group is None else len(group)

    def read(self, path: str, index: int | str, shape: tuple[int, ...]) -> np.ndarray:
        """Return a variable by its number or name; FormatError unless it has that ``shape``."""
        import h5py

        group = self._group(path)
        key, name = str(index), place_of(path, index)
        found = None if group is None or key not in group else entered(self.where, group, key, name)
        if not isinstance(found, h5py.Dataset):
            raise FormatError(f"{self.where} has no {name}")
        check_inside(self.where, name, found)
        if found.shape != shape:
            raise FormatError(f"{name} in {self.where} has the shape {found.shape}, the model's is {shape}")
        return numbers(self.where, name, found[()])

    def read_all(self, path: str) -> dict[str, np.ndarray]:
        """Return all variables at ``path`` by name, whatever their shapes."""
        import h5py

        group = self._group(path)
        found = {}
        for key in group or ():
            name = place_of(path, key)
            dataset = entered(self.where, group, key, name)
            if not isinstance(dataset, h5py.Dataset):
                raise FormatError(f"{self.where}: {name} is a group, where a layer keeps its variables")
            check_inside(self.where, name, dataset)
            found[key] = numbers(self.where, name, dataset[()])
        return found

    def _group(self, path: str) -> Any:
        import h5py

        found: Any = self.file
        steps = [*path.split("/"), "vars"] if path else ["vars"]
        counted = False
        for i, step in enumerate(steps):
            if counted or step not in found:
                step = second_as_2(step) if counted else older(step)
            counted = OLDER_LAYERS in self.file and step in (OLDER_LAYERS, "cells")
            if step not in found:
                return None
            found = entered(self.where, found, step, "/".join(steps[: i + 1]))
            if not isinstance(found, h5py.Group):
                raise FormatError(f"{self.where}: {'/'.join(steps[: i + 1])} is not a group")
        return found


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


def leads_elsewhere(where: str, name: str) -> FormatError:
    """Return the error for a link that is no hard one."""
    return FormatError(f"{where}: {name} is a link that leads elsewhere", code="unsafe")


def check_inside(where: str, name: str, dataset: Any) -> None:
    """Raise FormatError for a dataset stored in another file."""
    import h5py

    created = dataset.id.get_create_plist()
    if created.get_external_count() or created.get_layout() == h5py.h5d.VIRTUAL:
        raise FormatError(f"{where}: {name} is stored outside the file", code="unsafe")


def is_bfloat16(dtype: np.dtype) -> bool:
    """Return whether values are stored as bfloat16, the upper half of a float32, for which HDF5 has no name."""
    return dtype.kind == "V" and dtype.itemsize == 2


def dtype_of(where: str, name: str, dtype: np.dtype) -> str:
    """Return the name of a dataset's dtype; FormatError for non-numeric data."""
    if is_bfloat16(dtype):
        return "bfloat16"
    found = str(dtype.name)
    if found not in BITS:
        raise FormatError(f"{where}: {name} holds {dtype}, which is not numeric", code="bad-dtype")
    return found


def numbers(where: str, name: str, held: Any) -> np.ndarray:
    """Return the read values as an array; FormatError if they are not numeric."""
    import numpy as np

    values = np.asarray(held)
    if is_bfloat16(values.dtype):
        return (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    if values.dtype.kind not in "biufc":
        raise FormatError(f"{where}: {name} holds {values.dtype}, which is not numeric", code="bad-dtype")
    return values


@contextmanager
def opened(file: Path, stream: IO[bytes] | None = None) -> Iterator[H5Groups]:
    """Yield the weights in ``file``, or in ``stream``, a part of it; convert its errors to FormatError."""
    import h5py

    with reading(file):
        if stream is None:
            with open(file, "rb") as own, opened(file, own) as groups:
                yield groups
            return
        try:
            with h5py.File(stream, "r") as h5:
                yield H5Groups(str(file), h5)
        except LayercliError:
            raise
        except (OSError, RuntimeError, KeyError, ValueError) as error:
            raise FormatError(f"{file} is not an HDF5 file, or is damaged", code="bad-header") from error


def has_model(path: Path) -> bool:
    """Return whether the HDF5 file at ``path`` holds a whole model."""
    try:
        with opened(path) as groups:
            return CONFIG in groups.file.attrs
    except FormatError:
        return False
