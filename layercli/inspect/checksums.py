"""SHA-256 of variables: of the name, the shape, the dtype and the bytes, whatever file they are in."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from layercli.errors import FormatError
from layercli.formats.os_errors import reading
from layercli.formats.stored import stored_blocks

if TYPE_CHECKING:
    from layercli.inspect.variables import VariableRow, Variables

ALL = "*"
"""What stands for the whole model in a file of sums, in place of a name."""
LONGEST = 100_000_000


def fill(variables: Variables) -> None:
    """Fill in the SHA-256 of every row whose values can be read."""
    for row in variables.rows:
        if row.unreadable is None:
            row.sha256 = checksum(row)


def checksum(row: VariableRow) -> str:
    """Return the SHA-256 of a variable: its name, its shape, its dtype, and its values, little-endian, last index fastest."""
    digest = hashlib.sha256(f"{row.path}\0{','.join(map(str, row.shape))}\0{row.dtype}\0".encode())
    for block in stored_blocks(row.stored(), row.chunks, row.dtype, row.path):
        digest.update(block.data)
    return digest.hexdigest()


def total(sums: Mapping[str, str]) -> str:
    """Return the SHA-256 of a whole model: of the sums of its variables in the order of their names."""
    lines = "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))
    return hashlib.sha256(lines.encode()).hexdigest()


def lines_of(sums: Mapping[str, str]) -> list[str]:
    """Return the lines of a file of sums, as ``sha256sum`` writes them; the last is of the whole model."""
    return [*(f"{value}  {escaped(name)}" for name, value in sums.items()), f"{total(sums)}  {ALL}"]


def escaped(name: str) -> str:
    """Return a name on one line."""
    return name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def read_sums(path: str) -> dict[str, str]:
    """Return the sums in a file by name; FormatError for a line that is none."""
    file = Path(path)
    with reading(file), file.open("rb") as stream:
        raw = stream.read(LONGEST + 1)
    try:
        lines = raw.decode().split("\n")
    except UnicodeDecodeError:
        raise FormatError(f"{path} is not a file of sums: it is not UTF-8") from None
    return dict(sum_of(path, i, line) for i, line in enumerate(lines, 1) if line.strip())


def sum_of(path: str, number: int, line: str) -> tuple[str, str]:
    """Return the name and the sum on a line."""
    found = re.fullmatch(r"([0-9a-f]{64})  (.+)", line)
    if found is None:
        raise FormatError(f"{path}, line {number}: expects a SHA-256, two spaces and a name")
    unescaped = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}
    return re.sub(r"\\[\\nr]", lambda match: unescaped[match[0]], found[2]), found[1]


def mismatches(sums: Mapping[str, str], expected: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Yield the name of each variable that is not as expected, and why."""
    for name, value in expected.items():
        if name != ALL and name not in sums:
            yield name, "is not there"
        elif name != ALL and sums[name] != value:
            yield name, "has other contents"
    yield from ((name, "is not in the sums") for name in sums if name not in expected)
