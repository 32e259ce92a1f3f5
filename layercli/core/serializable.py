"""A layer's config: the arguments of its constructor as plain data, and a layer made of them again."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from layercli.core import dtypes, fields


class Serializable:
    """What knows the arguments it was made with; ``_binds`` is the constructor that takes the fields a class declares."""

    if TYPE_CHECKING:
        name: str
        _trainable: bool
        _policy: dtypes.Policy
        _fields: dict[str, Any]
        _settings: dict[str, Any]
        _given: tuple[tuple[Any, ...], dict[str, Any]]
        _activity_regularizer: Any
        _binds: Callable[..., None]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data, with name, trainable and dtype."""
        own = {"name": self.name, "trainable": self._trainable, "dtype": self._policy.name}
        args, kwargs = self._given
        if type(self).__init__ is type(self)._binds:
            given = {**self._settings, **{name: vars(self)[name] for name in self._fields if name in vars(self)}}
            extra = {"activity_regularizer": self._activity_regularizer} if self._activity_regularizer else {}
        else:
            given, extra = fields.arguments(type(self).__init__, args, kwargs), {}
        return {**own, **{key: fields.serialize(value) for key, value in {**given, **extra}.items()}}

    def again(self) -> Any:
        """Return a new layer of the same class and settings."""
        return type(self).from_config(self.get_config())

    @classmethod
    def from_config(cls, settings: dict[str, Any]) -> Any:
        """Return a new layer with these settings, as ``get_config`` gave them.

        A constructor that takes no name, trainable or dtype is called without, and the layer has them all the same.
        """
        taken = inspect.signature(cls.__init__).parameters
        if any(p.kind is p.VAR_KEYWORD for p in taken.values()):
            layer: Any = cls(**settings)
            layer._named = False
            return layer
        own = {key: settings[key] for key in ("name", "trainable", "dtype") if key in settings and key not in taken}
        layer = cls(**{key: value for key, value in settings.items() if key not in own})
        layer._named = False
        layer.name = own.get("name", layer.name)
        layer._policy = dtypes.Policy.named(own["dtype"]) if "dtype" in own else layer._policy
        layer.trainable = own.get("trainable", layer.trainable)
        return layer
