"""The file of ``torch.save`` before PyTorch 1.6: five pickles in a row, then every storage behind its number of values.

The pickles are a magic number, the protocol, facts about the writer's machine, the saved object, and the keys of the storages in
their order. They are parsed as data, as in ``torch_checkpoint``.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from layercli.core.limits import DESCRIPTION, TENSORS
from layercli.errors import FormatError
from layercli.formats import safe_pickle
from layercli.formats.os_errors import reading
from layercli.formats.pickle_notes import noted_in
from layercli.formats.pickled_values import Pairs
from layercli.formats.safe_pickle import Machine
from layercli.formats.torch_checkpoint import TorchFile, allowed
from layercli.formats.torch_opaque import QUANTIZED
from layercli.formats.torch_storage import STORAGES, UNTYPED, storage_of
from layercli.formats.weight_file import BITS

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
COUNT = struct.Struct("<Q")


class LegacyTorchFile(TorchFile):
    """A file of torch.save before PyTorch 1.6; as ``TorchFile`` otherwise."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.file = Path(path)
        with reading(self.file), open(self.file, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            with mmap.mmap(stream.fileno(), min(size, DESCRIPTION.value), access=mmap.ACCESS_READ) as raw:
                root, order, machine, position = self._described(raw)
            self._places = self._storages(stream, size, order, sizes_of(str(self.file), machine), position)
        self._list(root, position)
        self.metadata = noted_in(root)

    def _described(self, raw: mmap.mmap) -> tuple[Any, list[Any], Machine, int]:
        """Return the saved object, the keys of the storages, the machine that read the object, and where the storages begin."""
        check, found, position = allowed(self.file, raw), [], 0
        for _ in range(5):
            value, machine = safe_pickle.load_at(str(self.file), raw, position, check)
            found.append((value, machine))
            position = machine.position + 1
        (magic, _), (protocol, _), (facts, _), (root, machine), (order, _) = found
        if magic != MAGIC or protocol != PROTOCOL or not isinstance(order, list):
            raise FormatError(f"{self.file} is not a file of torch.save before PyTorch 1.6", code="bad-header")
        pairs = facts.pairs if isinstance(facts, Pairs) else []
        self._big_endian = any(key == "little_endian" and value is False for key, value in pairs)
        return root, order, machine, position

    def _storages(
        self, stream: Any, size: int, order: Sequence[object], sizes: dict[str, tuple[int, int]], position: int
    ) -> dict[str, tuple[int, int]]:
        """Return the offset and the bytes of each storage by its key."""
        TENSORS.check(self.file, len(order))
        places: dict[str, tuple[int, int]] = {}
        for key in order:
            if not isinstance(key, str) or key not in sizes or key in places:
                raise FormatError(f"{self.file} lists a storage that no tensor of it is in", code="bad-header")
            stream.seek(position)
            raw = stream.read(COUNT.size)
            count, held = sizes[key]
            if len(raw) == COUNT.size and int.from_bytes(raw, "big" if self._big_endian else "little") != count:
                raise FormatError(
                    f"{self.file} holds another number of values of the storage {key!r}", code="wrong-length"
                )
            places[key] = position + COUNT.size, held
            position += COUNT.size + held
            if position > size:
                raise FormatError(f"{self.file} ends within the storage {key!r}", code="truncated")
        return places

    def _held(self, key: str) -> int | None:
        return self._places[key][1] if key in self._places else None

    def _start(self, key: str) -> int:
        return self._places[key][0]


def sizes_of(where: str, machine: Machine) -> dict[str, tuple[int, int]]:
    """Return the values and the bytes of each storage that the pickle refers to."""
    found: dict[str, tuple[int, int]] = {}
    for reference in machine.references:
        key, kind, count = storage_of(where, reference)
        name = kind.rpartition(".")[2].removesuffix("Storage")
        stored, shared = QUANTIZED.get(name, (STORAGES.get(name), 1))
        if kind in UNTYPED:
            stored = "uint8"
        if stored is None:
            raise FormatError(
                f"{where} has a storage of the kind {kind!r}, which layercli does not know", code="bad-dtype"
            )
        found[key] = count, -(-count // shared) * BITS[stored] // 8
    return found
