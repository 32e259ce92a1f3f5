"""Whether a file or a folder of weights is whole and sane: findings with stable codes, for ``layercli check``."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import field
from pathlib import Path
from typing import Literal

from layercli.core.types import JSONObject
from layercli.dataclass import dataclass
from layercli.errors import FileError, FormatError
from layercli.formats import detect
from layercli.formats.gguf import GgufFile
from layercli.formats.gguf_layout import layout_faults
from layercli.formats.names import is_inside
from layercli.formats.safetensors_index import read_index
from layercli.formats.stored import is_quantized
from layercli.formats.weight_file import UNKNOWN_DTYPE, WeightFile
from layercli.inspect import checksums
from layercli.inspect.diff_verdict import count
from layercli.inspect.value_checks import value_faults
from layercli.inspect.variables import VariableRow, of_entry

Severity = Literal["error", "warning"]
ENDINGS = (
    ".safetensors",
    ".npz",
    ".npy",
    ".pt",
    ".pth",
    ".ckpt",
    ".bin",
    ".h5",
    ".hdf5",
    ".keras",
    ".gguf",
    ".onnx",
    ".pt2",
)
OF_NO_TENSOR = ("bad-index", "bad-archive", "unsafe")
"""The codes of faults whose message quotes a tensor's name only where it begins with it."""
QUOTED = re.compile(r"(?<!\w)'([^']+)'(?!\w)")
SHARD = re.compile(r".+-\d{5}-of-\d{5}\.\w+")


@dataclass(frozen=True)
class FileFinding:
    """What is wrong in a file: ``code`` names the kind and does not change; ``tensor`` is the path of one, where it is one."""

    code: str
    severity: Severity
    file: str
    message: str
    tensor: str | None = None

    def to_json(self) -> dict[str, str | None]:
        """Return the finding as JSON has it."""
        return {
            "code": self.code,
            "severity": self.severity,
            "file": self.file,
            "tensor": self.tensor,
            "message": self.message,
        }


@dataclass
class FileCheck:
    """What was looked at and what was found: ``sums`` are the SHA-256 by name, ``split`` says what a part of a model is."""

    source: str
    files: list[str] = field(default_factory=list)
    tensors: int = 0
    bytes: int = 0
    findings: list[FileFinding] = field(default_factory=list)
    sums: dict[str, str] = field(default_factory=dict)
    split: str = ""

    @property
    def errors(self) -> list[FileFinding]:
        """The findings that make the answer no."""
        return [each for each in self.findings if each.severity == "error"]

    @property
    def sentence(self) -> str:
        """The answer in one sentence, with the first fault."""
        held = f"{count(self.tensors, 'tensor')} in {count(len(self.files), 'file')}"
        if not self.errors:
            return f"sound: {held}{self.split}" + (f", {count(len(self.findings), 'warning')}" if self.findings else "")
        more = len(self.errors) - 1
        return f"damaged: {self.errors[0].message}" + (f" (and {more:,} more)" if more else "")

    def to_json(self) -> JSONObject:
        """Return the document that ``layercli check --format json`` prints."""
        return {
            "schema": "layercli.check/1",
            "source": self.source,
            "sound": not self.errors,
            "answer": self.sentence,
            "files": self.files,
            "tensors": self.tensors,
            "bytes": self.bytes,
            "findings": [each.to_json() for each in self.findings],
            **({"sha256": {**self.sums, checksums.ALL: checksums.total(self.sums)}} if self.sums else {}),
        }


@dataclass(frozen=True)
class CheckOptions:
    """What is looked at beside the headers."""

    values: bool = False
    hashes: bool = False
    progress: Callable[[int], None] = lambda count: None


def check_path(path: str, options: CheckOptions | None = None) -> FileCheck:
    """Return what is wrong in a file, or in every file of weights in a folder.

    FileError where it cannot be opened, FormatError where it is of no format that is known.
    """
    options, found = options or CheckOptions(), FileCheck(path)
    if not os.path.isdir(path):
        check_file(found, Path(path), options, alone=True)
        return found
    files = sorted(Path(path).iterdir())
    shards: set[Path] = set()
    for file in (each for each in files if each.name.endswith(detect.INDEX)):
        shards |= check_index(found, file, options)
    found.findings += [
        unnamed_shard(file) for file in files if shards and file not in shards and SHARD.fullmatch(file.name)
    ]
    for file in files:
        if file in shards or str(file) in found.files or not file.is_file() or file.name.endswith(detect.INDEX):
            continue
        if is_candidate(file):
            check_file(found, file, options, alone=False)
    if not found.files:
        raise FileError(f"{path} holds no file of weights")
    return found


