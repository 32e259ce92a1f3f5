"""A quantized checkpoint as a weight file of the weights that it stands for, each unpacked when it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layercli.formats.weight_file import TensorEntry
from layercli.inspect.packed_weights import PackedWeight, unpacked_entries
from layercli.inspect.unpacked_values import unpacked

if TYPE_CHECKING:
    import numpy as np

    from layercli.formats.weight_file import WeightFile


class UnpackedFile:
    """The entries of ``packed_file`` with each packed weight as one, of the shape that it has before packing."""

    def __init__(self, packed_file: WeightFile, packed: list[PackedWeight], settings: Mapping[str, Any]) -> None:
        self.packed_file, self.settings = packed_file, settings
        self.file: Path = packed_file.file
        self.packed = {weight.path: weight for weight in packed}
        self.entries: Mapping[str, TensorEntry] = unpacked_entries(packed_file.entries, packed)

    def read(self, path: str) -> np.ndarray:
        """Return the values of an entry, those of a packed weight as float32; FormatError if it cannot be unpacked."""
        if path in self.packed:
            return unpacked(self.packed_file, self.settings, self.packed[path])
        return self.packed_file.read(path)

    def chunks(self, path: str, values: int = 1 << 20) -> Iterator[np.ndarray]:
        """Yield the values of an entry, flat."""
        flat = self.read(path).reshape(-1)
        for start in range(0, flat.size, values):
            yield flat[start : start + values]
