"""The variables that ``layercli explore`` lists, each a line of text made when it is on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layercli.escaping import printable
from layercli.inspect.histogram import BINS
from layercli.inspect.variables import VariableRow
from layercli.render.text_width import padded, shortened, widest
from layercli.render.variables import COLUMNS

SHOWN = ("path", "shape", "parameters", "dtype")
FLOATS = ("minimum", "maximum", "mean", "std")
MEASURED = (*FLOATS, "nonfinite", "histogram")
WIDEST_FLOAT = "-1.234e-05"
LONGEST, SHORTEST = 48, 22
"""The greatest width of a cell, and down to which paths are cut for the columns beside them."""


class VariableLines:
    """The lines of variables below ``prefix``, in columns that end at ``room`` if they can, in the order of a column."""

    def __init__(
        self, rows: Sequence[VariableRow], prefix: str, room: int, *, measured: bool, ordered: str = ""
    ) -> None:
        self.rows, self.prefix, self.ordered = rows, prefix, ordered
        self.names = (*SHOWN[:2], *MEASURED, *SHOWN[2:]) if measured else SHOWN
        self.widths = [min(self.width_of(name), LONGEST) for name in self.names]
        self.widths[0] = path_width(self.widths, room)

    def width_of(self, name: str) -> int:
        """Return the columns that the widest cell takes: of equal values one is looked at."""
        title = self.title(name)
        if name == "path":
            longest = max((row.path for row in self.rows), key=len, default="")
            return widest([title, longest.removeprefix(self.prefix)])
        if name == "histogram":
            return max(len(title), BINS // 2)
        if name in FLOATS:
            return max(len(title), len(WIDEST_FLOAT))
        return widest([title, *map(COLUMNS[name].show, {value(row, name) for row in self.rows})])

    def title(self, name: str) -> str:
        """Return the title of a column, marked if the variables are in its order."""
        title = COLUMNS[name].title
        return f"{title} ▾" if name == self.ordered else title

    @property
    def width(self) -> int:
        """The columns of a line."""
        return sum(width + 2 for width in self.widths)  # a space on each side

    @property
    def header(self) -> str:
        """The titles of the columns."""
        return self.line([self.title(name) for name in self.names])

    def draw(self, at: int) -> str:
        """Return the line of a variable."""
        return self.line(self.cells(at))

    def cells(self, at: int) -> list[str]:
        """Return the cells of a variable; the prefix of its path is shown already."""
        row = self.rows[at]
        path = row.path.removeprefix(self.prefix)
        return [printable(COLUMNS[name].show(path if name == "path" else value(row, name))) for name in self.names]

    def line(self, cells: Sequence[str]) -> str:
        """Return cells as a line, each shortened to its column."""
        return "".join(
            f" {padded(shortened(cell, width, middle=True), width, right=COLUMNS[name].numeric)} "
            for name, cell, width in zip(self.names, cells, self.widths, strict=True)
        )


def value(row: VariableRow, name: str) -> Any:
    """Return what a column says of a variable, or None where it is not measured."""
    return getattr(row, name) if hasattr(row, name) else getattr(row.statistics, name, None)


def path_width(widths: Sequence[int], room: int) -> int:
    """Return the width of the first column: as many as can of the others end where ``room`` does, so that none is cut.

    >>> path_width([9, 10], 60), path_width([40, 10, 8], 60), path_width([40, 10, 8], 40), path_width([9, 30, 40], 60)
    (9, 36, 26, 26)
    """
    left = room - 2  # of a column, a space on each side
    for width in widths[1:]:
        if left - width - 2 < min(widths[0], SHORTEST):
            return max(left, 1)
        left -= width + 2
    return min(widths[0], left)
