"""CSVLogger."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any, TextIO

from layercli.callbacks.callback import Callback, Logs
from layercli.core.paths import path_text
from layercli.errors import FileError, MissingFileError


class CSVLogger(Callback):
    """Write the logs of each epoch as a row of a CSV file.

    The columns are the logs of the first epoch by their names; those of the validation have columns even if it is made later,
    with NA until then. Raises FileError if the file cannot be written.

    Args:
        filename: The path of the file.
        separator: The text between two values.
        append: Whether to append to a file that exists, instead of replacing it.
    """

    writes = True

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        self.filename = Path(path_text(filename, "filename"))
        self.sep = separator
        self.append = append
        self.csv_file: TextIO | None = None
        self.keys: list[str] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open the file."""
        self._titled = self.append and self.filename.exists() and self.filename.stat().st_size > 0
        self.keys = []
        try:
            self.csv_file = open(self.filename, "a" if self.append else "w", newline="")  # noqa: SIM115 - open while fit runs
        except OSError as error:
            kind = MissingFileError if isinstance(error, FileNotFoundError) else FileError
            raise kind(f"cannot write {self.filename}: {error.strerror}") from error

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write a row."""
        assert self.csv_file is not None
        found: dict[str, Any] = {"epoch": epoch, **(logs or {})}
        writer = csv.writer(self.csv_file, delimiter=self.sep, lineterminator="\n")
        if not self.keys:
            self.keys = ["epoch", *columns_of(logs or {})]
            if not self._titled:
                writer.writerow(self.keys)
        writer.writerow([found.get(name, "NA") for name in self.keys])
        self.csv_file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the file."""
        if self.csv_file is not None:
            self.csv_file.close()
            self.csv_file = None


def columns_of(logs: Logs) -> list[str]:
    """Return the names of logs in alphabetical order, and the same names of the validation if they hold none of its."""
    names = sorted(logs)
    return names if any(name.startswith("val_") for name in names) else [*names, *(f"val_{name}" for name in names)]
