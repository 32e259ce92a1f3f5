"""csv: rows and columns of numbers, with or without column names in the first row."""

from __future__ import annotations

import csv
import os
import warnings
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from layercli.core.limits import CELL
from layercli.errors import FormatError, UsageError
from layercli.formats.atomic import replacing
from layercli.formats.os_errors import check_regular, reading

if TYPE_CHECKING:
    import numpy as np


def read_csv(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Return the columns of a csv file by name; without a header they are called ``0``, ``1``, ...

    A header is a first row without numbers. A column of integers is int64, any other float64. FormatError names the first
    cell that is not a number.
    """
    import numpy as np

    file = Path(path)
    check_regular(file)
    first = next(rows_of(file), None)
    if first is None:
        raise FormatError(f"{file} is empty")
    header = not any(map(is_number, first))
    names = [cell.strip() for cell in first] if header else [str(i) for i in range(len(first))]
    if len(set(names)) < len(names):
        raise FormatError(f"{file} has two columns of the same name")
    numbers = by_numpy(file, header)
    if numbers is None or numbers.shape[1] != len(names):
        numbers = cell_by_cell(file, header, names)
    whole = np.flatnonzero([np.all((np.abs(x) < 2**53) & (x == np.trunc(x))) for x in numbers.T]).tolist()
    integers = integer_columns(file, header, whole)
    return {
        name: numbers[:, i].astype(np.int64) if i in integers else numbers[:, i].copy() for i, name in enumerate(names)
    }


def by_numpy(file: Path, header: bool, columns: list[int] | None = None, dtype: str = "float64") -> np.ndarray | None:
    """Return the numbers below the header as numpy reads them, which is fast, or None where it does not."""
    import numpy as np

    try:
        with reading(file), open(file, newline="", encoding="utf-8-sig") as stream, warnings.catch_warnings():
            warnings.simplefilter("error")
            if header:
                next(row for row in csv.reader(stream) if row)
            lines = bounded(stream)
            return np.loadtxt(lines, dtype, None, ",", usecols=columns, ndmin=2, quotechar='"')
    except (ValueError, Warning):
        return None


def bounded(stream: TextIO) -> Iterator[str]:
    """Yield the lines of a file; ValueError for one that is very long, or has a cell that is."""
    most = CELL.value
    while line := stream.readline(16 * most):
        if len(line) > most and (len(line) == 16 * most or max(map(len, line.split(","))) > most):
            raise ValueError("a long line")
        yield line


def cell_by_cell(file: Path, header: bool, names: list[str]) -> np.ndarray:
    """Return the numbers below the header; FormatError names the first cell that is not one."""
    import numpy as np

    numbers = array("d")
    for i, row in enumerate(rows_of(file), 1):
        if i == 1 and header:
            continue
        if len(row) != len(names):
            raise FormatError(f"{file}, row {i}, has {len(row)} cells, not {len(names)}")
        for name, cell in zip(names, row, strict=True):
            if not is_number(cell):
                hint = None if i > 1 else "the first row is a header only if none of its cells is a number"
                raise FormatError(
                    f"{file}, row {i}, has {cell!r} in the column {name}, which is not numeric", hint=hint
                )
            numbers.append(float(cell))
    return np.array(numbers).reshape(-1, len(names))


def integer_columns(file: Path, header: bool, columns: list[int]) -> set[int]:
    """Return those of the columns, whose values are integral, that have every cell written as an integer."""
    if not columns or by_numpy(file, header, columns, "int64") is not None:
        return {*columns}
    left = {*columns}
    for i, row in enumerate(rows_of(file)):
        if left and (i or not header):
            left = {each for each in left if row[each].strip().lstrip("+-").isdigit()}
    return left


def rows_of(file: Path) -> Iterator[list[str]]:
    """Yield the cells of every non-empty row."""
    with reading(file), open(file, newline="", encoding="utf-8-sig") as stream:
        rows = csv.reader(stream)
        try:
            while (row := next_row(rows)) is not None:
                if row:
                    yield row
        except (UnicodeDecodeError, csv.Error) as error:
            if "field limit" in str(error):
                raise CELL.exceeded(f"{file} has a cell of too many characters") from None
            raise FormatError(f"{file} is not text in rows and columns") from None


def next_row(rows: Iterator[list[str]]) -> list[str] | None:
    """Return the next row, None at the end. The limit on cells is the whole process's: it is set for one row."""
    before = csv.field_size_limit(CELL.value)
    try:
        return next(rows, None)
    finally:
        csv.field_size_limit(before)


def is_number(cell: str) -> bool:
    """Whether the text of a cell is a number, including ``nan`` and ``inf``."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def check_axes(count: int) -> None:
    """Raise UsageError for an array of more than two axes."""
    if count > 2:
        raise UsageError(f"a csv file has rows and columns, not {count} axes", hint="write it to a .npy")


def save_csv(path: str | os.PathLike[str], array: np.ndarray) -> None:
    """Write one array as the csv file ``path``, atomically: one row per index of the first axis, no header.

    Numbers have enough digits to be read back exactly. UsageError for more than two axes.
    """
    check_axes(array.ndim)
    rows = array.reshape(1, 1) if not array.ndim else array[:, None] if array.ndim == 1 else array
    with replacing(path) as stream:
        for row in rows:
            stream.write((",".join(map(cell, row)) + "\n").encode())


def cell(value: object) -> str:
    """Return a value as a cell, text in quotes where it holds any of the file's own characters."""
    text = str(value)
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if isinstance(value, str) and set(text) & set('",\r\n') else text
