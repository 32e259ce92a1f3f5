"""npz: a zip archive of npy files, stored or deflated.

Only the zip directory and each member's npy header are read to list it. The sizes that a member declares are compared with
each other, so that a small archive cannot declare one size and deliver another.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from layercli.errors import FormatError, UsageError, cut
from layercli.formats import npy
from layercli.formats.atomic import replacing
from layercli.formats.os_errors import reading
from layercli.formats.tensor_data import Layout, TensorData
from layercli.formats.weight_file import missing
from layercli.formats.zip_archive import (
    content_start,
    damage_as_format_error,
    inflated,
    member_start,
    members_in,
    opened_member,
)

if TYPE_CHECKING:
    import numpy as np

#: The maximum compression ratio of deflate.
HIGHEST_RATIO = 1032
LONGEST_NAME = (1 << 16) - 1 - len(".npy")
"""An archive says the length of a name in 16 bits."""


class NpzFile:
    """A ``.npz`` file: one entry per member, named like it without ``.npy``.

    Raises FileError if it cannot be read, FormatError unless it is an archive of numeric arrays.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.file = Path(path)
        members = checked(self.file, members_in(self.file))
        self._members = {info.filename.removesuffix(".npy"): info for info in members}
        like: dict[bytes, Layout] = {}
        with damage_as_format_error(self.file), open(self.file, "rb") as stream:
            self._layouts = {name: self._layout(stream, name, info, like) for name, info in self._members.items()}
        self.entries = {name: layout.entry for name, (layout, _) in self._layouts.items()}

    def read(self, path: str) -> np.ndarray:
        """Return the values of the entry ``path``: memory-mapped if stored, read if deflated."""
        self._check(path)
        info, (layout, start) = self._members[path], self._layouts[path]
        if info.compress_type == zipfile.ZIP_STORED:
            with reading(self.file):
                return TensorData(self.file, member_start(self.file, info) + start, layout).read()
        return self._inflate(path)

    def chunks(self, path: str, values: int = 1 << 20) -> Iterator[np.ndarray]:
        """Yield the values of the entry ``path``, flat, at most ``values`` at a time, checked against its CRC."""
        self._check(path)
        return self._stream(path, values)

    def stored(self, path: str) -> np.ndarray | None:
        """Return the values of the entry ``path`` as they lie, mapped; None where they are deflated, row by row."""
        self._check(path)
        info, (layout, start) = self._members[path], self._layouts[path]
        if info.compress_type != zipfile.ZIP_STORED:
            return self._inflate(path) if layout.fortran else None
        with reading(self.file):
            return TensorData(self.file, member_start(self.file, info) + start, layout).stored()

    def _check(self, path: str) -> None:
        if path not in self._members:
            raise missing(self.file, path, self.entries)

    def _layout(
        self, stream: IO[bytes], name: str, info: zipfile.ZipInfo, like: dict[bytes, Layout]
    ) -> tuple[Layout, int]:
        where = f"{self.file}: {info.filename!r}"
        if info.compress_type == zipfile.ZIP_STORED:
            stream.seek(content_start(self.file, stream, info))
            layout, start = npy.read_layout(where, name, stream, like)
        else:
            layout, start = npy.read_layout(where, name, inflated(self.file, stream, info), like)
        npy.check_length(where, layout.entry, info.file_size - start)
        return layout, start

    def _stream(self, path: str, values: int) -> Iterator[np.ndarray]:
        layout, start = self._layouts[path]
        with opened_member(self.file, self._members[path]) as stream:
            stream.read(start)
            yield from layout.chunks(self.file, stream, values)

    def _inflate(self, path: str) -> np.ndarray:
        import numpy as np

        layout, _ = self._layouts[path]
        flat = np.empty(layout.entry.size, layout.entry.dtype)
        position = 0
        for chunk in self._stream(path, 1 << 20):
            flat[position : position + len(chunk)] = chunk
            position += len(chunk)
        flat.flags.writeable = False
        return flat.reshape(layout.entry.shape, order=layout.order)


def checked(file: Path, members: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """Return the members of an archive; FormatError for one that an npz file cannot have."""
    names: set[str] = set()
    for info in members:
        if info.filename in names:
            raise FormatError(f"{file} holds {info.filename!r} twice", code="duplicate")
        names.add(info.filename)
        check_member(f"{file}: {info.filename!r}", info)
    return members


def check_member(where: str, info: zipfile.ZipInfo) -> None:
    """Raise FormatError unless a member is an npy file, stored or deflated, with consistent sizes."""
    if not info.filename.endswith(".npy"):
        raise FormatError(f"{where} is not an npy file, as every member of an npz file is", code="bad-header")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FormatError(f"{where} is compressed by a method that npz files do not use", code="unreadable")
    highest = 1 if info.compress_type == zipfile.ZIP_STORED else HIGHEST_RATIO
    if info.file_size > highest * info.compress_size:
        raise FormatError(
            f"{where} claims {info.file_size:,} bytes, more than its {info.compress_size:,} can hold",
            code="wrong-length",
        )


def save_npz(path: str | os.PathLike[str], arrays: dict[str, np.ndarray]) -> None:
    """Write ``arrays`` as the npz file ``path``, uncompressed and atomically.

    Raises UsageError if values are not numbers, FileError if the file cannot be written.

    >>> import numpy as np
    >>> save_npz("model.npz", {"dense/kernel": np.zeros((4, 3)), "dense/bias": np.zeros(3)})
    >>> list(NpzFile("model.npz").entries)
    ['dense/kernel', 'dense/bias']
    """
    for name, array in arrays.items():
        npy.check_numbers(name, array)
    with replacing(path) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as zipped:
        for name, array in arrays.items():
            with zipped.open(member_of(name), "w", force_zip64=True) as member:
                npy.write_array(member, array)


def member_of(name: str) -> str:
    """Return the name of the member that holds an entry; UsageError where a zip archive cannot hold that name.

    >>> member_of("dense/kernel")
    'dense/kernel.npy'
    """
    if "\0" in name or len(name.encode()) > LONGEST_NAME:
        raise UsageError(
            f"npz cannot hold {cut(repr(name), 80)} as a name: it has {LONGEST_NAME:,} bytes at most, and no NUL",
            hint="--rename RULES, or a target that ends in .safetensors",
        )
    return f"{name}.npy"
