"""A bar that shows how many bytes of a long comparison are done, on stderr where that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIZES, LEAST_BAR = 18, 5
"""The columns of a terminal that ``999.9/999.9 GB`` and the spaces take, and the least that the bar has."""


@contextmanager
def byte_progress(what: str, total: int, *, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """Yield a function that receives numbers of finished bytes; without a ``total`` of them nothing is shown."""
    if quiet or not total or not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    console = Console(stderr=True)
    room = console.width - len(what) - SIZES
    columns: list[ProgressColumn] = [DownloadColumn()]
    for column, width in ((TimeRemainingColumn(), 8), (TransferSpeedColumn(), 11)):  # the first ones are the last to go
        if room >= width + LEAST_BAR:
            columns.insert(1, column)
            room -= width
    columns = [TextColumn("{task.description}"), BarColumn(max(LEAST_BAR, min(40, room))), *columns]
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)