def unnamed_shard(file: Path) -> FileFinding:
    """Return the finding that a shard is left over: a conversion that was stopped leaves such files."""
    text = f"{file} is named as a shard, and no index in its folder names it: it is of no use, and may be removed"
    return FileFinding("unnamed-shard", "warning", str(file), text)


def is_candidate(file: Path) -> bool:
    """Whether a file of a folder is one of weights, by its name, so that a damaged one is, or by its content."""
    return file.suffix in ENDINGS or detect.is_weights(file)


def check_file(found: FileCheck, file: Path, options: CheckOptions, *, alone: bool) -> None:
    """Check one file; an index with all that it names."""
    try:
        start = detect.first_bytes(file)
        if detect.is_json(start):
            check_index(found, file, options)
            return
        weights = opened(file)
        check_opened(found, weights, options)
        if isinstance(weights, GgufFile) and weights.part is not None:
            from layercli.inspect.split_check import check_parts

            found.split = f" ({file.name} is {weights.part})" if alone else ""
            check_parts(found, weights, weights.part, options)
    except FormatError as error:
        if error.code == "unknown-format" and alone:
            raise
        found.findings.append(finding_of(file, error))
    if str(file) not in found.files:
        found.files.append(str(file))


def opened(file: Path) -> WeightFile:
    """Return an opened file of weights, of a graph its parameters."""
    if detect.content(file) == "pt2":
        from layercli.formats.pt2_state_dict import Pt2File

        return Pt2File(file)
    return detect.open_single(file)


def finding_of(file: Path, error: FormatError) -> FileFinding:
    """Return the finding that an error in reading is."""
    quoted = error.code not in OF_NO_TENSOR or error.message.startswith(f"{file}: '")
    return FileFinding(error.code, "error", str(file), error.message, tensor_in(error.message) if quoted else None)


def tensor_in(message: str) -> str | None:
    """Return the name that a message of a reader quotes first, which is the tensor's.

    >>> tensor_in("m.npz: 'fc.npy' is encrypted")
    'fc.npy'
    """
    found = QUOTED.search(message)
    return found[1] if found else None


def check_index(found: FileCheck, file: Path, options: CheckOptions) -> set[Path]:
    """Check an index and every shard that it names; return these."""
    found.files.append(str(file))

    def add(code: str, message: str, tensor: str | None = None) -> None:
        found.findings.append(FileFinding(code, "error", str(file), message, tensor))

    try:
        names = read_index(file)
    except FormatError as error:
        found.findings.append(finding_of(file, error))
        return set()
    shards: dict[str, list[str]] = {}
    for tensor, name in names.items():
        shards.setdefault(name, []).append(tensor)
    held: dict[str, str] = {}
    for name, tensors in shards.items():
        shard = file.parent / name
        if not shard.is_file() or not is_inside(file.parent, shard):
            inside = "is a folder, not a file" if shard.is_dir() else "is not in its folder"
            why = inside if is_inside(file.parent, shard) else "leads out of its folder and is never opened"
            what = f"{count(len(tensors), 'tensor')}, {tensors[0]!r} first"
            add("missing-shard", f"{file} names the shard {name!r}, which {why}: it lacks {what}", tensors[0])
            continue
        try:
            weights = detect.open_shard(file, shard)
        except FormatError as error:
            if error.code == "bad-index":
                found.findings.append(finding_of(file, error))
                continue
            found.findings.append(finding_of(shard, error))
            found.files.append(str(shard))
            continue
        found.files.append(str(shard))
        for tensor in tensors:
            if tensor not in weights.entries:
                add("missing-tensor", f"{file} says that {tensor!r} is in {name!r}, which does not hold it", tensor)
        for tensor in weights.entries:
            if tensor in held:
                add("duplicate", f"{tensor!r} is in {held[tensor]!r} and in {name!r}", tensor)
            elif names.get(tensor) != name:
                add("extra-tensor", f"{shard} holds {tensor!r}, which {file.name} does not say of it", tensor)
            held[tensor] = name
        check_opened(found, weights, options)
    return {file.parent / name for name in shards}


