"""GGUF: a header with metadata and tensor descriptions, then the tensors, most of them quantized in blocks.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. The optional package ``gguf`` knows the types and
dequantizes blocks. Its reader creates an array for every word of a vocabulary (10 s and 600 MB for one of 128,000) and trusts
the counts in a file; so the header is parsed here, and metadata values are skipped.
"""

from __future__ import annotations

import mmap
import os
import struct
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from layercli.core.limits import MOST_DIMENSIONS
from layercli.errors import FormatError, MissingPackageError
from layercli.formats.gguf_split import SPLIT, SplitPart
from layercli.formats.os_errors import reading
from layercli.formats.tensor_data import Layout, TensorData
from layercli.formats.weight_file import TensorEntry, missing

if TYPE_CHECKING:
    import numpy as np

VERSIONS = (2, 3)
PLAIN = {"f16": "float16", "f32": "float32", "f64": "float64", "bf16": "bfloat16"} | {
    f"i{bits}": f"int{bits}" for bits in (8, 16, 32, 64)
}
"""The unblocked types, by our dtype names."""
BYTE, UINT, LONG = struct.Struct("<B"), struct.Struct("<I"), struct.Struct("<Q")
SIZES = dict(enumerate((1, 1, 2, 2, 4, 4, 4, 1, None, None, 8, 8, 8)))
"""The size in bytes of each metadata type; strings and arrays have variable sizes."""
UINT32, TEXT, ARRAY = 4, 8, 9
DEEPEST = 8
"""The maximum nesting of arrays."""
ALIGNMENT = "general.alignment"
COUNTS = {kind: struct.Struct(form) for kind, form in ((2, "<H"), (3, "<h"), (4, "<I"), (5, "<i"))}
"""The types of the numbers of a split model."""


def gguf() -> Any:
    """Return the package gguf; MissingPackageError names the extra that installs it."""
    try:
        import gguf
    except ModuleNotFoundError:
        raise MissingPackageError(
            "reading GGUF needs gguf, which is not installed", hint="pip install 'layercli[gguf]'"
        ) from None
    return gguf


class GgufPosition(NamedTuple):
    """The offset of a tensor, and the values and bytes of its blocks, for a type of the package."""

    start: int
    kind: Any
    values: int
    bytes: int


