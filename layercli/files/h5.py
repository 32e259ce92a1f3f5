"""HDF5 as Keras keeps weights in it: a group ``<path>/vars`` per layer, its variables numbered from 0.

A file is not believed: whatever leads out of it (soft and external links, external and virtual storage) is refused at every
step of a path, and a shape is compared with the one that is wanted before a value is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from layercli.errors import FormatError, LayercliError
from layercli.files.failure import reading

if TYPE_CHECKING:
    import numpy as np

Groups = Mapping[str, tuple[str, "Sequence[np.ndarray]"]]
"""For each path, the name of what is there and its arrays."""


def write(target: Any, groups: Groups) -> None:
    """Write ``groups`` to ``target``, the path of a file or an open one."""
    import h5py

    with h5py.File(target, "w") as file:
        for path, (name, arrays) in groups.items():
            group = file.create_group(f"{path}/vars".lstrip("/"))
            group.attrs["name"] = name
            for i, array in enumerate(arrays):
                group.create_dataset(str(i), data=array)


class H5Groups:
    """An open file of weights: ``count`` and ``read`` of what is at a path."""

    def __init__(self, where: str, file: Any) -> None:
        self.where = where
        self._file = file

    def count(self, path: str) -> int:
        """Return how many variables are at ``path``: 0 where it does not exist."""
        group = self._group(path)
        return 0 if group is None else len(group)

    def read(self, path: str, index: int, shape: tuple[int, ...]) -> np.ndarray:
        """Return a variable, which must be of ``shape``; FormatError where it is not."""
        import h5py
        import numpy as np

        group = self._group(path)
        key, name = str(index), f"{path}/vars/{index}".lstrip("/")
        found = None if group is None or key not in group else self._entered(group, key, name)
        if not isinstance(found, h5py.Dataset):
            raise FormatError(f"{self.where} has no {name}")
        if found.external or found.is_virtual:
            raise FormatError(f"{self.where}: {name} is stored outside the file")
        if found.shape != shape:
            raise FormatError(f"{name} in {self.where} has the shape {found.shape}, the model's is {shape}")
        values = np.asarray(found[()])
        if values.dtype.kind == "V" and values.dtype.itemsize == 2:  # bfloat16, the upper half of a float32
            return (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
        if values.dtype.kind not in "biufc":
            raise FormatError(f"{self.where}: {name} holds {values.dtype}, which is no number")
        return values

    def _group(self, path: str) -> Any:
        import h5py

        found: Any = self._file
        steps = [*path.split("/"), "vars"] if path else ["vars"]
        for i, step in enumerate(steps):
            if step not in found:
                return None
            found = self._entered(found, step, "/".join(steps[: i + 1]))
            if not isinstance(found, h5py.Group):
                raise FormatError(f"{self.where}: {'/'.join(steps[: i + 1])} is not a group")
        return found

    def _entered(self, group: Any, step: str, name: str) -> Any:
        import h5py

        if not isinstance(group.get(step, getlink=True), h5py.HardLink):
            raise FormatError(f"{self.where}: {name} is a link that leads elsewhere")
        return group[step]


@contextmanager
def opened(file: Path, stream: IO[bytes] | None = None) -> Iterator[H5Groups]:
    """Give the weights in ``file``, or in ``stream``, a part of it; what is wrong with it is a FormatError."""
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
            raise FormatError(f"{file} is no HDF5 file, or a damaged one") from error
