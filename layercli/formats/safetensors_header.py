"""The header of a safetensors file: a description of each tensor, validated completely before it is used."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import IO, NamedTuple

from layercli.core.limits import MOST_DIMENSIONS
from layercli.errors import FormatError
from layercli.formats import strict_json
from layercli.formats.weight_file import (
    BITS,
    MOST_BYTES,
    UNKNOWN_DTYPE,
    TensorEntries,
    TensorEntry,
    TensorKind,
    is_sizes,
)

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


class SafetensorsHeader(NamedTuple):
    """What a header says: the writer's metadata, the tensors, and at which byte after ``start`` the values of each begin.

    ``begins`` is None where each tensor begins at the end of the one before it.
    """

    metadata: dict[str, str]
    entries: Mapping[str, TensorEntry]
    begins: dict[str, int] | None
    start: int


Range = tuple[TensorEntry, int, int]
Kind = tuple[str, tuple[int, ...]]
"""A dtype as the header has it, and a shape."""


def read_header(file: Path, stream: IO[bytes], size: int) -> SafetensorsHeader:
    """Return the header of a file of ``size`` bytes; FormatError if it is invalid."""
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
    raw = stream.read(length)
    return compact_header(raw, size, LENGTH + length) or read_any(file, raw, size, LENGTH + length)


ITEM = re.compile(
    r'"([^"\\\x00-\x1f]*+)":\{("dtype":"[A-Z0-9_]++","shape":\[[0-9,]*+\]),'
    r'"data_offsets":\[(0|[1-9][0-9]{0,18}+),([1-9][0-9]{0,18}+)\]\},'
)
"""A tensor as the package writes it: its name, its dtype and shape, and where its values begin and end."""
METADATA = '{"__metadata__":{'


def compact_header(raw: bytes, size: int, start: int) -> SafetensorsHeader | None:
    """Return a header that the package wrote: without spaces, names without escapes, the tensors as they follow each other.

    None for any other header, valid or not: ``read_any`` reads it tensor by tensor, in five times the time.
    """
    try:
        text = raw.decode().rstrip(" ")
        metadata, at = read_first(text)
        found = ITEM.split(f"{text[at:-1]},")
        between, names, kinds, first, last = (found[i::5] for i in range(5))
        if not names or any(between) or text[0] + text[-1] != "{}":
            return None
        described = {kind: read_kind(kind) for kind in set(kinds)}
    except (ValueError, RecursionError):
        return None
    ends = list(map(int, last))
    expected = list(accumulate([described[kind][1] for kind in kinds]))
    if ends != expected or first != ["0", *last[:-1]] or ends[-1] != size - start:
        return None
    held = dict(zip(names, [described[kind][0] for kind in kinds], strict=True))
    if len(held) < len(names) or "__metadata__" in held:
        return None
    return SafetensorsHeader(metadata, TensorEntries(held), None, start)


def read_first(text: str) -> tuple[dict[str, str], int]:
    """Return the metadata at the start of a header, and where its tensors begin; ValueError for metadata that may be invalid."""
    if not text.startswith(METADATA):
        return {}, len("{")
    pairs, end = json.JSONDecoder(object_pairs_hook=tuple).raw_decode(text, len(METADATA) - 1)
    found = dict(pairs)
    if len(found) < len(pairs) or not all(type(x) is str for x in found.values()) or "\\u" in text[:end]:
        raise ValueError
    return found, text.index(",", end, end + 1) + 1


@lru_cache(1024)
def read_kind(text: str) -> tuple[TensorKind, int]:
    """Return what tensors are that are so described, and the bytes of each; ValueError for what may be invalid."""
    found = json.loads(f"{{{text}}}")
    shape, dtype = tuple(found["shape"]), DTYPES.get(found["dtype"])
    bits = 0 if dtype is None else math.prod(shape) * BITS[dtype]
    if dtype is None or bits % 8 or not 0 < bits <= MOST_BITS or len(shape) > MOST_DIMENSIONS:
        raise ValueError
    return (shape, dtype), bits // 8


def read_any(file: Path, raw: bytes, size: int, start: int) -> SafetensorsHeader:
    """Return any header; FormatError if it is invalid."""
    header = strict_json.parse(file, raw, "a header", made=Descriptions().made)
    if not isinstance(header, dict):
        raise FormatError(f"{file} has a header that is not a JSON object", code="bad-header")
    metadata = read_metadata(file, header.pop("__metadata__", {}))
    entries: dict[str, TensorEntry] = {}
    begins: dict[str, int] = {}
    ends: list[int] = [0]
    lengths: dict[Kind, int] = {}
    for name, value in header.items():
        found = read_like(name, value, lengths) or read_range(file, name, as_object(value), lengths)
        entries[name], begins[name], end = found
        ends.append(end)
        header[name] = None  # of a million tensors it takes a quarter of a gigabyte
    if ends.pop() == size - start and list(begins.values()) == ends:
        return SafetensorsHeader(metadata, entries, None, start)
    check_tiling(file, entries, begins, size - start)
    return SafetensorsHeader(metadata, entries, begins, start)


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
    if not is_sizes(shape, list):
        raise FormatError(f"{file}: {name!r} has the shape {shape!r}, which is not a list of sizes", code="bad-shape")
    if not is_sizes(offsets, list) or len(offsets) != 2:
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
    for entry in sorted(entries.values(), key=lambda entry: (begins[entry.path], entry.bytes)):
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
