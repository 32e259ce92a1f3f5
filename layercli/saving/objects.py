"""Any object as plain data by Keras's names, and back: ``serialize_keras_object`` and ``deserialize_keras_object``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.core import dtypes, fields, registry
from layercli.core.custom_objects import custom_object_scope, get_registered_object
from layercli.core.layer import Layer
from layercli.core.model import Model
from layercli.core.types import ConfigLike
from layercli.errors import UsageError


def serialize_keras_object(obj: Any) -> Any:
    """Return numbers, text, lists, dicts, arrays, functions, and objects with ``get_config`` as plain data.

    Raises UsageError for another object, and for a function without a name, whose code no file may hold.
    """
    from layercli.saving import serialization

    if obj is None or isinstance(obj, (bool, int, float, str)):
        return obj
    if isinstance(obj, Mapping):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, (list, tuple)):
        return type(obj)(map(serialize_keras_object, obj))
    if isinstance(obj, slice):
        return {"class_name": "__slice__", "config": {name: getattr(obj, name) for name in ("start", "stop", "step")}}
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode()}}
    if isinstance(obj, Layer):
        built = obj.get_build_config() if obj.built else None
        described = {**serialization.config_of(obj), **({"build_config": built} if built else {})}
        compiled = obj.get_compile_config() if isinstance(obj, Model) else None
        return described | ({"compile_config": serialize_keras_object(compiled)} if compiled else {})
    if isinstance(obj, registry.DataclassConfig):
        return registry.serialize(obj)
    if hasattr(obj, "tolist") and hasattr(obj, "shape"):
        if not len(obj.shape):
            return obj.tolist()
        kind = "__tensor__" if hasattr(obj, "detach") else "__numpy__"
        return {"class_name": kind, "config": {"value": obj.tolist(), "dtype": dtypes.name_of(obj.dtype)}}
    if callable(obj) and hasattr(obj, "__name__") and not isinstance(obj, type):
        if obj.__name__ == "<lambda>":
            raise UsageError("a function without a name cannot be serialized: a file holds no code")
        return registry.function(obj)
    return serialization.keras_names(fields.serialize(obj))


def deserialize_keras_object(
    config: ConfigLike, custom_objects: Mapping[str, object] | None = None, safe_mode: bool = True
) -> Any:
    """Return what ``serialize_keras_object`` described.

    Classes and functions are layercli's own, those registered, in scope, or in ``custom_objects``; nothing is imported or executed
    for a name, whatever ``safe_mode`` says. Raises FormatError or UsageError for another.
    """
    with custom_object_scope(custom_objects or {}):
        return _made(config)


def deserialize_layer(
    config: ConfigLike, custom_objects: Mapping[str, object] | None = None, safe_mode: bool = True
) -> Any:
    """Return the layer that ``serialize_keras_object`` described, as that does; UsageError where it is none."""
    made = deserialize_keras_object(config, custom_objects, safe_mode)
    if not isinstance(made, Layer):
        raise UsageError(f"layers.deserialize expects the config of a layer, got {config!r}")
    return made


def _made(config: ConfigLike) -> Any:
    if isinstance(config, (list, tuple)):
        return type(config)(map(_made, config))
    if not isinstance(config, Mapping):
        return config
    name, held = config.get("class_name"), config.get("config")
    if name is None:
        return {key: _made(value) for key, value in config.items()}
    if name in ("__numpy__", "__tensor__", "__slice__", "__bytes__"):
        return _value(name, held)
    if name == "function":
        return _function(str(held), config.get("registered_name"))
    own = next((x for x in map(get_registered_object, (config.get("registered_name") or name, name)) if x), None)
    if own is not None and not issubclass(own, Layer):
        return own.from_config(held)
    if config.get("module") in registry.PACKAGES:
        return registry.deserialize(config)
    from layercli.saving.deserialization import Reader

    reader = Reader("the config")
    if str(name).endswith("DTypePolicy"):
        return reader.plain(config)
    made = reader.made(config)
    reader.compile(made, config.get("compile_config"))
    return made


def _value(name: str, held: Any) -> Any:
    """Return an array, a tensor, a slice or bytes."""
    import numpy as np

    from layercli import ops

    if name == "__slice__":
        return slice(held["start"], held["stop"], held["step"])
    if name == "__bytes__":
        return held["value"].encode()
    if name == "__tensor__":
        return ops.array(held["value"], dtype=held["dtype"])
    return np.array(held["value"], held["dtype"])


def _function(name: str, registered: Any) -> Any:
    """Return a function by its registered name, or by its own."""
    from layercli import activations, losses, metrics

    own = next((x for x in (get_registered_object(each) for each in (registered, name) if each) if x), None)
    if own is not None:
        return own
    for public in (activations, losses, metrics):
        if hasattr(public, name) and callable(getattr(public, name)):
            return getattr(public, name)
    raise UsageError(f"there is no function {name!r}", hint="register it, or give it in custom_objects")
