"""A few values of a variable at given positions, to tell which variables of two models are the same."""

from __future__ import annotations

import zlib
from dataclasses import field
from typing import TYPE_CHECKING, Any

from layercli.dataclass import dataclass
from layercli.formats.weight_file import BITS
from layercli.inspect.layouts import Order

if TYPE_CHECKING:
    import numpy as np

    from layercli.inspect.variables import VariableRow

COUNT = 64
CLOSE = 0.02
"""How far values may be apart, as a share of the largest, to be the same after a cast or a quantization."""


@dataclass
class ValueSamples:
    """Reads samples; what was read of a variable as a whole is kept while two models are matched."""

    arrays: dict[int, Any] = field(default_factory=dict)

    def at(self, row: VariableRow, indices: tuple[np.ndarray, ...]) -> np.ndarray:
        """Return the values at ``indices``, one array for each axis, as float64."""
        import numpy as np

        from layercli.formats.dtype_codec import decode

        if id(row) not in self.arrays:
            stored = row.stored() if row.dtype in BITS else None
            self.arrays[id(row)] = (row.read(), False) if stored is None else (stored.reshape(row.shape), True)
        array, raw = self.arrays[id(row)]
        found = array[indices]
        with np.errstate(invalid="ignore"):
            return np.asarray(decode(found, row.dtype) if raw else found).astype(np.float64, copy=False)

    def agreement(self, a: VariableRow, b: VariableRow, order: Order) -> float:
        """Return how well values agree where ``b`` is ``a.transpose(order)``: 2 equal, -1..1 the cosine, 0 not known."""
        import numpy as np

        if (
            a.unreadable
            or b.unreadable
            or not a.parameters
            or a.dtype.startswith("complex")
            or b.dtype.startswith("complex")
        ):
            return 0.0
        seed = zlib.crc32(repr(b.shape).encode())
        rng = np.random.default_rng(seed)
        theirs = tuple(rng.integers(0, size, COUNT) for size in b.shape)
        ours = tuple(theirs[order.index(axis)] for axis in range(len(a.shape)))
        x, y = self.at(a, ours), self.at(b, theirs)
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            return 2.0 if np.array_equal(x, y, equal_nan=True) else 0.0
        most = float(np.abs(x).max(initial=0.0))
        if np.abs(x - y).max(initial=0.0) <= CLOSE * most:
            return 2.0
        norms = float(np.linalg.norm(x) * np.linalg.norm(y))
        return float(x @ y) / norms if norms else 0.0
