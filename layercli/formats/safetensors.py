"""safetensors: an 8-byte length N, N bytes of JSON that describe every tensor, then the tensors, end to end.

Format: https://github.com/huggingface/safetensors#format. The header is validated completely before it is used: names are
unique, dtypes known, and the byte ranges cover the rest of the file exactly.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from layercli.core.limits import MOST_DIMENSIONS
from layercli.errors import FormatError, UsageError
from layercli.formats import strict_json
from layercli.formats.atomic import staged
from layercli.formats.os_errors import reading
from layercli.formats.tensor_data import Layout, TensorData
from layercli.formats.weight_file import BITS, MOST_BYTES, UNKNOWN_DTYPE, TensorEntry, missing

if TYPE_CHECKING:
    import numpy as np

LENGTH = 8
LONGEST_HEADER = 100_000_000
TEXT = frozenset(b"\t\n\r" + bytes(range(32, 127)))
"""The bytes of ASCII text."""
MOST_BITS = 8 * MOST_BYTES
DTYPES = {
    "BOOL": "bool",
    "F4": "float4_e2m1fn",
    "F6_E2M3": "float6_e2m3fn",
    "F6_E3M2": "float6_e3m2fn",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2": "float8_e5m2",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E8M0": "float8_e8m0fnu",
    "BF16": "bfloat16",
    **{f"F{bits}": f"float{bits}" for bits in (16, 32, 64)},
    **{f"I{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"U{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
    "C64": "complex64",
}
NAME = re.compile(r"[A-Z][A-Z0-9_]{0,31}")
"""What a dtype may be called; a tensor of one that is not known is listed by its bytes."""
#: The numpy dtypes that can be written.
WRITABLE = set(DTYPES.values())


class SafetensorsFile:
    """A ``.safetensors`` file; ``metadata`` are the strings its writer stored.

    Raises FileError if it cannot be read, FormatError for an invalid header.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.file = Path(path)
        with reading(self.file), open(self.file, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            header, start = read_header(self.file, stream, size)
        self.metadata = read_metadata(self.file, header.pop("__metadata__", {}))
        self.entries: dict[str, TensorEntry] = {}
        begins: dict[str, int] = {}
        ends: list[int] = [0]
        lengths: dict[Kind, int] = {}
        for name, value in header.items():
            found = read_like(name, value, lengths) or read_range(self.file, name, as_object(value), lengths)
            self.entries[name], begins[name], end = found
            ends.append(end)
            header[name] = None  # of a million tensors it takes a quarter of a gigabyte
        in_order = ends.pop() == size - start and list(begins.values()) == ends
        if not in_order:  # most headers list the tensors as they follow each other in the file
            check_tiling(self.file, self.entries, begins, size - start)
        self._start, self._begins = start, begins

    def read(self, path: str) -> np.ndarray:
        """Return the values of the entry ``path``, memory-mapped."""
        return self._block(path).read()

    def chunks(self, path: str, values: int = 1 << 20) -> Iterator[np.ndarray]:
        """Yield the values of the entry ``path``, flat, at most ``values`` at a time."""
        return self._block(path).chunks(values)

    def stored(self, path: str) -> np.ndarray:
        """Return the undecoded values of the entry ``path``, mapped copy-on-write."""
        return self._block(path).stored(own=True)

    def _block(self, path: str) -> TensorData:
        if path not in self.entries:
            raise missing(self.file, path, self.entries)
        if (entry := self.entries[path]).opaque is not None:
            raise FormatError(f"{self.file}: the values of {path!r} cannot be read, as {entry.unreadable}")
        return TensorData(self.file, self._start + self._begins[path], Layout(entry))


Range = tuple[TensorEntry, int, int]
Kind = tuple[str, tuple[int, ...]]
"""A dtype as the header has it, and a shape."""


def read_header(file: Path, stream: IO[bytes], size: int) -> tuple[dict[str, object], int]:
    """Return the header of a file of ``size`` bytes, and the offset at which its tensors start."""
    if size < LENGTH:
        raise FormatError(
            f"{file} is cut short: it has {size} bytes, and a safetensors file begins with {LENGTH}", code="truncated"
        )
    start = stream.read(LENGTH)
    length = int.from_bytes(start, "little")
    if all(byte in TEXT for byte in start):  # as a length, such bytes are above the limit
        raise FormatError(f"{file} is text, not a safetensors file", code="bad-header")
    if length > LONGEST_HEADER:
        raise FormatError(
            f"{file} claims a header of {length:,} bytes, and safetensors allows {LONGEST_HEADER:,}", code="bad-header"
        )
    if LENGTH + length > size:
        raise FormatError(
            f"{file} is cut short: its header takes {length:,} bytes, and {size - LENGTH:,} follow", code="truncated"
        )
    header = strict_json.parse(file, stream.read(length), "a header", made=Descriptions().made)
    if not isinstance(header, dict):
        raise FormatError(f"{file} has a header that is not a JSON object", code="bad-header")
    return header, LENGTH + length


def read_metadata(file: Path, value: object) -> dict[str, str]:
    """Return the writer's metadata, a JSON object of strings."""
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise FormatError(f"{file} has metadata that is not an object of strings", code="bad-header")
    return value


class Description(NamedTuple):
    """A tensor as the header describes it, in a third of the memory of its JSON: models have many of a few kinds."""

    kind: Kind
    begin: int
    end: int


INTEGERS = frozenset({int})


class Descriptions:
    """Makes descriptions whose kinds, if equal, are one."""

    def __init__(self) -> None:
        self._kinds: dict[Kind, Kind] = {}

    def made(self, pairs: strict_json.Pairs) -> Description | None:
        """Return the description in an object of the JSON; None if it holds anything but a dtype and lists of integers."""
        if len(pairs) != 3:
            return None
        value = dict(pairs)
        try:
            dtype, shape, (begin, end) = value["dtype"], value["shape"], value["data_offsets"]
        except (KeyError, TypeError, ValueError):
            return None
        if type(dtype) is not str or type(shape) is not list or type(begin) is not int or type(end) is not int:
            return None
        if not INTEGERS.issuperset(map(type, shape)):
            return None
        kind = dtype, tuple(shape)
        return Description(self._kinds.setdefault(kind, kind), begin, end)


def as_object(value: object) -> object:
    """Return the object of the JSON that a description was made from; another value unchanged."""
    if not isinstance(value, Description):
        return value
    dtype, shape = value.kind
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [value.begin, value.end]}


