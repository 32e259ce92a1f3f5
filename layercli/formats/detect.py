"""Identify the format of a file by its first bytes, not by its suffix."""

from __future__ import annotations

import os
from pathlib import Path

from layercli.errors import DamagedFileError, FileError, FormatError
from layercli.formats.os_errors import check_regular, reading
from layercli.formats.weight_file import WeightFile

#: The number of leading bytes that are examined.
ENOUGH = 4096
INDEX = ".index.json"
H5_NAMES = (".h5", ".hdf5")
HDF5, GGUF = b"\x89HDF\r\n\x1a\n", b"GGUF"
KERAS, TORCH = "a .keras archive", "a PyTorch archive"
PT2 = "a program of torch.export"
TORCHSCRIPT, LFS = "a TorchScript program", "a Git LFS pointer"
PAGE = "a web page"
#: The beginnings of web pages, in lower case: what a download that needs a login leaves behind.
PAGES = (b"<!doctype html", b"<html", b"<head")
OLDER_TORCH = "a file of torch.save before PyTorch 0.1.11"
#: The magic number at the start of such a file, as it is pickled.
OLD_MAGIC = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"
#: The first member of a tar archive from an even older torch.save.
OLD_MEMBERS = (b"sys_info\0", b"storages\0", b"tensors\0", b"pickle\0")
ONNX = "an ONNX file"
#: (offset, bytes, name) of the formats that layercli recognises but does not read.
FOREIGN = [
    (0, GGUF, "a GGUF file"),
    (4, b"TFL3", "a TensorFlow Lite file"),
    (257, b"ustar", "a tar archive"),
    (0, b"\x1f\x8b", "a gzip file"),
    (0, b"\x80\x02", "a Python pickle"),
    (0, b"\x80\x03", "a Python pickle"),
    (0, b"\x80\x04", "a Python pickle"),
    (0, b"\x80\x05", "a Python pickle"),
    (0, b"version https://git-lfs", LFS),
]
#: For some formats, a clause after their name, and a hint.
REFUSALS: dict[str | None, tuple[str, str]] = {
    LFS: ("a placeholder for the real file", "git lfs pull"),
    PAGE: ("and no file of a model", "download it again: the address may need a login"),
    OLDER_TORCH: (
        "which is a pickle and never loaded",
        "torch.save(torch.load(FILE, weights_only=False), NEW) converts it, and runs the code in it",
    ),
}
#: The protobuf fields that may follow an ONNX file's version: producer, domain, graph and the like.
ONNX_FIELDS = b"\x12\x1a\x22\x28\x32\x3a\x42"


def open_weights(path: str | os.PathLike[str]) -> WeightFile:
    """Return the weight file at ``path``: npz, npy, safetensors, h5, keras, torch.save's, gguf, onnx, or an index of others.

    No value is read. Raises FileError if it cannot be read, FormatError if it is damaged or has another format, which the
    message names.
    """
    file = Path(path)
    start = first_bytes(file)
    if is_json(start) or file.name.endswith(INDEX):
        from layercli.formats.safetensors_index import ShardedFile

        return ShardedFile(file, lambda shard: open_shard(file, shard))
    return open_single(file, start)


def open_shard(index: Path, file: Path) -> WeightFile:
    """Return the weight file that an index names; FormatError where that is an index too, or the same."""
    start = first_bytes(file)
    if file.samefile(index):
        raise FormatError(f"{index} names itself as a shard, and an index holds no tensors", code="bad-index")
    if is_json(start) and b'"weight_map"' in start:
        text = f"{index} names the shard {file.name!r}, which is an index too, and holds no tensors"
        raise FormatError(text, code="bad-index")
    return open_single(file, start)


def open_single(file: Path, start: bytes | None = None) -> WeightFile:
    """Return the weight file ``file``, which must not be an index of others; ``start`` are its first bytes, if they are known."""
    start = first_bytes(file) if start is None else start
    match kind(file, start):
        case "npy":
            from layercli.formats.npy import NpyFile

            return NpyFile(file)
        case "npz":
            from layercli.formats.npz import NpzFile

            return NpzFile(file)
        case "safetensors":
            from layercli.formats.safetensors import SafetensorsFile

            return SafetensorsFile(file)
        case "h5" | "keras" as found:
            from layercli.formats.hdf5 import H5File

            return H5File(file, archived=found == "keras")
        case "torch":
            from layercli.formats.torch_checkpoint import TorchFile

            return TorchFile(file)
        case "torchscript":
            from layercli.formats.torchscript import TorchScriptFile

            return TorchScriptFile(file)
        case "old-torch":
            from layercli.formats.torch_legacy import LegacyTorchFile

            return LegacyTorchFile(file)
        case "gguf":
            from layercli.formats.gguf import GgufFile

            return GgufFile(file)
        case "onnx":
            from layercli.formats.onnx import OnnxFile

            return OnnxFile(file)
    raise unreadable(file, start)


def is_weights(path: str | os.PathLike[str]) -> bool:
    """Return whether ``open_weights`` recognises one of its formats in the first bytes of ``path``.

    JSON counts as an index if the word ``weight_map`` appears near its start.
    """
    file = Path(path)
    try:
        start = first_bytes(file)
        return (is_json(start) and b'"weight_map"' in start) or kind(file, start) is not None
    except (FileError, FormatError):
        return False