class GgufFile:
    """A ``.gguf`` file. A quantized entry has its type's name as dtype (``q4_k``) and is read as ``float32``.

    Shapes are in numpy's order: the last axis varies fastest. Raises FileError if it cannot be read, FormatError for an
    invalid header, MissingPackageError without the package.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.file = Path(path)
        with reading(self.file), open(self.file, "rb") as stream, mapped(stream) as content:
            header = Header(self.file, content)
            found = header.tensors(gguf())
        self.metadata_span, self.alignment, self.begin = header.span, header.alignment, header.begin
        self.part = SplitPart.of(header.split)
        self.notes = [f"this is {self.part}: the other files are not read"] if self.part else []
        self.entries = {entry.path: entry for entry, _ in found}
        self.places = {entry.path: place for entry, place in found}

    def read(self, path: str) -> np.ndarray:
        """Return the values of the entry ``path``; unblocked ones are memory-mapped."""
        import numpy as np

        if (block := self._block(path)) is not None:
            return block.read()
        entry, position = self.entries[path], 0
        flat = np.empty(entry.size, np.float32)
        for chunk in self._numbers(path, 1 << 20):
            flat[position : position + len(chunk)] = chunk
            position += len(chunk)
        flat.flags.writeable = False
        return flat.reshape(entry.shape)

    def chunks(self, path: str, values: int = 1 << 20) -> Iterator[np.ndarray]:
        """Yield the values of the entry ``path``, flat, at most ``values`` at a time."""
        block = self._block(path)
        return self._numbers(path, values) if block is None else block.chunks(values)

    def stored(self, path: str) -> np.ndarray:
        """Return the values of the entry ``path`` as they lie, mapped: those of a quantized one as bytes."""
        if (block := self._block(path)) is not None:
            return block.stored()
        entry = TensorEntry(path, (self.entries[path].bytes,), "uint8")
        return TensorData(self.file, self.places[path].start, Layout(entry)).stored()

    def _block(self, path: str) -> TensorData | None:
        if path not in self.entries:
            raise missing(self.file, path, self.entries)
        entry, place = self.entries[path], self.places[path]
        return TensorData(self.file, place.start, Layout(entry)) if entry.dtype in PLAIN.values() else None

    def _numbers(self, path: str, values: int) -> Iterator[np.ndarray]:
        if (why := self.entries[path].unreadable) is not None:
            raise FormatError(f"{self.file}: the values of {path!r} cannot be read, as {why}")
        place, left = self.places[path], self.entries[path].bytes
        most = max(1, values // place.values) * place.bytes
        with reading(self.file), open(self.file, "rb") as stream:
            stream.seek(place.start)
            while left:
                raw = stream.read(min(most, left))
                if len(raw) != min(most, left):
                    raise FormatError(f"{self.file} ends within the values of {path!r}", code="truncated")
                left -= len(raw)
                numbers = self._dequantized(path, raw)
                yield from (numbers[start : start + values] for start in range(0, len(numbers), values))

    def _dequantized(self, path: str, raw: bytes) -> np.ndarray:
        import numpy as np

        package, kind = gguf(), self.places[path].kind
        try:
            with np.errstate(all="ignore"):  # a scale may be infinite or NaN
                numbers: np.ndarray = package.dequantize(np.frombuffer(raw, np.uint8).reshape(1, -1), kind)
        except NotImplementedError:
            raise FormatError(
                f"{self.file}: the values of {path!r} cannot be read, as gguf has no numbers for {kind.name}"
            ) from None
        return numbers.reshape(-1)


def with_sizes(described: list[tuple[TensorEntry, GgufPosition]], end: int) -> list[tuple[TensorEntry, GgufPosition]]:
    """Return the entries, those of an unknown type with the bytes up to the next tensor or the ``end``."""
    starts = sorted({place.start for _, place in described} | {end})

    def sized(entry: TensorEntry, place: GgufPosition) -> TensorEntry:
        after = bisect_right(starts, place.start)
        return entry._replace(held=starts[after] - place.start if after < len(starts) else 0)

    return [(entry if entry.opaque is None else sized(entry, place), place) for entry, place in described]


def mapped(stream: Any) -> mmap.mmap:
    """Memory-map an open file."""
    return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)


@lru_cache(maxsize=128)
def of_rank(rank: int) -> struct.Struct:
    """Return the sizes of a tensor of that rank, its type and its offset."""
    return struct.Struct(f"<{rank}QIQ")


@lru_cache(maxsize=256)
def kind_of(package: Any, number: int) -> Any:
    """Return the type of this number, None for one that the package does not know."""
    try:
        return package.GGMLQuantizationType(number)
    except ValueError:
        return None


class Header:
    """The header of a file, and the read position."""

    def __init__(self, file: Path, content: mmap.mmap | bytes) -> None:
        self.file = file
        self.content = content
        self.position = 4  # after the magic
        self.end = len(content)
        self.alignment = 32
        self.split: dict[str, int] = {}
        self.like: dict[tuple[tuple[int, ...], int], tuple[TensorEntry, GgufPosition]] = {}
        self.span = (self.position, self.position, 0)
        """Where the metadata begin and end, and how many entries they have."""
        self.begin = 0
        """Where the tensors begin."""

    def tensors(self, package: Any) -> list[tuple[TensorEntry, GgufPosition]]:
        """Return the entries with their positions."""
        version = self.number(UINT)
        if version not in VERSIONS:
            swapped = version & 0xFFFF == 0 and version
            shown = (
                "big-endian GGUF, which layercli does not read" if swapped else f"version {version} of GGUF, not 2 or 3"
            )
            raise FormatError(f"{self.file} is {shown}", code="bad-header")
        count, settings = self.number(LONG), self.number(LONG)
        begin = self.position
        for _ in range(settings):
            self.setting()
        self.span = (begin, self.position, settings)
        described = [self.described(package) for _ in range(count)]
        self.begin = start = -(-self.position // self.alignment) * self.alignment
        described = with_sizes(described, len(self.content) - start)
        found: dict[str, tuple[TensorEntry, GgufPosition]] = {}
        for entry, place in described:
            if entry.path in found:
                raise FormatError(f"{self.file} holds {entry.path!r} twice", code="duplicate")
            found[entry.path] = entry, place._replace(start=start + place.start)
        free = start
        for entry, place in sorted(found.values(), key=lambda each: each[1].start):
            size = entry.bytes
            if (end := place.start + size) > self.end:
                raise FormatError(
                    f"{self.file}: {entry.path!r} reaches to byte {end:,} of a file of {self.end:,}", code="truncated"
                )
            if size and place.start < free:
                text = f"overlaps another tensor: it begins at byte {place.start:,}, not {free:,}"
                raise FormatError(f"{self.file}: {entry.path!r} {text}", code="overlap")
            free = max(free, end)
        return list(found.values())

    def number(self, form: struct.Struct) -> int:
        """Read the next number."""
        return self.numbers(form)[0]

    def numbers(self, form: struct.Struct) -> tuple[int, ...]:
        """Read the next numbers."""
        start = self.position
        self.position += form.size
        if self.position > self.end:
            raise FormatError(f"{self.file} ends within its header", code="truncated")
        return form.unpack_from(self.content, start)

    def skip(self, count: int) -> int:
        """Skip ``count`` bytes and return their offset."""
        start = self.position
        if count > len(self.content) - start:
            raise FormatError(f"{self.file} ends within its header", code="truncated")
        self.position += count
        return start

    def text(self) -> str:
        """Read the next string."""
        start = self.position + LONG.size
        self.position = end = start + self.number(LONG)
        if end > self.end:
            raise FormatError(f"{self.file} ends within its header", code="truncated")
        try:
            return self.content[start:end].decode()
        except UnicodeDecodeError:
            raise FormatError(f"{self.file} has a name in its header that is not UTF-8", code="bad-header") from None

    def setting(self) -> None:
        """Skip a metadata entry, except the alignment, which is kept."""
        name, kind = self.text(), self.number(UINT)
        if name in SPLIT and kind in COUNTS:
            self.split[name] = self.number(COUNTS[kind])
            return
        if name != ALIGNMENT:
            self.value(kind)
            return
        self.alignment = self.number(UINT) if kind == UINT32 else 0
        if self.alignment < 1 or self.alignment & (self.alignment - 1):
            raise FormatError(f"{self.file} has a {ALIGNMENT} that is not a power of two", code="bad-header")

    def value(self, kind: int, depth: int = 0) -> None:
        """Skip a value of that metadata type."""
        if kind not in SIZES or depth > DEEPEST:
            raise FormatError(
                f"{self.file} has metadata of type {kind}, which GGUF does not define, or not at that depth",
                code="bad-header",
            )
        if kind == TEXT:
            self.skip(self.number(LONG))
        elif kind == ARRAY:
            inner, count = self.number(UINT), self.number(LONG)
            self.skip_values(inner, count, depth)
        else:
            self.skip(SIZES[kind] or 0)

    def skip_values(self, kind: int, count: int, depth: int = 0) -> None:
        """Skip so many values of that metadata type."""
        if (size := SIZES.get(kind)) is not None:
            self.skip(size * count)
        elif kind == TEXT:
            self.texts(count)
        else:
            for _ in range(count):
                self.value(kind, depth + 1)

    def texts(self, count: int) -> None:
        """Skip ``count`` strings at once, because a vocabulary has too many for ``skip``."""
        position, end, length_at = self.position, len(self.content), LONG.unpack_from
        for _ in range(count):
            if position + LONG.size > end:
                raise FormatError(f"{self.file} ends within its header", code="truncated")
            position += LONG.size + length_at(self.content, position)[0]
        self.skip(position - self.position)

    def described(self, package: Any) -> tuple[TensorEntry, GgufPosition]:
        """Return the description of a tensor, with its offset relative to the start of the data."""
        name, rank = self.text(), self.number(UINT)
        if rank > MOST_DIMENSIONS:
            raise FormatError(
                f"{self.file}: {name!r} has {rank:,} dimensions, and an array has {MOST_DIMENSIONS} at most",
                code="bad-shape",
            )
        *sizes, number, start = self.numbers(of_rank(rank))
        shape = tuple(reversed(sizes))
        if (like := self.like.get((shape, number))) is not None:  # models have thousands of tensors of a few shapes
            entry, place = like
            return TensorEntry(name, shape, entry.dtype, entry.held), place._replace(start=start)
        where = f"{self.file}: {name!r}"
        if not TensorEntry(name, shape, "float64").fits:
            raise FormatError(f"{where} has the shape {list(shape)}, which is too large to exist", code="bad-shape")
        kind = kind_of(package, number)
        if kind is None:
            why = f"of type {number}, which this release of gguf does not know"
            return TensorEntry(name, shape, f"type_{number}", 0, None, why), GgufPosition(start, None, 1, 1)
        values, size = package.GGML_QUANT_SIZES[kind]
        name_of_kind = kind.name.lower()
        row = shape[-1] if shape else 1
        if row % values:
            raise FormatError(
                f"{where} has rows of {row:,} values, and {name_of_kind} has blocks of {values}", code="bad-shape"
            )
        plain = TensorEntry(name, shape, PLAIN.get(name_of_kind, name_of_kind))
        held = None if name_of_kind in PLAIN else plain.size // values * size
        found = TensorEntry(name, shape, plain.dtype, held), GgufPosition(start, kind, values, size)
        self.like[shape, number] = found
        return found
