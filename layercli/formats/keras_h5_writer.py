"""Write Keras's HDF5 weight layout; see ``keras_h5``."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from layercli.formats.hdf5_create import created
from layercli.formats.keras_h5 import SMALL

if TYPE_CHECKING:
    import numpy as np

Groups = Mapping[str, tuple[str, "Sequence[np.ndarray] | Mapping[str, np.ndarray]"]]
"""For each path, the name of its layer and its arrays, numbered or named."""


def write(target: Any, groups: Groups) -> None:
    """Write ``groups`` to ``target``, a path or an open file."""
    with created(target) as file:
        put(file, groups)


def image_of(groups: Groups) -> bytes | memoryview:
    """Return the bytes of a weight file."""
    import h5py

    if sum(array.nbytes for _, arrays in groups.values() for array in in_order(arrays).values()) <= SMALL:
        with h5py.File("weights", "w", driver="core", backing_store=False) as file:
            put(file, groups)
            file.flush()
            return bytes(file.id.get_file_image())
    stream = io.BytesIO()
    write(stream, groups)
    return stream.getbuffer()


def put(file: Any, groups: Groups) -> None:
    """Write ``groups`` into an open file."""
    writer = Writer(file)
    for path, (name, arrays) in groups.items():
        group = writer.group(f"{path}/vars".lstrip("/"))
        writer.text(group, "name", name)
        for key, array in in_order(arrays).items():
            writer.dataset(group, str(key), array)


def in_order(arrays: Sequence[np.ndarray] | Mapping[str, np.ndarray]) -> Mapping[Any, np.ndarray]:
    """Return the arrays of a layer by number or name."""
    return arrays if isinstance(arrays, Mapping) else dict(enumerate(arrays))


class Writer:
    """Writes groups and datasets as h5py's ``create_group`` and ``create_dataset`` do, whose types and settings are made once.

    h5py makes them again for each object, which takes most of the time where a model has thousands of layers.
    """

    def __init__(self, file: Any) -> None:
        import h5py
        from h5py import h5p, h5s, h5t

        self._root = file.id
        self._text = h5t.py_create(h5py.string_dtype(), logical=True)
        self._one = h5s.create(h5s.SCALAR)
        self._links = h5p.create(h5p.LINK_CREATE)
        self._links.set_create_intermediate_group(True)
        self._links.set_char_encoding(h5t.CSET_UTF8)
        self._stored = h5p.create(h5p.DATASET_CREATE)
        self._stored.set_obj_track_times(False)
        self._types: dict[np.dtype, Any] = {}
        self._spaces: dict[tuple[int, ...], Any] = {}

    def group(self, path: str) -> Any:
        """Create the group at ``path``, and those above it; return it, low-level."""
        from h5py import h5g

        return h5g.create(self._root, path.encode(), lcpl=self._links)

    def text(self, group: object, key: str, value: str) -> None:
        """Write a text as the attribute ``key`` of a low-level group."""
        import numpy as np
        from h5py import h5a

        h5a.create(group, key.encode(), self._text, self._one).write(np.array(value, dtype=object))

    def names(self, group: object, key: str, values: np.ndarray) -> None:
        """Write a row of byte strings as the attribute ``key`` of a low-level group."""
        from h5py import h5a

        h5a.create(group, key.encode(), self._type(values.dtype), self._space(values.shape)).write(values)

    def dataset(self, group: object, key: str, array: object) -> None:
        """Write an array as the dataset ``key``, a name or a path, of a low-level group."""
        import numpy as np
        from h5py import h5d, h5s

        values = np.asarray(array, order="C")
        if values.dtype.kind not in "biufc":  # text has types of its own
            import h5py

            h5py.Group(group).create_dataset(key, data=array)
            return
        kind, space = self._type(values.dtype), self._space(values.shape)
        dataset = h5d.create(group, key.encode(), kind, space, self._stored, lcpl=self._links)
        if values.size:
            dataset.write(h5s.ALL, h5s.ALL, values)

    def _type(self, dtype: np.dtype) -> Any:
        from h5py import h5t

        if dtype not in self._types:
            self._types[dtype] = h5t.py_create(dtype, logical=True)
        return self._types[dtype]

    def _space(self, shape: tuple[int, ...]) -> Any:
        from h5py import h5s

        if shape not in self._spaces:
            self._spaces[shape] = h5s.create_simple(shape) if shape else self._one
        return self._spaces[shape]
