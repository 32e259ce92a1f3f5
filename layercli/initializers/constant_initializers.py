"""Initializers with constant values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.initializers.initializer import Initializer, Shape, array_dtype

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Zeros(Initializer):
    """All values 0.

    >>> Zeros()((2,)).tolist()
    [0.0, 0.0]
    """

    is_constant = True

    def __call__(self, shape: Shape, dtype: str = "float32", rng: np.random.Generator | None = None) -> np.ndarray:
        """Return zeros of ``shape``."""
        import numpy as np

        return np.zeros(shape, array_dtype(dtype))


@dataclass(frozen=True)
class Ones(Initializer):
    """All values 1.

    >>> Ones()((2,), "int32").tolist()
    [1, 1]
    """

    is_constant = True

    def __call__(self, shape: Shape, dtype: str = "float32", rng: np.random.Generator | None = None) -> np.ndarray:
        """Return ones of ``shape``."""
        import numpy as np

        return np.ones(shape, array_dtype(dtype))


@dataclass(frozen=True)
class Constant(Initializer):
    """All values ``value``: a number, or an array that broadcasts to the shape.

    >>> Constant(0.5)((2,)).tolist()
    [0.5, 0.5]
    """

    value: Any = 0.0

    def __call__(self, shape: Shape, dtype: str = "float32", rng: np.random.Generator | None = None) -> np.ndarray:
        """Return the value broadcast to ``shape``; ShapeError where it does not broadcast."""
        import numpy as np

        array = np.asarray(self.value)
        try:
            return np.broadcast_to(array, shape).astype(array_dtype(dtype))
        except ValueError:
            raise ShapeError(f"a constant of the shape {array.shape} does not broadcast to the shape {shape}") from None


@dataclass(frozen=True)
class Identity(Initializer):
    """``gain`` on the diagonal of a matrix, 0 elsewhere.

    >>> Identity(gain=2.0)((2, 3)).tolist()
    [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]
    """

    gain: float = 1.0

    def __call__(self, shape: Shape, dtype: str = "float32", rng: np.random.Generator | None = None) -> np.ndarray:
        """Return the matrix; ShapeError where ``shape`` does not have two axes."""
        import numpy as np

        if len(shape) != 2:
            raise ShapeError(f"{self} makes a matrix of two axes, not of the shape {shape}")
        return (self.gain * np.eye(*shape)).astype(array_dtype(dtype))
