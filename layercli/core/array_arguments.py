"""Functions of a tensor that also take NumPy arrays, nested lists and variables."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from layercli.core.backend import get_backend
from layercli.core.variable import Variable


def takes_arrays(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return the method ``function(self, x)`` with x made a tensor where it is none."""

    @wraps(function)
    def call(self: Any, x: object) -> Any:
        if isinstance(x, Variable):
            x = x.value
        elif not hasattr(x, "detach"):
            x = get_backend().as_tensor(x)
        return function(self, x)

    return call
