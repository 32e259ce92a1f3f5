"""Statistics of a tensor's values, in one pass and bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from layercli.dataclass import dataclass

if TYPE_CHECKING:
    import numpy as np

    from layercli.inspect.histogram import ValueSample

#: Values converted to float64 at a time, to bound memory.
STRIDE = 1 << 18


@dataclass(frozen=True)
class Statistics:
    """Statistics of ``count`` values, of which ``nonfinite`` are NaN or infinite; the others determine all figures.

    ``minimum`` and ``maximum`` are exact (an ``int`` for integers and bool), ``mean`` and ``std`` (of the population)
    are float64, ``zeros`` counts exact zeros. Without a finite value the first four are None. A complex value counts by
    its magnitude.
    """

    minimum: float | int | None
    maximum: float | int | None
    mean: float | None
    std: float | None
    zeros: int
    nonfinite: int
    count: int


@dataclass(frozen=True)
class TensorMoments:
    """The count, the mean, and the sum of squared deviations from the mean.

    Sums of squares are avoided: their difference loses all digits if the mean is far from 0.
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, values: np.ndarray) -> TensorMoments:
        """Return the moments of a non-empty flat array."""
        import numpy as np

        exact = values.astype(np.float64)
        mean = float(exact.mean())
        exact -= mean
        return cls(len(exact), mean, float(exact @ exact))

    def merge(self, other: TensorMoments) -> TensorMoments:
        """Return the moments of the union of both sets of values (Chan, Golub and LeVeque, 1979)."""
        count = self.count + other.count
        if not count:
            return self
        delta = other.mean - self.mean
        share = other.count / count
        squares = self.squares + other.squares + delta * delta * self.count * share
        return TensorMoments(count, self.mean + delta * share, squares)


def statistics(chunks: Iterable[np.ndarray], sample: ValueSample | None = None) -> Statistics:
    """Return the statistics of all values in ``chunks``, flat arrays of one dtype, in one pass; ``sample`` gets the finite ones.

    Memory stays bounded by one chunk. Values beyond about 1e150 in magnitude may leave ``std`` infinite.

    >>> import numpy as np
    >>> statistics([np.array([1.0, 2.0]), np.array([3.0, np.nan])])
    Statistics(minimum=1.0, maximum=3.0, mean=2.0, std=0.816496580927726, zeros=0, nonfinite=1, count=4)
    """
    import numpy as np

    moments = TensorMoments()
    extremes: list[float | int] = []
    count = zeros = 0
    with np.errstate(over="ignore", invalid="ignore"):
        for chunk in chunks:
            count += chunk.size
            for start in range(0, chunk.size, STRIDE):
                values = finite(chunk[start : start + STRIDE])
                if not values.size:
                    continue
                extremes = [min([*extremes[:1], values.min().item()]), max([*extremes[1:], values.max().item()])]
                zeros += values.size - int(np.count_nonzero(values))
                moments = moments.merge(TensorMoments.of(values))
                if sample is not None:
                    sample.add(values)
    nonfinite = count - moments.count
    if not extremes:
        return Statistics(None, None, None, None, 0, nonfinite, count)
    std = math.sqrt(moments.squares / moments.count)
    return Statistics(extremes[0], extremes[1], moments.mean, std, zeros, nonfinite, count)


def finite(values: np.ndarray) -> np.ndarray:
    """Return the finite values; complex values as magnitudes, booleans as 0 and 1."""
    import numpy as np

    if values.dtype.kind == "b":
        return values.view(np.uint8)
    if values.dtype.kind not in "fc":
        return values
    mask = np.isfinite(values)
    kept = values if mask.all() else values[mask]
    return np.abs(kept) if kept.dtype.kind == "c" else kept
