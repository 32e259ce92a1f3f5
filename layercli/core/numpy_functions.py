"""NumPy's functions on variables: they get arrays, as with Keras's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from layercli.core import tree

_REFLECTED = {
    "add": "__radd__", "subtract": "__rsub__", "multiply": "__rmul__", "divide": "__rtruediv__", "matmul": "__rmatmul__",
    "floor_divide": "__rfloordiv__", "remainder": "__rmod__", "power": "__rpow__", "not_equal": "__ne__",
    "less": "__gt__", "less_equal": "__ge__", "greater": "__lt__", "greater_equal": "__le__",
}  # fmt: skip
"""The operator of the variable on the right of an array, by the ufunc that the array's operator calls."""


class NumpyFunctions:
    """A function of NumPy's on a variable is that of its array; an operator with an array on the left is the variable's."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> Any:
        import numpy as np

        _check_out(settings)
        if method == "__call__" and len(inputs) == 2 and not settings and ufunc.__name__ in _REFLECTED:
            left, right = inputs
            if isinstance(left, (np.ndarray, np.generic)) and isinstance(right, NumpyFunctions):
                return getattr(right, _REFLECTED[ufunc.__name__])(left)
        return getattr(ufunc, method)(*_arrays(inputs), **_arrays(settings))

    def __array_function__(self, function: Callable[..., Any], types: object, args: object, kwargs: Any) -> Any:
        _check_out(kwargs)
        return function(*_arrays(args), **_arrays(kwargs))


def _check_out(settings: Mapping[str, object]) -> None:
    """Raise TypeError for a variable as ``out``: the result would be written to a copy of its value, and be lost."""
    if any(isinstance(x, NumpyFunctions) for x in tree.flatten(settings.get("out"))):
        raise TypeError("a function of NumPy's cannot write to a variable: assign its result to the variable")


def _arrays(values: object) -> Any:
    """Return ``values`` with the variables in it, at any depth of tuples, lists and dicts, as arrays."""
    return tree.map_structure(_array, values)


def _array(x: object) -> object:
    return x.__array__() if isinstance(x, NumpyFunctions) else x  # type: ignore[attr-defined]  # a variable's
