"""The sums over blocks of two variables' values that their distances are made of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SMALLEST = 1e-30
"""A sum of squares in float32 below this may have lost terms."""


class Sums:
    """Adds up blocks; ``rounding`` is the dtype that ``b`` may be rounded to, or None.

    Equal infinities, and two that are NaN, are equal.
    """

    def __init__(self, rtol: float, atol: float, rounding: str | None) -> None:
        self.rtol, self.atol, self.rounding = rtol, atol, rounding
        self.different = False
        self.close = self.finite = True
        self.rounded = rounding is not None
        self.absolute = self.largest = 0.0
        self.aa = self.bb = self.ab = self.dd = 0.0
        self.memory: np.ndarray | None = None

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        """Add a block of ``a`` and the same of ``b``, flat arrays of numbers."""
        import numpy as np

        with np.errstate(all="ignore"):
            if self.rounded and self.rounding is not None:
                self.rounded = same_values(rounded_to(x, self.rounding), y)
            a, b = of_one_dtype(numbers(x), numbers(y))
            distance = self.difference(a, b)
            aa, bb, ab, dd = products(a, b, distance)
            unequal = dd >= SMALLEST or not same_values(x, y)
            if not math.isfinite(aa + bb + dd) or (unequal and dd < SMALLEST):
                a, b = self.finite_numbers(a.astype(np.float64), b.astype(np.float64))
                distance = self.difference(a, b)
                aa, bb, ab, dd = products(a, b, distance)
            self.aa, self.bb, self.ab, self.dd = self.aa + aa, self.bb + bb, self.ab + ab, self.dd + dd
            for side in (a, b):
                self.largest = max(self.largest, float(side.max(initial=0.0)), -float(side.min(initial=0.0)))
            if unequal:
                self.add_distance(a, np.abs(distance, out=distance))

    def difference(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Return ``b - a`` in memory that the next block uses again: fresh memory costs more than the arithmetic."""
        import numpy as np

        if self.memory is None or self.memory.dtype != a.dtype or self.memory.size < a.size:
            self.memory = np.empty_like(a)
        distance = self.memory[: a.size]
        np.subtract(b, a, out=distance)
        return distance

    def finite_numbers(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the values where both are finite; the others are equal or infinitely far apart."""
        import numpy as np

        finite = np.isfinite(a) & np.isfinite(b)
        if not same_values(a[~finite], b[~finite]):
            self.finite = self.close = False
            self.absolute = math.inf
        return a[finite], b[finite]

    def add_distance(self, a: np.ndarray, distance: np.ndarray) -> None:
        """Add how far the values of a block that differs are from ``a``."""
        import numpy as np

        self.different = True
        self.absolute = max(self.absolute, float(distance.max(initial=0.0)))
        if self.close:
            exact = not (self.atol or self.rtol)
            self.close = not exact and bool(np.all(distance <= self.atol + self.rtol * np.abs(a)))

    @property
    def relative(self) -> float:
        """The largest difference over the largest magnitude of both."""
        if not self.absolute:
            return 0.0
        return self.absolute / self.largest if self.largest else math.inf

    @property
    def cosine(self) -> float:
        """The cosine of the angle between the two as vectors."""
        norms = math.sqrt(self.aa) * math.sqrt(self.bb)
        return max(-1.0, min(1.0, self.ab / norms)) if norms else float(self.aa == self.bb)

    @property
    def normalised(self) -> float:
        """The norm of the difference over the norm of ``a``."""
        if self.absolute == math.inf:
            return math.inf
        if not self.aa:
            return math.inf if self.dd else 0.0
        return math.sqrt(self.dd) / math.sqrt(self.aa)

    @property
    def norm_a(self) -> float:
        """The norm of ``a``."""
        return math.sqrt(self.aa)

    @property
    def norm_b(self) -> float:
        """The norm of ``b``."""
        return math.sqrt(self.bb)


def numbers(values: np.ndarray) -> np.ndarray:
    """Return values as a flat array of float32 or float64, a complex one as two."""
    import numpy as np

    if values.dtype.kind == "c":
        values = np.ascontiguousarray(values).view(values.real.dtype)
    if values.dtype in (np.float32, np.float16):
        return values.astype(np.float32, copy=False)
    return values.astype(np.float64, copy=False)


def of_one_dtype(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both as they are where they have one dtype, else as float64."""
    return (a, b) if a.dtype == b.dtype else (a.astype("float64", copy=False), b.astype("float64", copy=False))


def products(a: np.ndarray, b: np.ndarray, distance: np.ndarray) -> tuple[float, float, float, float]:
    """Return the sums of ``a * a``, ``b * b``, ``a * b`` and ``distance * distance``."""
    return float(a @ a), float(b @ b), float(a @ b), float(distance @ distance)


def same_values(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether all values are equal, where two that are NaN are."""
    import numpy as np

    return bool(np.array_equal(x, y) or np.array_equal(x, y, equal_nan=True))


def rounded_to(values: np.ndarray, dtype: str) -> np.ndarray:
    """Return floats rounded to the nearest of a narrower dtype, ties to even; other dtypes are left as they are.

    >>> import numpy as np
    >>> rounded_to(np.array([1.01], "float32"), "bfloat16")
    array([1.0078125], dtype=float32)
    """
    import numpy as np

    if values.dtype.kind != "f":
        return values
    if dtype == "bfloat16":
        bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
        nearest = bits + (np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1))) & np.uint32(0xFFFF0000)
        return np.where(np.isfinite(values), nearest.view(np.float32), values)
    if dtype in ("float16", "float32", "float64"):
        return values.astype(dtype)
    return values
