"""csv: rows and columns of numbers, with or without column names in the first row."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING

from layercli.core.limits import CELL
from layercli.errors import FormatError, UsageError
from layercli.formats.atomic import replacing
from layercli.formats.os_errors import reading

if TYPE_CHECKING:
    import numpy as np


def read_csv(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Return the columns of a csv file by name; without a header they are called ``0``, ``1``, ...

    A header is a first row without numbers. A column of integers is int64, any other float64. FormatError names the first
    cell that is not a number.
    """
    import numpy as np

    rows = rows_of(Path(path))
    header = None if any(map(is_number, rows[0])) else rows.pop(0)
    names = header or [str(i) for i in range(len(rows[0]))]
    if len(set(names)) < len(names):
        raise FormatError(f"{path} has two columns of the same name")
    first = 2 if header else 1
    for i, row in enumerate(rows):
        if len(row) != len(names):
            raise FormatError(f"{path}, row {i + first}, has {len(row)} cells, not {len(names)}")
        for name, cell in zip(names, row, strict=True):
            if not is_number(cell):
                hint = None if i or header else "the first row is a header only if none of its cells is a number"
                raise FormatError(
                    f"{path}, row {i + first}, has {cell!r} in the column {name}, which is not numeric", hint=hint
                )
    numbers = np.array([[float(cell) for cell in row] for row in rows], np.float64).reshape(len(rows), len(names))
    integers = np.all(np.abs(numbers) < 2**53, axis=0) & are_integers(rows, len(names))
    return {
        name: numbers[:, i].astype(np.int64) if integers[i] else numbers[:, i].copy() for i, name in enumerate(names)
    }


def are_integers(rows: list[list[str]], columns: int) -> np.ndarray:
    """Return for each column whether every cell of it is written as an integer."""
    import numpy as np

    found = np.ones(columns, bool)
    for row in rows:
        found &= np.fromiter((cell.strip().lstrip("+-").isdigit() for cell in row), bool, len(row))
    return found


def rows_of(file: Path) -> list[list[str]]:
    """Return the cells of every non-empty row."""
    with reading(file), open(file, newline="", encoding="utf-8-sig") as stream:
        try:
            csv.field_size_limit(CELL.value)
            rows = [row for row in csv.reader(stream) if row]
        except (UnicodeDecodeError, csv.Error) as error:
            if "field limit" in str(error):
                raise CELL.exceeded(f"{file} has a cell of too many characters") from None
            raise FormatError(f"{file} is not text in rows and columns") from None
    if not rows:
        raise FormatError(f"{file} is empty")
    return rows


def is_number(cell: str) -> bool:
    """Whether the text of a cell is a number, including ``nan`` and ``inf``."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def save_csv(path: str | os.PathLike[str], array: np.ndarray) -> None:
    """Write one array as the csv file ``path``, atomically: one row per index of the first axis, no header.

    Numbers have enough digits to be read back exactly. UsageError for more than two axes.
    """
    if array.ndim > 2:
        raise UsageError(f"a csv file has rows and columns, not {array.ndim} axes", hint="write it to a .npy")
    rows = array.reshape(1, 1) if not array.ndim else array[:, None] if array.ndim == 1 else array
    with replacing(path) as stream:
        for row in rows:
            stream.write((",".join(map(str, row)) + "\n").encode())
