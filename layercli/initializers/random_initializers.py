"""Random initializers whose distribution does not depend on the shape.

Values are computed in float32, or in float64 for that dtype. An initializer with a ``seed`` returns the same values at
every call.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from layercli.dataclass import dataclass
from layercli.errors import DTypeError, ShapeError, UsageError
from layercli.initializers.initializer import Initializer, Shape, array_dtype

if TYPE_CHECKING:
    import numpy as np

#: The bound of a truncated normal distribution, in standard deviations before truncation.
CUT = 2.0


def standard_normal(rng: np.random.Generator, shape: Shape, dtype: np.dtype) -> np.ndarray:
    """Return standard normal values."""
    return rng.standard_normal(shape, dtype.type)


def truncated_normal(rng: np.random.Generator, shape: Shape, dtype: np.dtype) -> np.ndarray:
    """Return standard normal values, resampled until they lie within ``CUT``."""
    import numpy as np

    values = standard_normal(rng, (math.prod(shape),), dtype)
    outside = np.flatnonzero(np.abs(values) > CUT)
    while outside.size:
        again = standard_normal(rng, outside.shape, dtype)
        values[outside] = again
        outside = outside[np.abs(again) > CUT]
    return values.reshape(shape)


def uniform(rng: np.random.Generator, shape: Shape, dtype: np.dtype, low: float, high: float) -> np.ndarray:
    """Return uniform values in [low, high)."""
    return scaled(rng.random(shape, dtype.type), high - low, low)


def scaled(values: np.ndarray, factor: float, offset: float = 0.0) -> np.ndarray:
    """Return values * factor + offset, computed in place to save memory."""
    values *= values.dtype.type(factor)
    if offset:
        values += values.dtype.type(offset)
    return values


class RandomInitializer(Initializer):
    """Base class of random initializers: subclasses have a ``seed`` and implement ``draw``."""

    seed: int | None

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.seed, dict):  # a Keras SeedGenerator, as saved in a .keras file
            object.__setattr__(self, "seed", self.seed.get("config", {}).get("seed"))
        if not isinstance(self.seed, int | None):
            raise UsageError(f"{type(self).__name__} expects seed to be an integer or None, got {self.seed!r}")

    def __call__(self, shape: Shape, dtype: str = "float32", rng: np.random.Generator | None = None) -> np.ndarray:
        """Return values from the seed, or from ``rng`` without one; DTypeError for an integer dtype."""
        import numpy as np

        wanted = array_dtype(dtype)
        if wanted.kind != "f":
            raise DTypeError(f"{self} returns floating-point values, not {dtype}")
        if self.seed is not None or rng is None:
            rng = np.random.default_rng(self.seed)
        computed = np.dtype("float64" if wanted.itemsize == 8 else "float32")
        return self.draw(rng, shape, computed).astype(wanted, copy=False)

    def draw(self, rng: np.random.Generator, shape: Shape, dtype: np.dtype) -> np.ndarray:
        """Return random values in ``dtype``, float32 or float64, from ``rng``."""
        raise NotImplementedError(f"{type(self).__name__} does not implement draw")


@dataclass(frozen=True)
class RandomNormal(RandomInitializer):
    """A normal distribution.

    Arguments:
        mean: the mean.
        stddev: the standard deviation.
        seed: an integer for the same values at every call, or None.
    >>> RandomNormal(stddev=0.02, seed=1)((3,)).dtype.name
    'float32'
    """

    mean: float = 0.0
    stddev: float = 0.05
    seed: int | None = None

    def draw(self, rng: np.random.Generator, shape: Shape, dtype: np.dtype) -> np.ndarray:
        """Return mean + stddev * (a standard normal)."""
        return scaled(standard_normal(rng, shape, dtype), self.stddev, self.mean)


@dataclass(frozen=True)
class RandomUniform(RandomInitializer):
    """A uniform distribution over [minval, maxval).

    Arguments:
        minval: the lower bound, included.
        maxval: the upper bound, excluded.
        seed: an integer for the same values at every call, or None.
    >>> bool((abs(RandomUniform(-1.0, 1.0)((9,))) <= 1).all())
    True
    """

    minval: float = -0.05
    maxval: float = 0.05
    seed: int | None = None

    def draw(self, rng: np.random.Generator, shape: Shape, dtype: np.dtype) -> np.ndarray:
        """Return minval + (maxval - minval) * (uniform over [0, 1))."""
        return uniform(rng, shape, dtype, self.minval, self.maxval)


@dataclass(frozen=True)
class TruncatedNormal(RandomInitializer):
    """A normal distribution whose values beyond 2 stddev from the mean are resampled.

    Arguments:
        mean: the mean.
        stddev: the standard deviation before truncation.
        seed: an integer for the same values at every call, or None.
    >>> bool((abs(TruncatedNormal(stddev=1.0)((9,))) <= 2).all())
    True
    """

    mean: float = 0.0
    stddev: float = 0.05
    seed: int | None = None

    def draw(self, rng: np.random.Generator, shape: Shape, dtype: np.dtype) -> np.ndarray:
        """Return mean + stddev * (a standard normal within [-2, 2])."""
        return scaled(truncated_normal(rng, shape, dtype), self.stddev, self.mean)


@dataclass(frozen=True)
class Orthogonal(RandomInitializer):
    """``gain`` times a random matrix with orthonormal rows, or columns where there are more rows than columns.

    The matrix is uniformly distributed; a shape with more axes is flattened to a matrix, except for its last axis.

    Arguments:
        gain: the factor of the matrix.
        seed: an integer for the same values at every call, or None.
    >>> q = Orthogonal(seed=1)((3, 3), "float64")
    >>> bool((abs(q @ q.T - [[1, 0, 0], [0, 1, 0], [0, 0, 1]]) < 1e-12).all())
    True
    """

    gain: float = 1.0
    seed: int | None = None

    def draw(self, rng: np.random.Generator, shape: Shape, dtype: np.dtype) -> np.ndarray:
        """Return gain * Q of the QR decomposition of a normal matrix, with signs such that R's diagonal is positive."""
        import numpy as np

        if len(shape) < 2:
            raise ShapeError(f"{self} needs a shape of at least two axes, got {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(standard_normal(rng, (max(rows, columns), min(rows, columns)), dtype))
        q *= np.sign(np.diag(r)) * dtype.type(self.gain)
        return np.ascontiguousarray(q.T if rows < columns else q).reshape(shape)
