"""A file of ``torch.save`` that holds a state_dict, written without torch, each storage as a member of the zip archive.

The pickle is written instruction by instruction: it calls what ``torch.load(weights_only=True)`` allows, and nothing else.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Sequence
from typing import IO

from layercli.errors import UsageError
from layercli.formats.tensor_stream import TensorStream
from layercli.formats.torch_storage import STORAGES

CLASSES = {dtype: f"{name}Storage" for name, dtype in STORAGES.items() if dtype is not None}
UNTYPED = {
    "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu", "uint16", "uint32", "uint64",
}  # fmt: skip
"""The dtypes without a storage class: torch keeps their tensors as bytes with the name of the dtype."""
FOLDER = "archive"
START, STOP, MARK, TUPLE, DICT, SETITEMS = b"\x80\x02", b".", b"(", b"t", b"}", b"u"
EMPTY_TUPLE, REDUCE, FALSE, PERSISTENT = b")", b"R", b"\x89", b"Q"
REBUILD, REBUILD_UNTYPED = b"ctorch._utils\n_rebuild_tensor_v2\n", b"ctorch._utils\n_rebuild_tensor_v3\n"
ORDERED_DICT = b"ccollections\nOrderedDict\n"


def write_torch(stream: IO[bytes], tensors: Sequence[TensorStream]) -> None:
    """Write tensors as a state_dict; one that shares another's values shares its storage."""
    keys: dict[str, int] = {}
    for each in tensors:
        if each.entry.dtype not in CLASSES.keys() | UNTYPED:
            raise UsageError(f"torch.save's format has no storage for {each.entry.path!r} of {each.entry.dtype}")
        if each.entry.same_as is None:
            keys[each.entry.path] = len(keys)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as zipped:
        zipped.writestr(f"{FOLDER}/data.pkl", state_dict(tensors, keys))
        zipped.writestr(f"{FOLDER}/byteorder", b"little")
        for each in tensors:
            if each.entry.same_as is None:
                with zipped.open(f"{FOLDER}/data/{keys[each.entry.path]}", "w", force_zip64=True) as member:
                    for block in each.blocks():
                        member.write(block.data)
        zipped.writestr(f"{FOLDER}/version", b"3\n")


def state_dict(tensors: Sequence[TensorStream], keys: dict[str, int]) -> bytes:
    """Return the pickle of a dict of tensors."""
    items = b"".join(text(each.entry.path) + tensor(each, keys) for each in tensors)
    return START + DICT + MARK + items + SETITEMS + STOP


def tensor(each: TensorStream, keys: dict[str, int]) -> bytes:
    """Return the instructions that make a tensor of its storage."""
    entry = each.entry
    strides = [1] * len(entry.shape)
    for axis in range(len(entry.shape) - 2, -1, -1):
        strides[axis] = strides[axis + 1] * max(1, entry.shape[axis + 1])
    key = str(keys[entry.same_as or entry.path])
    untyped = entry.dtype in UNTYPED
    storage = b"ctorch.storage\nUntypedStorage\n" if untyped else f"ctorch\n{CLASSES[entry.dtype]}\n".encode()
    length = number(entry.bytes if untyped else entry.size)
    stored = MARK + text("storage") + storage + text(key) + text("cpu") + length + TUPLE + PERSISTENT
    hooks = ORDERED_DICT + EMPTY_TUPLE + REDUCE
    sizes = numbers(entry.shape) + numbers(strides)
    dtype = f"ctorch\n{entry.dtype}\n".encode() if untyped else b""
    rebuild = REBUILD_UNTYPED if untyped else REBUILD
    return rebuild + MARK + stored + number(0) + sizes + FALSE + hooks + dtype + TUPLE + REDUCE


def text(value: str) -> bytes:
    """Return the instruction that gives a text."""
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    """Return the instruction that gives an integer."""
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def numbers(values: Sequence[int]) -> bytes:
    """Return the instructions that give a tuple of integers."""
    return MARK + b"".join(map(number, values)) + TUPLE
