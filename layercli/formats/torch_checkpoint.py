"""The zip archive of ``torch.save``: a pickle that describes tensors, and one uncompressed member per storage.

Neither torch nor Python's pickle is used: the pickle is parsed as data (``safe_pickle``), so that a file can hold weights but
nothing that is executed. The description of a tensor is compared with the member that holds its storage.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import field
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layercli.core.limits import DEPTH, DESCRIPTION, TENSORS
from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.formats import safe_pickle
from layercli.formats.os_errors import reading
from layercli.formats.pickle_notes import noted_in
from layercli.formats.pickled_values import Pairs, PickledCall
from layercli.formats.strided_tensor import Strided
from layercli.formats.tensor_data import Layout, TensorData
from layercli.formats.torch_opaque import OpaqueTensor
from layercli.formats.torch_storage import Tensor, is_tensor, named, tensor_of
from layercli.formats.weight_file import TensorEntry, missing
from layercli.formats.zip_archive import member_start, members_in

if TYPE_CHECKING:
    from mmap import mmap

    import numpy as np

PICKLE = "data.pkl"
LETTERS_PER_BYTE = 64
"""The maximum total length of names per byte of the pickle: a small pickle can reach one tensor by very many paths."""
VALUES = {
    *(f"builtins.{name}" for name in ("bool", "bytearray", "complex", "dict", "float", "frozenset", "int", "list", "set",
                                      "slice", "str", "tuple")),
    *(f"collections.{name}" for name in ("Counter", "OrderedDict", "defaultdict", "deque")),
    *(f"numpy.{name}" for name in ("dtype", "ndarray", "core.multiarray.scalar", "_core.multiarray.scalar",
                                   "core.multiarray._reconstruct", "_core.multiarray._reconstruct",
                                   "core.numeric._frombuffer", "_core.numeric._frombuffer")),
    *(f"pathlib.{name}" for name in ("Path", "PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath")),
    *(f"torch.{name}" for name in ("Size", "device", "serialization._get_layout", "strided")),
    "_codecs.encode", "argparse.Namespace", "datetime.datetime", "datetime.timedelta",
}  # fmt: skip
"""Names of values in checkpoints that are not tensors; they are skipped and never created."""
NUMPY_ARRAYS = {name for name in VALUES if name.startswith("numpy.") and name.endswith(("_reconstruct", "_frombuffer"))}
NAMES = VALUES | named()


class TorchFile:
    """A ``torch.save`` file: every tensor in its dicts and lists, by keys joined with ``/``.

    The keys of a ``state_dict`` are unchanged; ``parts`` are the paths of the dicts that hold tensors, ``""`` for the file
    itself, ``arrays`` those of NumPy arrays, which are no entries, and ``metadata`` is what the file notes beside them. Raises
    FileError if it cannot be read, FormatError if it is damaged or could contain code.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.file = Path(path)
        self._members = members_of(self.file, members_in(self.file))
        self._big_endian = is_big_endian(self.file, self._members)
        pickle = content(self.file, self._members[PICKLE])
        root = safe_pickle.load(str(self.file), pickle, allowed(self.file, pickle))
        self._list(root, len(pickle))
        self.metadata = noted_in(root)

    def read(self, path: str) -> np.ndarray:
        """Return the values of the entry ``path``, memory-mapped if numpy has their dtype."""
        return self._values(path).read()

    def chunks(self, path: str, values: int = 1 << 20) -> Iterator[np.ndarray]:
        """Yield the values of the entry ``path``, flat, at most ``values`` at a time."""
        return self._values(path).chunks(values)

    def stored(self, path: str) -> np.ndarray | None:
        """Return the values of the entry ``path`` as they lie, mapped; None for a conjugate or a negative."""
        return self._values(path).stored_values()

    def _list(self, root: object, length: int) -> None:
        """Set the entries from what a pickle of ``length`` bytes describes."""
        found = self._collected(root, length)
        self.parts = found.parts
        self.arrays = found.arrays
        where = f"{self.file}: "
        self._tensors = {name: self._checked(f"{where}{name!r}", value) for name, value in found.by_path.items()}
        self.entries = entries_of(self._tensors)

    def _collected(self, root: object, length: int) -> Tensors:
        """Return the tensors in what a pickle describes."""
        found = Tensors(self.file, length)
        found.collect(root)
        return found

    def _checked(self, where: str, value: object) -> Tensor | OpaqueTensor:
        tensor = tensor_of(where, value)
        for part in [tensor] if isinstance(tensor, Tensor) else tensor.parts:
            held = self._held(part.key)
            if held is None:
                raise FormatError(
                    f"{where} is in the storage {part.key!r}, which the archive does not hold", code="missing-tensor"
                )
            if part.nbytes != held:
                raise FormatError(
                    f"{where} is in a storage of {part.nbytes:,} bytes, for which the archive holds {held:,}",
                    code="wrong-length",
                )
        return tensor

    def _held(self, key: str) -> int | None:
        """Return the bytes of a storage, None if there is none."""
        info = self._members.get(f"data/{key}")
        return None if info is None else info.file_size

    def _start(self, key: str) -> int:
        """Return the offset of a storage in the file."""
        return member_start(self.file, self._members[f"data/{key}"])

    def _values(self, path: str) -> Strided:
        if path not in self._tensors:
            raise missing(self.file, path, self.entries)
        tensor, entry = self._tensors[path], self.entries[path]
        if isinstance(tensor, OpaqueTensor):
            raise FormatError(f"{self.file}: the values of {path!r} cannot be read, as it is {tensor.what}")
        row = Layout(TensorEntry(path, (tensor.count,), tensor.dtype), self._big_endian)
        return Strided(entry, tensor, TensorData(self.file, self._start(tensor.key), row))


