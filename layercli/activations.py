"""Activation functions by their Keras names: ``activations.relu(x)`` or ``activations.get("relu")``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.core import custom_objects as saving
from layercli.core import fields
from layercli.core.types import ConfigLike
from layercli.errors import UsageError, nearest
from layercli.ops.nn.activation_functions import ALL, Activation, hard_silu, silu

TABLE: dict[str, Activation] = {f.__name__: f for f in ALL} | {"swish": silu, "hard_swish": hard_silu}
"""Every activation by name."""


def get(identifier: object) -> Activation:
    """Return the activation that a name, a config or a callable stands for, ``linear`` for None. UsageError for an unknown name."""
    return applied(identifier) or TABLE["linear"]


def applied(identifier: object) -> Activation | None:
    """Return the activation of ``get``, None for ``linear``, which a layer need not apply."""
    if identifier is None or identifier == "linear":
        return None
    if isinstance(identifier, Mapping):  # the config of a function
        names = (str(identifier.get(key)) for key in ("config", "registered_name"))
        found = next((each for each in map(saving.get_registered_object, names) if each is not None), None)
        identifier = identifier.get("config") if found is None else found
    if callable(identifier):
        return identifier
    if isinstance(identifier, str) and identifier in TABLE:
        return TABLE[identifier]
    hint = nearest(str(identifier), list(TABLE)) or f"activations: {', '.join(TABLE)}"
    raise UsageError(f"there is no activation {identifier!r}", hint=hint)


def deserialize(config: ConfigLike, custom_objects: Mapping[str, object] | None = None) -> Activation:
    """Return the activation whose ``serialize`` returned ``config``.

    ``custom_objects``: the user's own functions by name. Raises UsageError for an unknown name.
    """
    with saving.custom_object_scope(custom_objects or {}):
        return get(config)


def serialize(activation: Activation | None) -> Any:
    """Return the name of the activation, or a dict with the name of a user's function, as Keras does."""
    return "linear" if activation is None else fields.serialize(activation)


def __getattr__(name: str) -> Activation:
    if name not in TABLE:
        raise AttributeError(f"layercli.activations has no activation {name!r}")
    return TABLE[name]


def __dir__() -> list[str]:
    return sorted([*TABLE, "deserialize", "get", "serialize"])


def name_of(activation: Activation | None) -> str:
    """Return the name of an activation, ``linear`` for None."""
    if activation is None:
        return "linear"
    return str(getattr(activation, "__name__", type(activation).__name__))
