"""Activation functions by their Keras names: ``get("relu")``, and any callable as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layercli import ops
from layercli.errors import UsageError, nearest

Activation = Callable[[Any], Any]


def linear(x: Any) -> Any:
    """Return x as it is."""
    return x


TABLE: dict[str, Activation] = {"linear": linear, "relu": ops.relu, "sigmoid": ops.sigmoid, "tanh": ops.tanh}  # type: ignore[attr-defined]


def get(identifier: Any) -> Activation | None:
    """Return the activation of that name (None and ``linear`` are none at all); a callable is kept."""
    if identifier is None or identifier == "linear":
        return None
    if callable(identifier):
        return identifier  # type: ignore[no-any-return]  # the caller's own
    if identifier in TABLE:
        return TABLE[identifier]
    raise UsageError(f"there is no activation {identifier!r}", hint=nearest(str(identifier), list(TABLE)))


def name_of(activation: Activation | None) -> str:
    """Return the name an activation is found under."""
    found = next((name for name, known in TABLE.items() if known is activation), None)
    return "linear" if activation is None else found or getattr(activation, "__name__", type(activation).__name__)
