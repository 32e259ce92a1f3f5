"""Zip archives: the list of their members, which is read once, and the bytes of one member.

``zipfile`` reads the whole list whenever it opens an archive: once a tensor would be quadratic, so members are read by the list
that is kept.
"""

from __future__ import annotations

import errno
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, cast

from layercli.errors import FormatError
from layercli.formats.os_errors import lower_first, reading

LOCAL_MAGIC = b"PK\3\4"
ENCRYPTED = 1
LOCAL_HEADER = struct.Struct("<4s5H3L2H")
SETTLED = 2 * 10**9
"""The age in nanoseconds from which the time of a file's last change tells whether it has changed since."""


@contextmanager
def archive(file: Path) -> Iterator[zipfile.ZipFile]:
    """Yield the zip archive ``file``; convert errors, including those of the body, to FormatError."""
    with damage_as_format_error(file), zipfile.ZipFile(file) as zipped:
        check_first(zipped.filelist)
        check_not_encrypted(file, zipped.filelist)
        yield zipped


@contextmanager
def damage_as_format_error(file: Path) -> Iterator[None]:
    """Raise the errors of ``zipfile`` inside the block as FormatError."""
    with reading(file):
        try:
            yield
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeError) as error:
            fault = lower_first(str(error)) or "it ends too early"
            raise FormatError(f"{file} is a damaged zip archive: {fault}", code="bad-archive") from None
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            raise FormatError(
                f"{file} is a damaged zip archive: it points outside itself", code="bad-archive"
            ) from None


def check_first(members: list[zipfile.ZipInfo]) -> None:
    """Raise BadZipFile unless a member is at the start of the file."""
    if min((info.header_offset for info in members), default=0) > 0:
        raise zipfile.BadZipFile("its list of members is that of another archive within it")


def check_not_encrypted(file: Path, members: list[zipfile.ZipInfo]) -> None:
    """Raise FormatError for a member that only a password opens."""
    for info in members:
        if info.flag_bits & ENCRYPTED:
            raise FormatError(f"{file}: {info.filename!r} is encrypted", code="unreadable")


def members_in(file: Path) -> list[zipfile.ZipInfo]:
    """Return the members of the zip archive ``file``; the list of one that does not change meanwhile is read once."""
    with reading(file):
        found = file.stat()
    settled = time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) > SETTLED
    state = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return kept_members(file, state) if settled else read_members(file)


def read_members(file: Path) -> list[zipfile.ZipInfo]:
    """Read the list of members."""
    with archive(file) as zipped:
        return zipped.filelist


@lru_cache(maxsize=2)
def kept_members(file: Path, state: tuple[int, ...]) -> list[zipfile.ZipInfo]:
    """Read the list of members of a file in this ``state``."""
    return read_members(file)


@contextmanager
def opened_member(file: Path, info: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    """Yield the content of a member as a stream, inflated and compared with its checksum at the end."""
    with damage_as_format_error(file), open(file, "rb") as stream, inflated(file, stream, info) as content:
        yield content


def inflated(file: Path, stream: IO[bytes], info: zipfile.ZipInfo) -> IO[bytes]:
    """Return the content of a member of the archive that is open as ``stream``."""
    stream.seek(content_start(file, stream, info))
    return cast("IO[bytes]", zipfile.ZipExtFile(stream, "r", info))


def member_start(file: Path, info: zipfile.ZipInfo) -> int:
    """Return the offset of a member's content, after its local header."""
    with reading(file), open(file, "rb") as stream:
        return content_start(file, stream, info)


def content_start(file: Path, stream: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Return the offset of a member's content in the archive that is open as ``stream``."""
    stream.seek(info.header_offset)
    header = stream.read(LOCAL_HEADER.size)
    if len(header) != LOCAL_HEADER.size or not header.startswith(LOCAL_MAGIC):
        raise FormatError(
            f"{file} is a damaged zip archive: {info.filename!r} is not where its directory says", code="bad-archive"
        )
    *_, name_length, extra_length = LOCAL_HEADER.unpack(header)
    return info.header_offset + LOCAL_HEADER.size + int(name_length) + int(extra_length)