def read_like(name: str, value: object, lengths: Mapping[Kind, int]) -> Range | None:
    """Return the entry of a tensor that is valid as it has the dtype, the shape and the size of one before; None for any other."""
    if isinstance(value, Description):
        kind, begin, end = value
        if lengths.get(kind) == end - begin and begin >= 0:
            return TensorEntry(name, kind[1], DTYPES[kind[0]]), begin, end
    return None


def read_range(file: Path, name: str, value: object, lengths: dict[Kind, int]) -> Range:
    """Return the entry that ``value``, the header's item for ``name``, describes, with its first and last offset.

    Its size in bytes is added to ``lengths``.
    """
    if not isinstance(value, dict) or not described(value):
        raise FormatError(f"{file}: {name!r} is not described by dtype, shape and data_offsets", code="bad-header")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or not (dtype in DTYPES or NAME.fullmatch(dtype)):
        raise FormatError(
            f"{file}: {name!r} has the dtype {dtype!r}, which safetensors does not have", code="bad-dtype"
        )
    if not is_sizes(shape):
        raise FormatError(f"{file}: {name!r} has the shape {shape!r}, which is not a list of sizes", code="bad-shape")
    if not is_sizes(offsets) or len(offsets) != 2:
        raise FormatError(
            f"{file}: {name!r} has the data_offsets {offsets!r}, which are not a first and a last", code="bad-header"
        )
    if dtype in DTYPES:
        entry = TensorEntry(name, tuple(shape), DTYPES[dtype])
        check_extent(file, entry, *offsets)
        lengths[dtype, entry.shape] = offsets[1] - offsets[0]
    elif offsets[0] > offsets[1]:
        raise FormatError(f"{file}: {name!r} ends before it begins", code="wrong-length")
    else:
        held = offsets[1] - offsets[0]
        entry = TensorEntry(name, tuple(shape), dtype.lower(), held=held, opaque=UNKNOWN_DTYPE + dtype)
    return entry, offsets[0], offsets[1]


