"""Damage to files that knows their structure: to bytes, to numbers and lengths, to JSON, and to the members of archives."""

from __future__ import annotations

import io
import json
import random
import struct
import warnings
import zipfile
from typing import Any

NUMBERS = (0, 1, -1, 2**7, 2**8 - 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63 - 1)
"""Integers at which formats and programs go wrong."""
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**63, 10**30, 1.5, 1e308, "", "F32", "../x", "\x1b[2J", "a" * 1000, [], [1], [[[]]],
    [0, 0], [-1, 4], [2**62, 2**62], {}, {"a": 1},
)  # fmt: skip
"""JSON values to stand where another is expected."""


def mutated(raw: bytes, draw: random.Random) -> bytes:
    """Return a damaged copy of a file."""
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        raw = draw.choice(kinds_of(raw))(raw, draw)
    return raw


def kinds_of(raw: bytes) -> list[Any]:
    """Return the mutations that a file can have, those of its structure more often."""
    anywhere = [flipped, number, cut_short, removed, repeated]
    if raw.startswith(b"PK"):
        return [*anywhere, *[member] * 10]
    if raw[8:9] == b"{":
        return [*anywhere, *[header] * 10]
    return [*anywhere, number, number]


def place(raw: bytes, draw: random.Random) -> int:
    """Return an index into a file, more often one near its beginning, where headers are."""
    return draw.randrange(min(len(raw), draw.choice((16, 128, 1024, 1 << 30)))) if raw else 0


def flipped(raw: bytes, draw: random.Random) -> bytes:
    """Change one byte."""
    at = place(raw, draw)
    return raw[:at] + bytes([draw.randrange(256)]) + raw[at + 1 :]


def number(raw: bytes, draw: random.Random) -> bytes:
    """Write an integer over the bytes at an index."""
    at, form = place(raw, draw), draw.choice(("<B", "<H", "<I", "<Q", ">I", ">Q"))
    bits = 8 * struct.calcsize(form)
    written = struct.pack(form, draw.choice(NUMBERS) % (1 << bits))
    return raw[:at] + written + raw[at + len(written) :]


def cut_short(raw: bytes, draw: random.Random) -> bytes:
    """Leave out the end."""
    return raw[: place(raw, draw)]


def removed(raw: bytes, draw: random.Random) -> bytes:
    """Leave out some bytes."""
    at = place(raw, draw)
    return raw[:at] + raw[at + draw.choice((1, 2, 8, 100)) :]


def repeated(raw: bytes, draw: random.Random) -> bytes:
    """Have some bytes twice."""
    at = place(raw, draw)
    return raw[:at] + raw[at : at + draw.choice((1, 8, 100))] + raw[at:]


def member(raw: bytes, draw: random.Random) -> bytes:
    """Damage one member of an archive, rename it, leave it out, or have it twice; the archive itself stays whole."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    except Exception:  # it was damaged before
        return flipped(raw, draw)
    if not members:
        return raw
    at = draw.randrange(len(members))
    name, content = members[at]
    match draw.randrange(8):
        case 0:
            members.pop(at)
        case 1:
            members.append((name, content))
        case 2:
            members[at] = draw.choice(("../x", "", name + "/", name.upper(), "config.json")), content
        case _:
            members[at] = (
                name,
                json_mutated(content, draw) if content[:1] in b"{[" and content else mutated(content, draw),
            )
    made = io.BytesIO()
    with (
        warnings.catch_warnings(action="ignore"),
        zipfile.ZipFile(
            made, "w", draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
        ) as archive,
    ):
        for name, content in members:
            if not any(info.filename == name for info in archive.infolist()) or draw.random() < 0.1:
                archive.writestr(zipfile.ZipInfo(name), content)
    return made.getvalue()


def header(raw: bytes, draw: random.Random) -> bytes:
    """Damage a JSON header that its length precedes, which is then right again."""
    length = int.from_bytes(raw[:8], "little")
    changed = json_mutated(raw[8 : 8 + length], draw)
    return len(changed).to_bytes(8, "little") + changed + raw[8 + length :]


def json_mutated(raw: bytes, draw: random.Random) -> bytes:
    """Put another value in a place of a JSON document, leave a key out, or rename one."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return flipped(raw, draw)
    places = list(places_in(document))
    if not places:
        return raw
    holder, key = draw.choice(places)
    match draw.randrange(6):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[draw.choice(("", "x", "class_name", "__metadata__"))] = holder.pop(key)
        case 2:
            holder[key] = [holder[key]]
        case _:
            holder[key] = draw.choice(VALUES)
    return json.dumps(document).encode()


def places_in(value: Any) -> Any:
    """Yield every dict and list in a JSON value, with each of its keys or indices."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places_in(value[key])
