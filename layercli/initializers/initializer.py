"""What every initializer is: called with a shape, a dtype and a generator, it returns a new array."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from layercli.core.registry import DataclassConfig, check_numbers
from layercli.errors import ShapeError

if TYPE_CHECKING:
    import numpy as np

Shape = tuple[int, ...]

#: numpy's dtypes by name; any other floating-point dtype is drawn as float32 for the caller to round.
WIDE = ("float16", "float32", "float64", "complex64", "complex128", "bool")


@dataclass(frozen=True)
class Initializer(DataclassConfig):
    """What makes an array of a shape. A subclass says how in ``__call__``.

    A subclass of your own may have an ``__init__``; its ``get_config`` then returns that method's arguments.
    """

    home: ClassVar[str] = "keras.initializers"

    def __post_init__(self) -> None:
        check_numbers(self)

    def __call__(self, shape: Shape, dtype: str = "float32", rng: np.random.Generator | None = None) -> np.ndarray:
        """Return a new array of this shape and dtype, drawn from ``rng`` (or from the system's randomness)."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it makes values")


def array_dtype(dtype: str) -> np.dtype:
    """Return the numpy dtype to make values of ``dtype`` in: float32 for those that numpy lacks."""
    import numpy as np

    return np.dtype(dtype if dtype in WIDE or "int" in dtype else "float32")


def values(
    initializer: Callable[..., Any], shape: Shape, dtype: str = "float32", rng: np.random.Generator | None = None
) -> np.ndarray:
    """Return what ``initializer``, one of ours or any function of (shape, dtype), gives for a shape and a dtype.

    ``rng`` is handed on to those that take it. Raises ShapeError if what comes back has another shape.

    >>> values(lambda shape, dtype: [[1, 2]], (1, 2)).tolist()
    [[1.0, 2.0]]
    """
    import numpy as np

    extra = {"rng": rng} if "rng" in inspect.signature(initializer).parameters else {}
    array = np.asarray(initializer(shape, dtype, **extra), array_dtype(dtype))
    if array.shape != tuple(shape):
        raise ShapeError(f"the initializer {initializer} gives the shape {array.shape}, where {tuple(shape)} is wanted")
    return array
