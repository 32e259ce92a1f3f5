"""A GGUF file written tensor by tensor: the metadata, what places every tensor, then their bytes, each at the alignment."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import IO, Any

from layercli.dataclass import dataclass
from layercli.errors import UsageError
from layercli.formats.gguf import PLAIN, GgufFile, gguf
from layercli.formats.os_errors import reading
from layercli.formats.tensor_stream import TensorStream

KINDS = {ours: theirs.upper() for theirs, ours in PLAIN.items()}
MOST_AXES = 4
TEXT = 8


@dataclass(frozen=True)
class GgufMetadata:
    """The metadata of a file as its bytes: ``count`` entries, and the alignment that they say."""

    raw: bytes
    count: int
    alignment: int = 32

    @staticmethod
    def of(file: GgufFile) -> GgufMetadata:
        """Return the metadata of a file."""
        begin, end, count = file.metadata_span
        with reading(file.file), open(file.file, "rb") as stream:
            stream.seek(begin)
            return GgufMetadata(stream.read(end - begin), count, file.alignment)

    @staticmethod
    def named(name: str) -> GgufMetadata:
        """Return metadata that hold a name alone."""
        return GgufMetadata(text("general.name") + struct.pack("<I", TEXT) + text(name), 1)


def write_gguf(stream: IO[bytes], tensors: Sequence[TensorStream], metadata: GgufMetadata) -> None:
    """Write tensors; one that shares another's values is left out."""
    kept = [each for each in tensors if each.entry.same_as is None]
    described, position = b"", 0
    for each in kept:
        entry = each.entry
        if len(entry.shape) > MOST_AXES:
            raise UsageError(f"GGUF holds {MOST_AXES} dimensions at most, and {entry.path!r} has {len(entry.shape)}")
        sizes = struct.pack(f"<{len(entry.shape)}Q", *reversed(entry.shape))
        described += text(entry.path) + struct.pack("<I", len(entry.shape)) + sizes
        described += struct.pack("<IQ", kind_of(entry.path, entry.dtype).value, position)
        position += padded(entry.bytes, metadata.alignment)
    header = b"GGUF" + struct.pack("<IQQ", 3, len(kept), metadata.count) + metadata.raw + described
    stream.write(header + b"\0" * (padded(len(header), metadata.alignment) - len(header)))
    for each in kept:
        for block in each.blocks():
            stream.write(block.data)
        stream.write(b"\0" * (padded(each.entry.bytes, metadata.alignment) - each.entry.bytes))


def kind_of(path: str, dtype: str) -> Any:
    """Return GGUF's type for a dtype of ours; UsageError where it has none."""
    name = KINDS.get(dtype, dtype.upper())
    kinds = gguf().GGMLQuantizationType
    if name not in kinds.__members__:
        raise UsageError(f"GGUF has no type for {path!r} of {dtype}", hint="--dtype float32 makes it one that has")
    return kinds[name]


def padded(count: int, alignment: int) -> int:
    """Return the next multiple of the alignment."""
    return -(-count // alignment) * alignment


def text(value: str) -> bytes:
    """Return a text as GGUF has it."""
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw
