"""What a Variable is made of: values that are given, their dtype, and the ways to aggregate that Keras names."""

from __future__ import annotations

from typing import Any

from layercli.core import dtypes
from layercli.core.backend import get_backend
from layercli.core.spec import Shape
from layercli.errors import UsageError

AGGREGATIONS = (None, "none", "mean", "sum", "only_first_replica")


class GivenValue:
    """The initializer of a variable whose value is given."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self, shape: Shape, dtype: str = "float32") -> Any:
        """Return the value."""
        return get_backend().to_numpy(self.value) if hasattr(self.value, "detach") else self.value


def dtype_or_default(dtype: object) -> str:
    """Return the name of a dtype; for None the default of floats."""
    return dtypes.default_policy().variable if dtype is None else dtypes.name_of(dtype)


def np_array(values: object, dtype: str) -> Any:
    """Return a number or nested lists as a NumPy array."""
    import numpy as np

    return np.asarray(values, dtype if dtype in np.sctypeDict else "float32")


def is_listed(value: object) -> bool:
    """Return whether a value is nested lists, or an array of NumPy."""
    return isinstance(value, (list, tuple)) or (hasattr(value, "__array__") and not hasattr(value, "detach"))


def check_aggregation(value: object) -> None:
    """Raise UsageError for a way to aggregate that Keras does not name."""
    if value not in AGGREGATIONS:
        raise UsageError(f"aggregation is {', '.join(map(repr, AGGREGATIONS))}, got {value!r}")
