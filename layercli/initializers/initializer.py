"""The base class of initializers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

from layercli.core.registry import DataclassConfig, check_numbers
from layercli.dataclass import dataclass
from layercli.errors import ShapeError

if TYPE_CHECKING:
    import numpy as np

Shape = tuple[int, ...]

#: numpy's dtypes by name; values of other floating dtypes are computed in float32 and rounded by the caller.
WIDE = ("float16", "float32", "float64", "complex64", "complex128", "bool")


@dataclass(frozen=True)
class Initializer(DataclassConfig):
    """Base class: an initializer is called with a shape, a dtype and a generator, and returns a new array.

    Subclasses implement ``__call__``; with their own ``__init__``, ``get_config`` returns its arguments.
    """

    keras_module: ClassVar[str] = "keras.initializers"
    is_constant: ClassVar[bool] = False
    """Whether its values need no random generator."""

    def __post_init__(self) -> None:
        check_numbers(self)

    def clone(self) -> Self:
        """Return an initializer of the same config."""
        return type(self).from_config(self.get_config())

    def __call__(self, shape: Shape, dtype: str = "float32", rng: np.random.Generator | None = None) -> np.ndarray:
        """Return a new array of ``shape`` and ``dtype``; random ones use ``rng``, or a new generator for None."""
        raise NotImplementedError(f"{type(self).__name__} does not implement __call__")


def array_dtype(dtype: str) -> np.dtype:
    """Return the numpy dtype in which values of ``dtype`` are computed: float32 for those that numpy lacks."""
    import numpy as np

    return np.dtype(dtype if dtype in WIDE or "int" in dtype else "float32")


@lru_cache(maxsize=256)
def takes_rng(call: Callable[..., Any]) -> bool:
    """Whether the call of a class of initializers has a parameter for the random generator."""
    return "rng" in inspect.signature(call).parameters


def values(
    initializer: Callable[..., Any], shape: Shape, dtype: str = "float32", rng: np.random.Generator | None = None
) -> np.ndarray:
    """Return the values of ``initializer``, an Initializer or any function of (shape, dtype), as an array.

    ``rng`` is passed to those that take it. Raises ShapeError where the result has another shape.

    >>> values(lambda shape, dtype: [[1, 2]], (1, 2)).tolist()
    [[1.0, 2.0]]
    """
    import numpy as np

    if isinstance(initializer, Initializer):
        takes = takes_rng(type(initializer).__call__)
    else:
        takes = "rng" in inspect.signature(initializer).parameters
    extra = {"rng": rng} if takes else {}
    found = initializer(shape, dtype, **extra)
    kept = isinstance(found, np.ndarray) and not type(initializer).__module__.startswith("layercli.initializers.")
    array = (np.array if kept else np.asarray)(found, array_dtype(dtype))  # it may keep the array that it returns
    if array.shape != tuple(shape):
        raise ShapeError(f"the initializer {initializer} returned the shape {array.shape}, expected {tuple(shape)}")
    return array
