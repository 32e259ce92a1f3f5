"""A tensor stored as a strided view of a larger one-dimensional storage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from layercli.dataclass import dataclass
from layercli.formats.dtype_codec import decode
from layercli.formats.tensor_data import Layout, TensorData
from layercli.formats.torch_storage import Tensor
from layercli.formats.weight_file import BITS, TensorEntry

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Strided:
    """The values of ``tensor`` in the storage ``stored``."""

    entry: TensorEntry
    tensor: Tensor
    stored: TensorData

    def read(self) -> np.ndarray:
        """Return the values, memory-mapped if numpy has their dtype."""
        values = self._finished(decode(self._view(), self.entry.dtype))
        values.flags.writeable = False
        return values

    def chunks(self, values: int) -> Iterator[np.ndarray]:
        """Yield the values flat, the last axis varying fastest, at most ``values`` at a time."""
        if self.tensor.contiguous:
            yield from map(self._finished, self._block().chunks(values))
            return
        flat = self._view().flat
        for start in range(0, self.entry.size, values):
            yield self._finished(decode(flat[start : start + values], self.entry.dtype))

    def stored_values(self) -> np.ndarray | None:
        """Return the values as they lie, mapped; None where they are not the values of the tensor."""
        return None if self.tensor.conjugate or self.tensor.negative else self._view()

    def _block(self) -> TensorData:
        start = self.stored.offset + self.tensor.offset * BITS[self.tensor.dtype] // 8
        return TensorData(self.stored.file, start, Layout(self.entry, self.stored.layout.big_endian))

    def _view(self) -> np.ndarray:
        import numpy as np

        if self.tensor.contiguous:
            return self._block().stored()
        flat = self.stored.stored()
        pairs = zip(self.tensor.shape, self.tensor.strides, strict=True)
        strides = [0 if size == 1 else step * flat.itemsize for size, step in pairs]
        return np.lib.stride_tricks.as_strided(
            flat[self.tensor.offset :], self.tensor.shape, strides, subok=False, writeable=False
        )

    def _finished(self, values: np.ndarray) -> np.ndarray:
        import numpy as np

        if self.tensor.conjugate:
            values = np.asarray(np.conj(values))
        return np.asarray(np.negative(values)) if self.tensor.negative else values
