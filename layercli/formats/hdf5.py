"""An HDF5 weight file, or the one in a ``.keras`` archive, as named entries: each dataset by its path."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layercli.core.limits import DEPTH, FILL, NODES
from layercli.errors import FormatError
from layercli.formats import keras_archive, keras_h5
from layercli.formats.weight_file import TensorEntry, missing

if TYPE_CHECKING:
    import numpy as np

MOST_DEFLATED = 1032
"""No deflated byte stands for more values' bytes than this."""


class H5File:
    """The datasets of an HDF5 file, such as ``layers/dense/vars/0``; ``archived`` if it is in a ``.keras`` archive.

    Raises FileError if it cannot be read, FormatError if it is damaged, holds non-numeric data or links out of the file.
    """

    def __init__(self, path: str | os.PathLike[str], *, archived: bool = False) -> None:
        self.file = Path(path)
        self._archived = archived
        with self._opened() as groups:
            self.entries = {entry.path: entry for entry in _Links(str(self.file), groups.file.id).entries()}

    def object_names(self) -> dict[str, str]:
        """Return the names that the file has for the objects whose weights it holds, by their paths."""
        found = {}
        with self._opened() as groups:
            for path in dict.fromkeys(entry.rpartition("/")[0] for entry in self.entries):
                name = groups.file[path].attrs.get("name") if path.endswith("vars") else None
                if isinstance(name, str):
                    found[path.removesuffix("vars").rstrip("/")] = name
        return found

    def read(self, path: str) -> np.ndarray:
        """Return the values of the entry ``path``, read-only."""
        with self._opened() as groups:
            values = keras_h5.numbers(groups.where, path, self._values(groups, path)[()])
        values.flags.writeable = False
        return values

    def chunks(self, path: str, values: int = 1 << 20) -> Iterator[np.ndarray]:
        """Yield the values of the entry ``path``, flat, at most ``values`` at a time if its first axis allows."""
        with self._opened() as groups:
            held = self._values(groups, path)
            for part in slabs(held.shape, values):
                yield keras_h5.numbers(groups.where, path, held[part]).ravel()

    def _values(self, groups: keras_h5.H5Groups, path: str) -> Any:
        """Return a dataset whose values the file holds; what it leaves to be filled in is limited."""
        held = self._dataset(groups, path)
        if held.nbytes > MOST_DEFLATED * held.id.get_storage_size():
            FILL.check(
                f"{groups.where}: {path}, of which the file holds {held.id.get_storage_size():,} bytes,", held.size
            )
        return held

    def _dataset(self, groups: keras_h5.H5Groups, path: str) -> Any:
        if path not in self.entries:
            raise missing(self.file, path, self.entries)
        return groups.file[path]

    @contextmanager
    def _opened(self) -> Iterator[keras_h5.H5Groups]:
        if not self._archived:
            with keras_h5.opened(self.file) as groups:
                yield groups
            return
        with keras_archive.opened(self.file) as archive:
            yield archive.weights


def slabs(shape: tuple[int, ...], values: int) -> Iterator[tuple[Any, ...]]:
    """Yield the indices of parts of at most ``values`` values each, in the order in which the values run.

    >>> list(slabs((2, 5), 3))
    [(0, slice(0, 3, None)), (0, slice(3, 6, None)), (1, slice(0, 3, None)), (1, slice(3, 6, None))]
    """
    if not shape:
        yield ()
    elif 0 not in shape:
        inner = math.prod(shape[1:])
        if inner > values:
            yield from ((i, *part) for i in range(shape[0]) for part in slabs(shape[1:], values))
        else:
            rows = max(1, values // inner)
            yield from ((slice(start, start + rows),) for start in range(0, shape[0], rows))


class _Links:
    """The links of a file, all read at once, in the order of names: those of each group by the group's address.

    To open every group takes most of the time where there are thousands. HDF5 enters a group once, however many links lead there.
    """

    def __init__(self, where: str, root: Any) -> None:
        import h5py

        self.where = where
        self.root = root
        self._hard = h5py.h5l.TYPE_HARD
        self._most = DEPTH.value
        self._first = h5py.h5o.get_info(root).addr
        self._addresses: dict[bytes, int] = {b"": self._first}
        self._below: dict[int, list[tuple[bytes, int, int]]] = {}
        self._entered: set[int] = set()
        self._repeated = 0
        self._dtypes: dict[bytes, str] = {}
        if (deep := root.links.visit(self._add, info=True)) is not None:
            raise self._refused(deep)

    def _add(self, path: bytes, link: Any) -> str | None:
        """Keep a link; return its path, which ends the visit, if it is too deep."""
        if path.count(b"/") > self._most:
            return path.decode(errors="surrogateescape")
        above, _, key = path.rpartition(b"/")
        self._below.setdefault(self._addresses[above], []).append((key, link.type, link.u))
        self._addresses[path] = link.u
        return None

    def _refused(self, name: str) -> FormatError:
        text = f"{self.where}: {name or 'the root'} contains itself, or groups nested too deeply"
        return FormatError(text, code="bad-header")

    def entries(self) -> Iterator[TensorEntry]:
        """Yield the entry of every dataset; names that are numbers are sorted by value."""
        yield from self._entries(b"", self._first, frozenset())

    def _entries(self, path: bytes, address: int, seen: frozenset[int]) -> Iterator[TensorEntry]:
        import h5py

        if address in seen or path.count(b"/") > self._most:  # the visit came here by one path, perhaps a shorter one
            raise self._refused(path.decode(errors="surrogateescape"))
        links = self._below.get(address, [])
        if address in self._entered:  # two links to each of 64 groups inside each other are 2**64 paths
            self._repeated += len(links) * (path.count(b"/") + 1)
            NODES.check(f"{self.where}, whose groups have several paths,", self._repeated)
        self._entered.add(address)
        if any(key.isdigit() for key, _, _ in links):
            links = sorted(links, key=lambda each: numbered(each[0]))
        for key, kind, place in links:
            below = path + b"/" + key if path else key
            name = below.decode(errors="surrogateescape")
            if kind != self._hard:
                raise keras_h5.leads_elsewhere(self.where, name)
            if place in self._below:
                yield from self._entries(below, place, seen | {address})
            elif isinstance(found := h5py.h5o.open(self.root, below), h5py.h5d.DatasetID):
                yield self._entry(name, found)

    def _entry(self, name: str, dataset: Any) -> TensorEntry:
        """Return the entry of a low-level dataset that the file holds."""
        import h5py

        keras_h5.check_inside(self.where, name, dataset)
        shape = dataset.shape
        if not shape and dataset.get_space().get_simple_extent_type() == h5py.h5s.NULL:
            raise FormatError(f"{self.where}: {name} is a dataset without a shape, which holds no values")
        kind = dataset.get_type().encode()  # to make a NumPy dtype of it takes longer
        if kind not in self._dtypes:
            self._dtypes[kind] = keras_h5.dtype_of(self.where, name, dataset.dtype)
        entry = TensorEntry(name, shape, self._dtypes[kind])
        if not entry.fits:
            text = f"{self.where}: {name} has the shape {entry.shape}, which no array can have"
            raise FormatError(text, code="bad-shape")
        return entry


def numbered(name: bytes) -> tuple[bool, int, bytes]:
    """Return what a name is sorted by among others: numbers by value, before other names, which stay in their order.

    >>> sorted([b"b", b"10", b"a", b"9"], key=numbered)
    [b'9', b'10', b'b', b'a']
    """
    digits = name.lstrip(b"0") if name.isdigit() else b""  # as text, since int refuses thousands of digits
    return not name.isdigit(), len(digits), digits
