"""The message of an ``.onnx`` file without the values of its large tensors, which stay in the file.

protobuf parses a message as a whole, so reading a model of gigabytes would take gigabytes. Here the message is walked by its
length fields alone: each large ``raw_data`` of a tensor is replaced by an entry in ``external_data`` that says where in this file
the bytes are. Everything else is copied, and parsed by onnx.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from layercli.core.limits import DEPTH, DESCRIPTION
from layercli.formats.os_errors import reading

LARGE = 1 << 16
"""Values of fewer bytes are copied."""
INSIDE = "layercli.offset"
"""The key of the ``external_data`` entry of a tensor whose values are in the model file itself."""
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
"""protobuf's wire types."""
NESTED: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph"},
}
"""The fields of each message, by number, that may hold tensors."""
RAW_DATA, EXTERNAL_DATA, DATA_LOCATION = 9, 13, 14
"""Fields of a tensor."""


class NotWalkableError(Exception):
    """The bytes are not a protobuf message; onnx says what is wrong."""


class LargeField(NamedTuple):
    """A field of bytes in a message: its number, where its tag starts, and where its value starts and ends."""

    number: int
    tag: int
    start: int
    end: int


def without_values(file: Path) -> bytes:
    """Return the message in ``file`` with large values left in the file; FormatError if the rest is beyond the limit."""
    with reading(file), open(file, "rb") as stream:
        size = file.stat().st_size
        if size < LARGE:
            return stream.read()
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            try:
                parts = list(rewritten(content, "model", 0, len(content), DEPTH.value))
            except NotWalkableError:
                parts = [content]
            DESCRIPTION.check(file, sum(map(len, parts)))
            return b"".join(bytes(part) for part in parts)


def rewritten(content: mmap.mmap, message: str, start: int, end: int, depth: int) -> Iterator[bytes | mmap.mmap]:
    """Yield the bytes of the message that stands from ``start`` to ``end``, part by part."""
    copied = start
    for field in large_fields(content, start, end):
        if message == "tensor" and field.number == RAW_DATA:
            replacement = place(field.start, field.end - field.start)
        elif (inner := NESTED.get(message, {}).get(field.number)) is not None and depth:
            body = b"".join(map(bytes, rewritten(content, inner, field.start, field.end, depth - 1)))
            replacement = delimited(field.number, body)
        else:
            continue
        yield content[copied : field.tag]
        yield replacement
        copied = field.end
    yield content[copied:end]


def large_fields(content: mmap.mmap, start: int, end: int) -> Iterator[LargeField]:
    """Yield the fields of ``LARGE`` bytes and more between two positions; NotWalkableError if the bytes are no fields.

    Most tags and lengths take one byte, which is read here: a message may have a million fields.
    """
    at = start
    while at < end:
        tag, value = (content[at], at + 1) if content[at] < 128 else varint(content, at, end)
        wire, length = tag & 7, 0
        if wire == LENGTH:
            one = value < end and content[value] < 128
            length, value = (content[value], value + 1) if one else varint(content, value, end)
            after = value + length
        elif wire == VARINT:
            _, after = varint(content, value, end)
        elif wire in (FIXED64, FIXED32):
            after = value + (8 if wire == FIXED64 else 4)
        else:
            raise NotWalkableError
        if after > end:
            raise NotWalkableError
        if length >= LARGE:
            yield LargeField(tag >> 3, at, value, after)
        at = after


def varint(content: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    """Return the integer of variable length at ``at``, and the position after it."""
    value = 0
    for i in range(min(10, end - at)):
        byte = content[at + i]
        value |= (byte & 127) << 7 * i
        if byte < 128:
            return value, at + i + 1
    raise NotWalkableError


def delimited(number: int, body: bytes) -> bytes:
    """Return a field with bytes of that length."""
    return encoded(number << 3 | LENGTH) + encoded(len(body)) + body


def encoded(value: int) -> bytes:
    """Return an integer of variable length."""
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def place(offset: int, length: int) -> bytes:
    """Return the fields of a tensor that say that its values are ``length`` bytes from ``offset`` in this file."""
    entries = ((INSIDE, str(offset)), ("length", str(length)))
    stored = (delimited(1, key.encode()) + delimited(2, value.encode()) for key, value in entries)
    return b"".join(delimited(EXTERNAL_DATA, entry) for entry in stored) + encoded(DATA_LOCATION << 3) + b"\x01"
