"""npy: a magic number, a header that is a Python dict with three keys, then the values of one array.

Format: numpy.lib.format. The header is parsed without numpy and never evaluated; arrays of objects, which are pickles,
are refused.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from layercli.core.types import JSONObject
from layercli.errors import FormatError, UsageError
from layercli.formats.atomic import replacing
from layercli.formats.dtype_codec import decode
from layercli.formats.os_errors import reading
from layercli.formats.tensor_data import Layout, TensorData
from layercli.formats.weight_file import TensorEntry, missing

if TYPE_CHECKING:
    import numpy as np

MAGIC = b"\x93NUMPY"
#: The size of the header length field, by format version.
LENGTHS = {(1, 0): 2, (2, 0): 4, (3, 0): 4}
LONGEST_HEADER = 10_000
DTYPES = {
    "b1": "bool",
    **{f"f{size}": f"float{8 * size}" for size in (2, 4, 8)},
    **{f"i{size}": f"int{8 * size}" for size in (1, 2, 4, 8)},
    **{f"u{size}": f"uint{8 * size}" for size in (1, 2, 4, 8)},
    "c8": "complex64",
    "c16": "complex128",
}


class NpyFile:
    """A ``.npy`` file: one entry, named like the file without its suffix.

    Raises FileError if it cannot be read, FormatError unless it holds exactly one array of numbers.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.file = Path(path)
        with reading(self.file), open(self.file, "rb") as stream:
            layout, start = read_layout(str(self.file), self.file.stem, stream)
            check_length(str(self.file), layout.entry, os.fstat(stream.fileno()).st_size - start)
        self.entries = {layout.entry.path: layout.entry}
        self._block = TensorData(self.file, start, layout)

    def read(self, path: str) -> np.ndarray:
        """Return the values of the entry ``path``, memory-mapped."""
        return self._of(path).read()

    def chunks(self, path: str, values: int = 1 << 20) -> Iterator[np.ndarray]:
        """Yield the values of the entry ``path``, flat, at most ``values`` at a time."""
        return self._of(path).chunks(values)

    def stored(self, path: str) -> np.ndarray:
        """Return the values of the entry ``path`` as they lie, mapped."""
        return self._of(path).stored()

    def _of(self, path: str) -> TensorData:
        if path not in self.entries:
            raise missing(self.file, path, self.entries)
        return self._block


def read_stream(where: str, stream: IO[bytes]) -> np.ndarray:
    """Return the array in a stream of npy bytes, read to its end; ``where`` names the stream in errors."""
    from io import BytesIO

    import numpy as np

    content = stream.read()
    if not content:
        raise FormatError(f"{where} is empty, where an npy file is expected", code="truncated")
    layout, start = read_layout(where, where, BytesIO(content))
    check_length(where, layout.entry, len(content) - start)
    stored = np.frombuffer(content, layout.storage(Path(where)), offset=start)
    return decode(stored, layout.entry.dtype).reshape(layout.entry.shape, order=layout.order)


def read_layout(
    where: str, name: str, stream: IO[bytes], like: dict[bytes, Layout] | None = None
) -> tuple[Layout, int]:
    """Return the layout of the array in ``stream``, and the offset of its values.

    ``where`` names the stream in errors; ``name`` is the path of the entry. ``like`` keeps the layouts of other arrays by their
    headers, which many have alike.
    """
    start = stream.read(len(MAGIC) + 2)
    if len(start) < len(MAGIC) + 2 or not start.startswith(MAGIC):
        raise FormatError(f"{where} does not begin like an npy file", code="bad-header")
    major, minor = start[len(MAGIC) :]
    if (major, minor) not in LENGTHS:
        raise FormatError(
            f"{where} has version {major}.{minor} of the npy format, which layercli does not know", code="bad-dtype"
        )
    width = LENGTHS[major, minor]
    length = int.from_bytes(stream.read(width), "little")
    if length > LONGEST_HEADER:
        raise FormatError(
            f"{where} has an npy header of {length:,} bytes, longer than an array of numbers needs", code="bad-header"
        )
    raw = stream.read(length)
    if len(raw) != length:
        raise FormatError(f"{where} ends within its npy header", code="truncated")
    values = len(start) + width + length
    if like is None:
        return layout_of(where, name, parse_header(where, raw)), values
    if (found := like.get(raw)) is None:
        found = like[raw] = layout_of(where, name, parse_header(where, raw))
    return Layout(TensorEntry(name, *found.entry[1:]), found.big_endian, found.fortran), values


def parse_header(where: str, raw: bytes) -> dict[str, object]:
    """Return the entries of an npy header; FormatError unless it has exactly the three keys."""
    header = literal_of(raw)
    if not isinstance(header, dict) or set(header) != {"descr", "fortran_order", "shape"}:
        raise FormatError(
            f"{where} has an npy header that is not a dict of descr, fortran_order and shape", code="bad-header"
        )
    return header


@lru_cache(maxsize=1024)
def literal_of(raw: bytes) -> object:
    """Return the Python literal in a header, which many arrays have alike; None if it is none."""
    try:
        return ast.literal_eval(raw.decode().strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def layout_of(where: str, name: str, header: JSONObject) -> Layout:
    """Return the layout that an npy header describes."""
    descr, fortran, shape = header["descr"], header["fortran_order"], header["shape"]
    if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
        raise FormatError(f"{where} has the shape {shape!r}, which is not a tuple of sizes", code="bad-shape")
    if not isinstance(fortran, bool):
        raise FormatError(f"{where} has the fortran_order {fortran!r}, which is neither True nor False")
    entry = TensorEntry(name, shape, dtype_of(where, descr))
    if not entry.fits:
        raise FormatError(f"{where} has the shape {shape!r}, which is too large to exist", code="bad-shape")
    return Layout(entry, big_endian=descr[0] == ">", fortran=fortran)


def dtype_of(where: str, descr: object) -> str:
    """Return the dtype for numpy's code, such as ``<f4``."""
    if isinstance(descr, str) and "O" in descr:
        raise FormatError(
            f"{where} holds Python objects, which are pickled and never loaded by layercli", code="unsafe"
        )
    if not isinstance(descr, str) or descr[:1] not in ("<", ">", "|") or descr[1:] not in DTYPES:
        raise FormatError(
            f"{where} holds values of {descr!r}, which are not numbers that layercli knows", code="bad-dtype"
        )
    return DTYPES[descr[1:]]


def check_length(where: str, entry: TensorEntry, available: int) -> None:
    """Raise FormatError unless the values of ``entry`` take exactly the bytes after the header."""
    if entry.bytes != available:
        raise FormatError(
            f"{where} has {available:,} bytes of values, but its shape {entry.shape} and dtype {entry.dtype} "
            f"take {entry.bytes:,}",
            code="wrong-length",
        )


def save_npy(path: str | os.PathLike[str], array: np.ndarray) -> None:
    """Write ``array`` as the npy file ``path``, atomically.

    Raises UsageError if its values are not numbers, FileError if the file cannot be written.

    >>> import numpy as np
    >>> save_npy("bias.npy", np.ones(3, np.float32))
    >>> NpyFile("bias.npy").read("bias").tolist()
    [1.0, 1.0, 1.0]
    """
    check_numbers(Path(path).stem, array)
    with replacing(path) as stream:
        write_array(stream, array)


def write_array(stream: Any, array: np.ndarray) -> None:
    """Write ``array`` in the npy format."""
    from numpy.lib import format

    format.write_array(stream, array, allow_pickle=False)


def check_numbers(name: str, array: np.ndarray) -> None:
    """Raise UsageError unless the npy format has a code for the dtype of ``array``."""
    if array.dtype.str[1:] not in DTYPES:
        raise UsageError(f"cannot save {name!r}: the npy format has no dtype for values of {array.dtype.name}")
