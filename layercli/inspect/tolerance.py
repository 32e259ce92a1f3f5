"""The difference between two results of a layer, and the difference that rounding can explain."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from layercli.core.dtypes import finfo_range, is_floating
from layercli.core.types import JSONObject
from layercli.dataclass import dataclass
from layercli.formats.json_numbers import json_number

if TYPE_CHECKING:
    import numpy as np

DIGITS = {
    "float64": 53, "float32": 24, "float16": 11, "bfloat16": 8, "float8_e4m3fn": 4, "float8_e5m2": 3,
    "complex128": 53, "complex64": 24,
}  # fmt: skip
"""The significant bits by dtype, per component of complex dtypes; other dtypes are exact."""
SLACK = 32
"""The rounding errors allowed per layer, because sums of many products may use another order."""


@dataclass(frozen=True)
class Tolerance:
    """Values are close where ``|a - b| <= absolute + relative * |b| + scaled * largest |b|``."""

    relative: float = 0.0
    absolute: float = 0.0
    scaled: float = 0.0

    @property
    def share(self) -> float:
        """The tolerance relative to the values."""
        return self.scaled or self.relative

    @staticmethod
    def of(dtype: str, depth: int) -> Tolerance:
        """Return the bound on rounding errors in ``dtype`` after ``depth`` layers; like a random walk, it grows with the root.

        >>> Tolerance.of("float32", 1).scaled == 32 * 2**-24
        True
        """
        rounding = 2.0 ** -DIGITS[dtype] if dtype in DIGITS else 0.0
        return Tolerance(scaled=min(1.0, SLACK * rounding * math.sqrt(depth)))


@dataclass(frozen=True)
class Difference:
    """The difference of one result. ``absolute`` and ``relative`` (to the reference's largest magnitude) are maxima.

    ``cosine`` is 1 minus the cosine similarity of both results as vectors. All are infinite if the shapes differ, or if a
    non-finite value on one side has no equal on the other. ``finite``: all values of both are finite; close results may
    both be non-finite.
    """

    name: str
    cls: str
    absolute: float
    relative: float
    cosine: float
    allowed: float
    close: bool
    finite: bool = True

    def to_json(self) -> JSONObject:
        """Return the comparison as JSON has it."""
        return {
            "name": self.name,
            "class": self.cls,
            "max_absolute": json_number(self.absolute),
            "max_relative": json_number(self.relative),
            "cosine": json_number(self.cosine),
            "allowed": self.allowed,
            "close": self.close,
            "finite": self.finite,
        }


def difference(
    name: str,
    cls: str,
    ours: np.ndarray,
    theirs: np.ndarray,
    tolerance: Tolerance,
    dtypes: tuple[str, str] | None = None,
) -> Difference:
    """Return the difference of ``ours`` from the reference ``theirs``, which were computed in ``dtypes``.

    Equal infinities and two NaNs are equal; so are the lowest finite numbers of both dtypes, which attention masks use for
    minus infinity.
    """
    import numpy as np

    kind = np.complex128 if "c" in (ours.dtype.kind, theirs.dtype.kind) else np.float64
    if ours.shape != theirs.shape:
        return _apart(name, cls, tolerance, finite=bool(np.isfinite(ours).all() and np.isfinite(theirs).all()))
    a, b = ours.astype(kind).ravel(), theirs.astype(kind).ravel()
    finite = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return _apart(name, cls, tolerance, finite=False)
    kept = finite & ~_both_least(a, b, dtypes or (ours.dtype.name, theirs.dtype.name))
    a, b = a[kept], b[kept]
    distance, magnitude = np.abs(a - b), np.abs(b)
    scale = float(magnitude.max(initial=0.0))
    worst = float(distance.max(initial=0.0))
    allowed = tolerance.absolute + tolerance.relative * magnitude + tolerance.scaled * scale
    relative = worst / scale if scale else (math.inf if worst else 0.0)
    close = bool(np.all(distance <= allowed))
    return Difference(name, cls, worst, relative, _cosine(a, b), tolerance.share, close, bool(finite.all()))


def _both_least(a: np.ndarray, b: np.ndarray, dtypes: tuple[str, str]) -> np.ndarray:
    """Return where both values are the lowest finite number of one of the two dtypes."""
    import numpy as np

    least = [finfo_range(dtype)[0] for dtype in dtypes if is_floating(dtype)]
    if len(least) < len(dtypes):
        return np.zeros(a.shape, bool)
    both: np.ndarray = ((a == least[0]) | (a == least[1])) & ((b == least[0]) | (b == least[1]))
    return both


def _apart(name: str, cls: str, tolerance: Tolerance, *, finite: bool) -> Difference:
    return Difference(name, cls, math.inf, math.inf, math.inf, tolerance.share, close=False, finite=finite)


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    import numpy as np

    most = [float(np.abs(x).max(initial=0.0)) for x in (a, b)]
    if not all(most):
        return 0.0 if np.array_equal(a, b) else 1.0
    a, b = a / most[0], b / most[1]
    return max(0.0, 1.0 - float(np.vdot(a, b).real) / float(np.linalg.norm(a) * np.linalg.norm(b)))
