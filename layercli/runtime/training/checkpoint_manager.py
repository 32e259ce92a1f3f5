"""A folder of backups: weight files, and an index with each one's training position, size and SHA-256.

The index is replaced atomically after a backup is written, so it never names a missing or incomplete file. An index entry that
is not a plain file name, or a file that does not match its entry, is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

from layercli.core.model import Model
from layercli.errors import FileError, FormatError
from layercli.formats.atomic import replacing
from layercli.formats.locks import locked
from layercli.formats.names import is_plain
from layercli.formats.os_errors import check_regular, own_content, reading, writing
from layercli.formats.strict_json import parse
from layercli.runtime.distributed import collectives
from layercli.runtime.execution import model_saving
from layercli.runtime.training.trainer import TrainingPosition, trainer_of

SCHEMA = "layercli.backups/2"
ENDING = ".weights.h5"
LONGEST = 1 << 20
"""The maximum size of an index in bytes."""


class Backup(NamedTuple):
    """A weight file, the training position it was made at, and the size and SHA-256 of the file."""

    file: str
    place: TrainingPosition
    bytes: int
    sha256: str


class Backups:
    """The last ``kept`` backups in ``folder``."""

    def __init__(self, folder: str, kept: int) -> None:
        self.folder = Path(folder)
        self.kept = kept
        self.list = self.folder / "backups.json"
        self._lock = ExitStack()

    def lock(self, model: Model) -> None:
        """Keep other processes from this folder until ``unlock``; FileError names the process that uses it."""
        with collectives.is_writer_rank(model) as writes:
            if writes:
                with writing(self.folder):
                    self.folder.parent.mkdir(parents=True, exist_ok=True)
                self._lock.enter_context(locked(self.folder))

    def unlock(self) -> None:
        """Let other processes use the folder."""
        self._lock.close()

    def found(self) -> list[Backup]:
        """Return the backups in the folder, newest first; FormatError if the index is not valid."""
        if not os.path.lexists(self.list):
            return []
        document = parse(self.list, own_content(self.list, LONGEST), "content")
        try:
            if document["schema"] != SCHEMA:
                raise KeyError("schema")
            found = [Backup(file, position(place), size, text) for file, place, size, text in document["backups"]]
        except (KeyError, TypeError, ValueError):
            raise FormatError(f"{self.list} is not a list of backups") from None
        for backup in found:
            if type(backup.bytes) is not int:
                raise FormatError(f"{self.list} is not a list of backups")
            if not is_plain(backup.file) or not backup.file.endswith(ENDING):
                raise FormatError(
                    f"{self.list} names the backup {backup.file!r}, which is not a file of weights beside it"
                )
        return found

    def restore(self, model: Model) -> None:
        """Load the newest readable backup into ``model``, if there is one, and set the position where fit resumes."""
        backups = self.found()
        for backup in backups:
            try:
                self._check(backup)
                model_saving.load_weights(model, self.folder / backup.file)
            except (FileError, FormatError):
                if backup is backups[-1]:
                    raise
                continue
            trainer_of(model, "BackupAndRestore").start = backup.place
            return

    def _check(self, backup: Backup) -> None:
        """Raise FormatError unless the file of a backup matches its index entry."""
        file = self.folder / backup.file
        if os.path.islink(file):
            raise FormatError(f"{file} is a symbolic link, which no backup is")
        if (found := digest_of(file)) != (backup.bytes, backup.sha256):
            size = (
                "damaged" if found[0] == backup.bytes else f"of {found[0]:,} bytes, and there it has {backup.bytes:,}"
            )
            raise FormatError(f"{file} is not what {self.list} says: it is {size}")

    def add(self, model: Model, epoch: int, batch: int) -> None:
        """Back up ``model``, whose training resumes at that epoch and batch, and delete the oldest backup."""
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        place = TrainingPosition(epoch, batch, trainer_of(model, "BackupAndRestore").updates)
        file = f"{epoch}-{batch}{ENDING}"
        model_saving.save_weights(model, self.folder / file)
        with collectives.is_writer_rank(model) as writes:
            if writes:
                self._list(Backup(file, place, *digest_of(self.folder / file)))

    def _list(self, backup: Backup) -> None:
        before = [other for other in self.found() if other.file != backup.file]
        kept = [backup, *before][: self.kept]
        document: dict[str, object] = {"schema": SCHEMA, "backups": kept}
        with replacing(self.list, follow=False) as stream:
            stream.write(json.dumps(document).encode())
        for file in {other.file for other in before} - {other.file for other in kept}:
            with suppress(OSError):
                (self.folder / file).unlink()

    def remove(self, model: Model) -> None:
        """Delete all backups, and the folder if it is then empty."""
        with collectives.is_writer_rank(model) as writes, suppress(OSError):
            if not writes:
                return
            files = [backup.file for backup in self.found()]
            self.list.unlink()
            for file in files:
                (self.folder / file).unlink()
            self.folder.rmdir()


def position(place: object) -> TrainingPosition:
    """Return the position that an index holds as a list; ValueError for anything but integers that can count."""
    if not isinstance(place, list) or not all(type(count) is int and 0 <= count < 2**63 for count in place):
        raise ValueError
    return TrainingPosition(*place)


def digest_of(file: Path) -> tuple[int, str]:
    """Return the size and the SHA-256 of a file."""
    check_regular(file)
    with reading(file), open(file, "rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return os.fstat(stream.fileno()).st_size, digest