def check_opened(found: FileCheck, file: WeightFile, options: CheckOptions) -> None:
    """Check the tensors of a file whose header is sound."""
    found.tensors += len(file.entries)
    found.bytes += sum(entry.bytes for entry in file.entries.values())
    found.findings += name_faults(file)
    found.findings += dtype_faults(file)
    found.findings += alignment_faults(file)
    for code, path, why in layout_faults(file):
        found.findings.append(FileFinding(code, "error", str(file.file), f"{file.file}: {path!r} {why}", path))
    if options.values:
        from layercli.formats.archive_checksums import archive_faults

        where = str(file.file)
        found.findings += [FileFinding("bad-crc", "error", where, *fault) for fault in archive_faults(file.file)]
    locate = getattr(file, "locate", lambda path: None)
    for entry in file.entries.values():
        row = of_entry(file, entry)
        try:
            locate(entry.path)
        except FileError as error:
            found.findings.append(FileFinding("missing-tensor", "error", str(file.file), error.message, entry.path))
            continue
        except FormatError as error:
            found.findings.append(finding_of(file.file, error))
            continue
        try:
            if options.values and entry.unreadable is None:
                found.findings += row_faults(file, row)
            if options.hashes and entry.unreadable is None:
                name = entry.path if entry.path not in found.sums else f"{file.file.name}:{entry.path}"
                found.sums[name] = checksums.checksum(row)
        except FormatError as error:
            found.findings.append(finding_of(file.file, error))
        options.progress(entry.bytes)


def row_faults(file: WeightFile, row: VariableRow) -> Iterator[FileFinding]:
    """Yield what is wrong with the values of a tensor."""
    for fault in value_faults(row):
        yield FileFinding(
            fault.code, fault.severity, str(file.file), f"{file.file}: {row.path!r} {fault.text}", row.path
        )


def name_faults(file: WeightFile) -> Iterator[FileFinding]:
    """Yield the names that hold characters which no name needs."""
    for path in file.entries:
        if not path.isprintable() or not path:
            yield FileFinding(
                "odd-name", "warning", str(file.file), f"{file.file}: the name {path!r} is not printable", path
            )


def dtype_faults(file: WeightFile) -> Iterator[FileFinding]:
    """Yield the tensors of a dtype that is not known, whose size nothing confirms."""
    for path, entry in file.entries.items():
        if (entry.opaque or "").startswith(UNKNOWN_DTYPE):
            text = f"{file.file}: {path!r} is {entry.opaque}"
            yield FileFinding("bad-dtype", "error", str(file.file), text, path)


def alignment_faults(file: WeightFile) -> Iterator[FileFinding]:
    """Yield the first tensor whose bytes begin where a map of them cannot be used as numbers: one shift moves all in a file."""
    import numpy as np

    first, found = None, 0
    for path, entry in file.entries.items():
        if getattr(file, "stored", None) is None or not entry.size or is_quantized(entry.dtype):
            break
        if file.file.suffix == ".npz" or entry.unreadable is not None:
            continue
        try:
            values = file.stored(path)  # type: ignore[attr-defined]  # it has one
        except FormatError:
            continue
        if isinstance(values, np.ndarray) and values.ctypes.data % values.dtype.itemsize:
            first, found = first or (path, values.dtype.itemsize), found + 1
    if first is not None:
        more = f" (nor do {found - 1:,} more)" if found > 1 else ""
        text = f"{file.file}: {first[0]!r} does not begin at a multiple of {first[1]} bytes{more}"
        yield FileFinding("unaligned", "warning", str(file.file), text, first[0])


def check_sums(found: FileCheck, path: str) -> None:
    """Add what is not as the sums in the file ``path`` say."""
    for name, why in checksums.mismatches(found.sums, checksums.read_sums(path)):
        found.findings.append(FileFinding("checksum", "error", found.source, f"{found.source}: {name!r} {why}", name))
