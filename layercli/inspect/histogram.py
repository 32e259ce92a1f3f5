"""How the values of a tensor are distributed, from a sample of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

BINS = 16
MOST = 1 << 16
"""How many values are kept: all of a smaller tensor, else every n-th with an odd n, as sizes of tensors are mostly even."""


class ValueSample:
    """Every ``step``-th of the values added so far, at most ``MOST`` of them."""

    def __init__(self) -> None:
        self.step = 1
        self._skip = 0
        self._kept: list[np.ndarray] = []
        self._count = 0

    def add(self, values: np.ndarray) -> None:
        """Add flat, finite values, which come after those added before."""
        found = values[self._skip :: self.step]
        self._skip = (self._skip - len(values)) % self.step
        self._kept.append(found.astype("float64"))
        self._count += len(found)
        while self._count > MOST:
            self._thin()

    def _thin(self) -> None:
        import numpy as np

        values = np.concatenate(self._kept)
        self._skip += self.step * (-len(values) % 3)
        self._kept, self.step = [values[::3].copy()], self.step * 3
        self._count = len(self._kept[0])

    def histogram(self) -> list[int]:
        """Return how many of the kept values lie in each of ``BINS`` equal intervals from the least to the greatest of them.

        There are none without values.

        >>> import numpy as np
        >>> sample = ValueSample()
        >>> sample.add(np.arange(32.0))
        >>> sample.histogram() == [2] * 16
        True
        """
        import numpy as np

        values = np.concatenate(self._kept) if self._kept else np.empty(0)
        if not len(values):
            return []
        scale = np.abs(values).max()
        values = values / scale if scale else values  # a range beyond the greatest float64 would overflow
        return [int(count) for count in np.histogram(values, bins=BINS)[0]]
