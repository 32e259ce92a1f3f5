"""Whether a model that is split over several GGUF files is whole: part of ``layercli check``."""

from __future__ import annotations

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
    missing = [each.name for each in files if not each.is_file()]
    if missing:
        more = f" and {len(missing) - NAMED:,} more" if len(missing) > NAMED else ""
        names = ", ".join(map(repr, missing[:NAMED])) + more
        add("missing-shard", f"{file.file} is {part}, and its folder lacks {names}")
    read: dict[str, GgufFile] = {}
    for number, each in enumerate(files, 1):
        if each == file.file:
            read[each.name] = file
        elif each.name not in missing and str(each) not in found.files:
            other = checked(found, each, SplitPart(number, part.count, part.tensors), options)
            read |= {} if other is None else {each.name: other}
        if each.name not in missing and str(each) not in found.files:
            found.files.append(str(each))
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
