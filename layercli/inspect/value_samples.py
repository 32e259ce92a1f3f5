"""A few values of a variable at given positions, to tell which variables of two models are the same."""

from __future__ import annotations

import zlib
from dataclasses import field
from functools import lru_cache
from typing import TYPE_CHECKING

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
    """Reads samples and keeps them while two models are matched; not the arrays, as each map holds a file descriptor."""

    samples: dict[tuple[int, tuple[int, ...], Order], np.ndarray] = field(default_factory=dict)

    def at(self, row: VariableRow, shape: tuple[int, ...], order: Order) -> np.ndarray:
        """Return values of ``row``, as float64, at places drawn for ``shape``, the one that its transpose to ``order`` has."""
        key = id(row), shape, order
        if key not in self.samples:
            self.samples[key] = values_at(row, indices(shape, order))
        return self.samples[key]

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
        x, y = self.at(a, b.shape, order), self.at(b, b.shape, tuple(range(len(b.shape))))
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            return 2.0 if np.array_equal(x, y, equal_nan=True) else 0.0
        most = float(np.abs(x).max(initial=0.0))
        if np.abs(x - y).max(initial=0.0) <= CLOSE * most:
            return 2.0
        norms = float(np.linalg.norm(x) * np.linalg.norm(y))
        return float(x @ y) / norms if norms else 0.0


@lru_cache(maxsize=4096)
def indices(shape: tuple[int, ...], order: Order) -> tuple[np.ndarray, ...]:
    """Return COUNT places in an array whose transpose to ``order`` has ``shape``, one array for each axis; always the same."""
    import numpy as np

    rng = np.random.default_rng(zlib.crc32(repr(shape).encode()))
    drawn = tuple(rng.integers(0, size, COUNT) for size in shape)
    return tuple(drawn[order.index(axis)] for axis in range(len(order)))


def values_at(row: VariableRow, places: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return the values of ``row`` at ``places``, one array for each axis, as float64."""
    import numpy as np

    from layercli.formats.dtype_codec import decode

    stored = row.stored() if row.dtype in BITS else None
    found = row.read()[places] if stored is None else decode(stored.reshape(row.shape)[places], row.dtype)
    with np.errstate(invalid="ignore"):
        return np.asarray(found).astype(np.float64, copy=False)
