"""safetensors: an 8-byte length N, N bytes of JSON that describe every tensor, then the tensors, end to end.

Format: https://github.com/huggingface/safetensors#format. The header is validated completely before it is used: names are
unique, dtypes known, and the byte ranges cover the rest of the file exactly.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from layercli.errors import FormatError, UsageError
from layercli.formats.atomic import staged
from layercli.formats.os_errors import reading
from layercli.formats.private_maps import PrivateMaps
from layercli.formats.safetensors_header import DTYPES, read_header
from layercli.formats.tensor_data import Layout, TensorData
from layercli.formats.weight_file import missing

if TYPE_CHECKING:
    import numpy as np

#: The numpy dtypes that can be written.
WRITABLE = set(DTYPES.values())


class SafetensorsFile:
    """A ``.safetensors`` file; ``metadata`` are the strings its writer stored.

    Raises FileError if it cannot be read, FormatError for an invalid header.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.file = Path(path)
        with reading(self.file), open(self.file, "rb", buffering=0) as stream:
            header = read_header(self.file, stream, os.fstat(stream.fileno()).st_size)
        self.metadata, self.entries, self._given, self._start = header
        self._maps = PrivateMaps(self.file)

    @cached_property
    def _begins(self) -> dict[str, int]:
        """The byte after the header at which each tensor begins; summaries of 90,000 tensors do without."""
        if self._given is not None:
            return self._given
        sizes = [entry.bytes for entry in self.entries.values()]
        return dict(zip(self.entries, accumulate(sizes, initial=0), strict=False))

    def read(self, path: str) -> np.ndarray:
        """Return the values of the entry ``path``, memory-mapped."""
        return self._block(path).read()

    def chunks(self, path: str, values: int = 1 << 20) -> Iterator[np.ndarray]:
        """Yield the values of the entry ``path``, flat, at most ``values`` at a time."""
        return self._block(path).chunks(values)

    def stored(self, path: str) -> np.ndarray:
        """Return the undecoded values of the entry ``path``, memory-mapped."""
        return self._block(path).stored()

    def writable(self, path: str) -> np.ndarray:
        """Return the undecoded values of the entry ``path``, mapped copy-on-write; any number may be held at once."""
        return self._maps.values(self._block(path))

    def _block(self, path: str) -> TensorData:
        if path not in self.entries:
            raise missing(self.file, path, self.entries)
        if (entry := self.entries[path]).opaque is not None:
            raise FormatError(f"{self.file}: the values of {path!r} cannot be read, as {entry.unreadable}")
        return TensorData(self.file, self._start + self._begins[path], Layout(entry))


def save(path: str | os.PathLike[str], arrays: dict[str, np.ndarray], metadata: dict[str, str] | None = None) -> None:
    """Write ``arrays`` as the safetensors file ``path``, atomically.

    Raises UsageError for values safetensors has no dtype for, FileError if the file cannot be written.

    >>> import numpy as np
    >>> save("model.safetensors", {"dense/kernel": np.zeros((4, 3), np.float32)})
    >>> SafetensorsFile("model.safetensors").entries["dense/kernel"].shape
    (4, 3)
    """
    from safetensors.numpy import save_file

    contiguous = {name: writable_array(name, array) for name, array in arrays.items()}
    with staged(path) as temporary, system_errors():
        save_file(contiguous, temporary, metadata)


def writable_array(name: str, array: np.ndarray) -> np.ndarray:
    """Return ``array`` contiguous, because the package writes memory without regard to strides."""
    import numpy as np

    if name == "__metadata__":
        raise UsageError("cannot save a tensor named '__metadata__', which safetensors keeps for itself")
    if array.dtype.name not in WRITABLE:
        raise UsageError(f"cannot save {name!r}: safetensors has no dtype for values of {array.dtype.name}")
    return np.asarray(array, order="C")


@contextmanager
def system_errors() -> Iterator[None]:
    """Convert the package's exceptions to the OSError whose number they contain."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        raise OSError(int(number[1]) if number else None, str(error)) from error
