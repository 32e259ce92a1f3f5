"""The metadata of a GGUF file as values: long lists, such as vocabularies, by their first entries and their length."""

from __future__ import annotations

import struct
from typing import Any

from layercli.formats.gguf import ARRAY, LONG, TEXT, UINT, GgufFile, Header

FORMS = dict(enumerate(map(struct.Struct, ("<B", "<b", "<H", "<h", "<I", "<i", "<f", "<?"))))
FORMS |= dict(zip((10, 11, 12), map(struct.Struct, ("<Q", "<q", "<d")), strict=True))
"""The layout of a number of each metadata type."""

SHOWN = 4
"""How many entries of a list are read."""


def metadata_of(file: GgufFile) -> dict[str, object]:
    """Return the metadata by key, in the order of the file, which was checked when it was opened."""
    begin, end, count = file.metadata_span
    with open(file.file, "rb") as stream:
        stream.seek(begin)
        header = Header(file.file, stream.read(end - begin))
    header.position = 0
    return dict(entry(header) for _ in range(count))


def entry(header: Header) -> tuple[str, Any]:
    """Read one entry."""
    name = header.text()
    return name, value(header, header.number(UINT))


def value(header: Header, kind: int) -> Any:
    """Read a value of that type."""
    if kind == TEXT:
        return text(header)
    if kind == ARRAY:
        inner, count = header.number(UINT), header.number(LONG)
        first = [value(header, inner) for _ in range(min(count, SHOWN))]
        header.skip_values(inner, count - len(first))
        return first if len(first) == count else [*first, f"... {count:,} in all"]
    form = FORMS[kind]
    return form.unpack_from(header.content, header.skip(form.size))[0]


def text(header: Header) -> str:
    """Read a string; what is not UTF-8 is written out."""
    start = header.skip(header.number(LONG))
    return bytes(header.content[start : header.position]).decode(errors="backslashreplace")