def is_model(path: str | os.PathLike[str]) -> bool:
    """Return whether ``path`` holds a whole model: a .keras archive, or HDF5 with a model's config."""
    file = Path(path)
    if not file.is_file():
        return False
    start = first_bytes(file)
    if start.startswith(HDF5):
        from layercli.formats import keras_h5

        return keras_h5.has_model(file)
    return start.startswith(b"PK") and zip_content(file) == KERAS


def content(path: str | os.PathLike[str]) -> str:
    """Return the kind of a file: ``keras``, ``onnx`` or ``pt2`` for a whole model, ``weights`` for anything else.

    A file with an unknown beginning is classified by its name, so that the error names that format.
    """
    file = Path(path)
    start = first_bytes(file)
    found = kind(file, start)
    if found in ("keras", "onnx"):
        return found
    if found == "h5" and is_model(file):
        return "keras"
    if found is None and (seeming(file, start) == PT2 or (file.suffix == ".pt2" and not is_weights(file))):
        return "pt2"
    return "weights"


def first_bytes(file: Path) -> bytes:
    """Return the first bytes of ``file``; FileError or FormatError if there are none."""
    check_regular(file)
    with reading(file), open(file, "rb") as stream:
        start = stream.read(ENOUGH)
    if not start:
        raise FormatError(f"{file} is empty", code="truncated")
    return start


def kind(file: Path, start: bytes) -> str | None:
    """Return the format of a single weight file, or None."""
    if start.startswith(b"\x93NUMPY"):
        return "npy"
    if start.startswith(HDF5):
        return "h5"
    if start.startswith(GGUF) and not has_header(start):
        return "gguf"
    if start.startswith(b"PK") and not has_header(start):
        return {None: "npz", KERAS: "keras", TORCH: "torch", TORCHSCRIPT: "torchscript"}.get(zip_content(file))
    if OLD_MAGIC in start[:32]:
        return "old-torch"
    if is_safetensors(file, start):
        return "safetensors"
    found = seeming(file, start)
    return "onnx" if found == ONNX or (found is None and file.suffix == ".onnx") else None


def is_safetensors(file: Path, start: bytes) -> bool:
    """Return whether a file begins with the length of a header and the header's opening brace.

    That is not a magic number, so a file named .safetensors without it is reported as damaged.
    """
    return has_header(start) or (file.suffix == ".safetensors" and seeming(file, start) is None)


def is_json(start: bytes) -> bool:
    """Return whether a file begins as a JSON object does, and not as a safetensors file."""
    return start.lstrip().startswith(b"{") and not has_header(start)


def has_header(start: bytes) -> bool:
    """Return whether a plausible safetensors header length and a brace come first.

    This is checked before other magic numbers: a length of 123 starts with a brace, one of 19,280 with an archive's ``PK``, but
    neither JSON nor a zip archive has the zero bytes at the end of a plausible length.
    """
    from layercli.formats.safetensors_header import LENGTH, LONGEST_HEADER

    length = int.from_bytes(start[:LENGTH], "little")
    return length <= LONGEST_HEADER and start[LENGTH:].lstrip().startswith(b"{")


def zip_content(file: Path) -> str | None:
    """Return what a zip archive appears to hold, or None for npy files or nothing."""
    from layercli.formats.zip_archive import members_in

    names = "".join(f"\0/{info.filename}" for info in members_in(file)) + "\0"  # no name of a zip archive has a NUL
    if "\0/config.json\0" in names:
        return KERAS
    if "/data.pkl\0" in names:
        return TORCHSCRIPT if "/constants.pkl\0" in names else TORCH
    if "/models/model.json\0" in names or "/archive_format\0" in names:
        return PT2
    if len(names) > 1 and ".npy\0" not in names:
        return "a zip archive"
    return None


def seeming(file: Path, start: bytes) -> str | None:
    """Return what an unsupported file appears to be, or None if it cannot be recognised."""
    if start.startswith(b"PK"):
        return zip_content(file)
    if start.startswith(HDF5):
        return "an HDF5 file"
    if start[257:].startswith(b"ustar") and start.startswith(OLD_MEMBERS):
        return OLDER_TORCH
    if start.removeprefix(b"\xef\xbb\xbf").lstrip()[:20].lower().startswith(PAGES):
        return PAGE
    for offset, magic, name in FOREIGN:
        if start[offset:].startswith(magic):
            return name
    if len(start) > 2 and start[0] == 8 and start[1] < 32 and start[2] in ONNX_FIELDS:
        return ONNX
    return None


def unreadable(file: Path, start: bytes) -> FormatError:
    """Return the error that says what ``file`` appears to be."""
    name = seeming(file, start)
    if name is None:
        if file.suffix in H5_NAMES:
            return DamagedFileError(f"{file} does not begin as an HDF5 file does", code="unknown-format")
        return FormatError(f"{file} is in no format that layercli knows", code="unknown-format")
    if name in REFUSALS:
        reason, hint = REFUSALS[name]
        return FormatError(f"{file} is {name}, {reason}", hint=hint, code="unknown-format")
    return FormatError(f"{file} is {name}, which layercli does not read yet", code="unknown-format")
