"""A folder of backups: files of weights, and a list of them that says how far each had come.

The list is replaced whole after its file is, so that it never names a file that is not there or not complete.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from layercli.core.model import Model
from layercli.errors import FileError, FormatError
from layercli.files.atomic import replacing
from layercli.files.failure import reading, writing
from layercli.files.strict_json import parse
from layercli.runtime import distributed, saving
from layercli.runtime.train import Place, trainer_of

SCHEMA = "layercli.backups/1"


class Backup(NamedTuple):
    """A file of weights, and the place in the data where it was made."""

    file: str
    place: Place


class Backups:
    """The last ``kept`` backups in ``folder``."""

    def __init__(self, folder: str, kept: int) -> None:
        self.folder = Path(folder)
        self.kept = kept
        self.list = self.folder / "backups.json"

    def found(self) -> list[Backup]:
        """Return what the folder holds, the newest first; FormatError for a list that is none."""
        if not self.list.exists():
            return []
        with reading(self.list):
            document = parse(self.list, self.list.read_bytes(), "content")
        try:
            if document["schema"] != SCHEMA:
                raise KeyError("schema")
            return [Backup(str(file), Place(*map(int, place))) for file, place in document["backups"]]
        except (KeyError, TypeError, ValueError):
            raise FormatError(f"{self.list} is no list of backups") from None

    def restore(self, model: Model) -> None:
        """Set ``model`` to the newest backup that can be read, if there is any, and have fit begin where it was made."""
        backups = self.found()
        for backup in backups:
            try:
                saving.load_weights(model, self.folder / backup.file)
            except (FileError, FormatError):
                if backup is backups[-1]:
                    raise
                continue
            trainer_of(model, "BackupAndRestore").start = backup.place
            return

    def add(self, model: Model, epoch: int, batch: int) -> None:
        """Make a backup of ``model``, which goes on with that epoch and batch, and drop the oldest."""
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        place = Place(epoch, batch, trainer_of(model, "BackupAndRestore").updates)
        backup = Backup(f"{epoch}-{batch}.weights.h5", place)
        saving.save_weights(model, self.folder / backup.file)
        with distributed.one_writer(model) as writes:
            if writes:
                self._list(backup)

    def _list(self, backup: Backup) -> None:
        before = [other for other in self.found() if other.file != backup.file]
        kept = [backup, *before][: self.kept]
        document: dict[str, Any] = {"schema": SCHEMA, "backups": kept}
        with replacing(self.list) as stream:
            stream.write(json.dumps(document).encode())
        for file in {other.file for other in before} - {other.file for other in kept}:
            with suppress(OSError):
                (self.folder / file).unlink()

    def remove(self, model: Model) -> None:
        """Remove every backup, and the folder if that is all it held."""
        with distributed.one_writer(model) as writes, suppress(OSError):
            if not writes:
                return
            files = [backup.file for backup in self.found()]
            self.list.unlink()
            for file in files:
                (self.folder / file).unlink()
            self.folder.rmdir()
