"""The checksums that a zip archive keeps of its members, compared with what they hold."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from layercli.errors import FormatError
from layercli.formats.zip_archive import members_in, opened_member

BLOCK = 1 << 20


def archive_faults(file: Path) -> Iterator[tuple[str, str]]:
    """Yield a message and the name of each member whose bytes are not those it was written with; of no archive, nothing.

    A checksum of 0 is one that was not written.
    """
    with file.open("rb") as stream:
        if stream.read(2) != b"PK":
            return
    for info in [info for info in members_in(file) if info.CRC]:
        try:
            read_through(file, info)
        except FormatError:
            name = info.filename.removesuffix(".npy")
            yield f"{file}: the bytes of {info.filename!r} are not those that its checksum was made of", name


def read_through(file: Path, info: zipfile.ZipInfo) -> None:
    """Read a member to its end, where its checksum is compared."""
    with opened_member(file, info) as stream:
        while stream.read(BLOCK):
            pass
