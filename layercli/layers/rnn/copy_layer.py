"""Copy a layer: the same arguments, new variables."""

from __future__ import annotations

from typing import Any

from layercli.core.layer import Layer
from layercli.errors import UsageError


def clone_layer(layer: Layer, name: str, **changes: object) -> Any:
    """Return a new, unbuilt layer of ``layer``'s class and settings, except for ``changes``; its cells are new as well."""
    if not type(layer)._fields:
        raise UsageError(f"cannot make another {type(layer).__name__}: give Bidirectional a backward_layer")
    settings = {key: _copied(vars(layer)[key]) for key in type(layer)._fields}
    return type(layer)(**{**settings, **changes}, name=name, dtype=layer.dtype_policy, trainable=layer.trainable)


def _copied(value: object) -> Any:
    if isinstance(value, Layer):
        return clone_layer(value, value.name)
    if isinstance(value, (list, tuple)):
        return type(value)(map(_copied, value))
    return value
