"""Whether a model that is split over several GGUF files is whole: part of ``layercli check``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from layercli.errors import FormatError
from layercli.formats.gguf import GgufFile
from layercli.formats.gguf_split import SplitPart, tensor_faults
from layercli.inspect.file_check import CheckOptions, FileCheck, FileFinding, check_opened, finding_of, opened

NAMED = 3
"""How many missing files are named."""


def check_parts(found: FileCheck, file: GgufFile, part: SplitPart, options: CheckOptions) -> None:
    """Check the other parts of a model of which ``file`` is one and was checked: each that is beside it, and that all are."""

    def add(code: str, message: str, tensor: str | None = None) -> None:
        found.findings.append(FileFinding(code, "error", str(file.file), message, tensor))

    files = part.files(file.file)
    if not files:
        add(
            "missing-shard",
            f"{file.file} is {part}, and its name does not end in {part.ending}: the others cannot be found",
        )
        return
    there = {number: each for number, each in enumerate(files, 1) if each.is_file()}
    missing = [each.name for number, each in enumerate(files, 1) if number not in there]
    if missing:
        more = f" and {len(missing) - NAMED:,} more" if len(missing) > NAMED else ""
        names = ", ".join(map(repr, missing[:NAMED])) + more
        add("missing-shard", f"{file.file} is {part}, and its folder lacks {names}")
    read: dict[str, GgufFile] = {}
    for number, each in there.items():
        if str(each) in found.files:
            continue
        found.files.append(str(each))
        other = file if each == file.file else checked(found, each, replace(part, number=number), options)
        if other is not None:
            read[each.name] = other
    expected = part.tensors if len(read) == part.count else None
    for code, why, tensor in tensor_faults({name: each.entries for name, each in read.items()}, expected):
        add(code, f"{file.file}: {why}", tensor)


def checked(found: FileCheck, path: Path, part: SplitPart, options: CheckOptions) -> GgufFile | None:
    """Check the file that is to be that part; None where it cannot be read or is another."""
    try:
        file = opened(path)
        own = file.part if isinstance(file, GgufFile) else None
        if not isinstance(file, GgufFile) or own is None or (own.number, own.count) != (part.number, part.count):
            raise FormatError(f"{path} is {own or 'no part of a model'} by its header, not {part}", code="bad-index")
        check_opened(found, file, options)
    except FormatError as error:
        found.findings.append(finding_of(path, error))
        return None
    return file