def members_of(file: Path, infos: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Return the members of the archive by name, without the folder that contains them all."""
    folders = [i.filename.removesuffix(PICKLE) for i in infos if f"/{i.filename}".endswith(f"/{PICKLE}")]
    if len(folders) != 1:
        raise FormatError(f"{file} holds {len(folders)} pickles, and a file of torch.save holds one")
    found: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.filename.removeprefix(folders[0])
        check_member(file, info)
        if name in found:
            raise FormatError(f"{file} holds {info.filename!r} twice", code="duplicate")
        found[name] = info
    return found


def check_member(file: Path, info: zipfile.ZipInfo) -> None:
    """Raise FormatError for a member that torch.save does not write."""
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise FormatError(f"{file}: {info.filename!r} is compressed, which torch.save does not do", code="unreadable")


def content(file: Path, info: zipfile.ZipInfo) -> bytes:
    """Return the bytes of a member; the checksum is not verified, because torch can omit it."""
    DESCRIPTION.check(f"{file}: {info.filename!r}", info.file_size)
    start = member_start(file, info)
    with reading(file), open(file, "rb") as stream:
        stream.seek(start)
        found = stream.read(info.file_size)
    if len(found) != info.file_size:
        raise FormatError(f"{file} ends within {info.filename!r}", code="truncated")
    return found


def allowed(file: Path, raw: bytes | mmap) -> Callable[[str], None]:
    """Return the check of a name in the pickle ``raw``, which raises FormatError if that is possible code."""

    def check(name: str) -> None:
        if name in NAMES:
            return
        shown = name if len(name) <= 80 else f"{name[:80]}..."
        if raw.find(b"_parameters") >= 0 and raw.find(b"_modules") >= 0:
            raise FormatError(
                f"{file} is a whole pickled module ({shown!r}), which could be code and is never loaded",
                hint="save its weights: torch.save(model.state_dict(), FILE); or all of it: torch.export.save",
                code="unsafe",
            )
        raise FormatError(
            f"{file} holds {shown!r}, which could be code and is never loaded",
            hint="save only tensors, numbers and strings: torch.save(model.state_dict(), FILE)",
            code="unsafe",
        )

    return check


def is_big_endian(file: Path, members: dict[str, zipfile.ZipInfo]) -> bool:
    """Return whether values are big-endian; archives without a byte order are little-endian."""
    info = members.get("byteorder")
    order = b"little" if info is None else content(file, info)
    if order not in (b"little", b"big"):
        raise FormatError(f"{file} has the byte order {order[:20]!r}, which is neither little nor big")
    return order == b"big"


def entries_of(tensors: dict[str, Tensor | OpaqueTensor]) -> dict[str, TensorEntry]:
    """Return the entries; an entry with the same values as another refers to it."""
    first: dict[Tensor | OpaqueTensor, str] = {}
    found: dict[str, TensorEntry] = {}
    for path, tensor in tensors.items():
        original = same(path, first.setdefault(tensor, path))
        if isinstance(tensor, OpaqueTensor):
            found[path] = TensorEntry(path, tensor.shape, tensor.dtype, tensor.nbytes, original, tensor.what)
        else:
            found[path] = TensorEntry(path, tensor.shape, tensor.dtype, held_bytes(tensor), original)
    return found


def held_bytes(tensor: Tensor) -> int | None:
    """Return the stored bytes of a tensor that repeats values by its strides; None for other tensors."""
    if prod(tensor.shape) <= tensor.count:
        return None
    entry = TensorEntry("", tensor.shape, tensor.dtype)
    return tensor.nbytes if entry.bytes > tensor.nbytes else None


def same(path: str, first: str) -> str | None:
    """Return the path of the first entry with the same values, if it is another one."""
    return None if path == first else first


@dataclass
class Tensors:
    """The tensors in the dicts and lists of a pickle, and the paths of the dicts that hold some."""

    file: Path
    length: int
    """How many bytes the pickle has."""
    between: str = "/"
    """What joins the keys of nested dicts."""
    by_path: dict[str, Any] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    arrays: list[str] = field(default_factory=list)
    """The paths of NumPy arrays, which are not read."""
    barren: set[int] = field(default_factory=set)
    letters: int = 0
    most: int = field(default_factory=lambda: TENSORS.value)
    deepest: int = field(default_factory=lambda: DEPTH.value)

    def collect(self, root: Any) -> None:
        """Find all tensors in ``root``; a ``root`` that is a tensor is named like the file."""
        if is_tensor(root):
            self.parts.append("")
            self._add((self.file.stem,), root)
        elif isinstance(root, (Pairs, list, tuple)):
            self._search(root, ())

    def _search(self, held: Any, keys: tuple[object, ...]) -> None:
        """Search a dict or list; one without tensors is never searched again."""
        if len(keys) >= self.deepest:
            raise DEPTH.refused(f"{self.file} has more than {self.deepest} nested dicts and lists, or a cycle")
        before = len(self.by_path)
        pairs = held.pairs if isinstance(held, Pairs) else enumerate(held)
        for key, value in pairs:
            if is_tensor(value):
                self._add((*keys, key), value)
            elif isinstance(value, (Pairs, list, tuple)) and id(value) not in self.barren:
                self._search(value, (*keys, key))
            elif isinstance(value, PickledCall) and value.of in NUMPY_ARRAYS and type(key) in (str, int):
                self.arrays.append(self._path((*keys, key)))
        if isinstance(held, Pairs) and any(is_tensor(value) for _, value in held.pairs):
            self.parts.append(self._path(keys))
        if len(self.by_path) == before:
            self.barren.add(id(held))

    def _add(self, keys: tuple[object, ...], value: PickledCall) -> None:
        path = self._path(keys)
        if path in self.by_path:
            raise FormatError(f"{self.file} holds {path!r} twice", code="duplicate")
        self.letters += len(path)
        if len(self.by_path) >= self.most:
            TENSORS.check(self.file, len(self.by_path) + 1)
        if len(self.by_path) >= self.length or self.letters > LETTERS_PER_BYTE * max(self.length, 1 << 16):
            raise FormatError(
                f"{self.file} leads to its tensors in more ways than its {self.length:,} bytes of description"
            )
        self.by_path[path] = value

    def _path(self, keys: tuple[object, ...]) -> str:
        if len(keys) == 1 and type(keys[0]) is str:
            return keys[0]
        for key in keys:
            if type(key) not in (str, int):
                raise FormatError(f"{self.file} holds a tensor under a key that is neither a text nor an integer")
        return self.between.join(map(str, keys))