def described(value: dict[str, object]) -> bool:
    """Return whether ``value`` has all that describes a tensor."""
    return "dtype" in value and "shape" in value and "data_offsets" in value


def is_sizes(value: object) -> bool:
    """Return whether ``value`` is a list of non-negative integers."""
    if not isinstance(value, list):
        return False
    for size in value:  # noqa: SIM110 - a generator costs more than the loop, for each of 100,000 tensors
        if type(size) is not int or size < 0:
            return False
    return True


def check_extent(file: Path, entry: TensorEntry, begin: int, end: int) -> None:
    """Raise FormatError unless the values of ``entry`` take exactly the bytes from ``begin`` to ``end``."""
    bits = entry.size * BITS[entry.dtype]
    if 0 < bits == 8 * (end - begin) <= MOST_BITS and len(entry.shape) <= MOST_DIMENSIONS:
        return
    if not entry.fits:
        raise FormatError(
            f"{file}: {entry.path!r} has the shape {list(entry.shape)}, which is too large to exist", code="bad-shape"
        )
    if bits % 8:
        raise FormatError(f"{file}: {entry.path!r} ends within a byte", code="wrong-length")
    if end - begin != entry.bytes:
        raise FormatError(
            f"{file}: {entry.path!r} takes {entry.bytes:,} bytes by its shape {list(entry.shape)} and dtype "
            f"{entry.dtype}, and {end - begin:,} by its data_offsets",
            code="wrong-length",
        )


def check_tiling(file: Path, entries: dict[str, TensorEntry], begins: dict[str, int], available: int) -> None:
    """Raise FormatError unless the ranges of ``entries`` follow each other without gaps or overlaps and cover the file."""
    position = 0
    for entry in in_file_order(entries, begins):
        begin = begins[entry.path]
        if begin != position:
            code, fault = (
                ("overlap", "overlaps another tensor") if begin < position else ("gap", "leaves a gap before it")
            )
            raise FormatError(
                f"{file}: {entry.path!r} {fault}: it begins at byte {begin:,}, not {position:,}", code=code
            )
        position += entry.bytes
    if position > available:
        raise FormatError(
            f"{file} is cut short: its tensors take {position:,} bytes, and {available:,} follow", code="truncated"
        )
    if position < available:
        raise FormatError(f"{file} has {available - position:,} bytes after its last tensor", code="trailing-bytes")


def in_file_order(entries: dict[str, TensorEntry], begins: dict[str, int]) -> list[TensorEntry]:
    """Return the entries in the order of their bytes, which is mostly that of the header."""
    found = list(entries.values())
    if list(begins.values()) == list(accumulate((entry.bytes for entry in found[:-1]), initial=0)):
        return found
    return sorted(found, key=lambda entry: (begins[entry.path], entry.bytes))


def save(path: str | os.PathLike[str], arrays: dict[str, np.ndarray], metadata: dict[str, str] | None = None) -> None:
    """Write ``arrays`` as the safetensors file ``path``, atomically.

    Raises UsageError for values safetensors has no dtype for, FileError if the file cannot be written.

    >>> import numpy as np
    >>> save("model.safetensors", {"dense/kernel": np.zeros((4, 3), np.float32)})
    >>> SafetensorsFile("model.safetensors").entries["dense/kernel"].shape
    (4, 3)
    """
    from safetensors.numpy import save_file

    contiguous = {name: writable_array(name, array) for name, array in arrays.items()}
    with staged(path) as temporary, system_errors():
        save_file(contiguous, temporary, metadata)


def writable_array(name: str, array: np.ndarray) -> np.ndarray:
    """Return ``array`` contiguous, because the package writes memory without regard to strides."""
    import numpy as np

    if name == "__metadata__":
        raise UsageError("cannot save a tensor named '__metadata__', which safetensors keeps for itself")
    if array.dtype.name not in WRITABLE:
        raise UsageError(f"cannot save {name!r}: safetensors has no dtype for values of {array.dtype.name}")
    return np.asarray(array, order="C")


@contextmanager
def system_errors() -> Iterator[None]:
    """Convert the package's exceptions to the OSError whose number they contain."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        raise OSError(int(number[1]) if number else None, str(error)) from error
