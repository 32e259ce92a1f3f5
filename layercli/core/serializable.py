"""The constructor of a layer: its signature, and its config, the arguments as plain data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform

from layercli.core import dtypes, fields
from layercli.core.backend import get_backend
from layercli.core.custom_objects import custom_object_scope
from layercli.core.registry import require_config, signature_of
from layercli.core.types import Config

COMMON = inspect.Signature(
    [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, default, annotation in (
            ("name", None, str | None),
            ("trainable", True, bool),
            ("dtype", None, str | None),
            ("activity_regularizer", None, inspect.Parameter.empty),
            ("input_shape", None, inspect.Parameter.empty),
        )
    ]
).parameters
"""The keyword arguments of every layer."""


ACTIVATIONS = ("activation", "recurrent_activation")
"""The arguments that are activations, which Keras's configs call "linear" where they are None."""


class ConstructorSignature:
    """The ``__signature__`` of a class that declares its arguments as fields; that of ``__init__`` for other classes."""

    def __get__(self, layer: Any, owner: Any) -> inspect.Signature:
        if layer is not None:  # a layer is called with what its call takes
            return inspect.signature(layer.call)
        if owner.__init__ is not owner._binds:
            own = inspect.signature(owner.__init__)
            return own.replace(parameters=list(own.parameters.values())[1:], return_annotation=own.empty)
        return inspect.Signature(parameters_of(owner))


def parameters_of(cls: type[Serializable]) -> list[inspect.Parameter]:
    """Return the parameters of the constructor that the fields of a class describe, positional ones first."""
    hints, positional = fields.types_of(cls), cls.positional_arguments()
    own = {
        name: inspect.Parameter(
            name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD if name in positional else inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=hints.get(name, inspect.Parameter.empty),
        )
        for name, default in cls._fields.items()
    }
    for name in COMMON:
        if name in positional and name not in own:
            own[name] = COMMON[name].replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD)
    rest = [own[name] for name in own if name not in positional]
    return [own[name] for name in positional] + rest + [COMMON[name] for name in COMMON if name not in own]


def argument_names(cls: type[Serializable]) -> list[str]:
    """Return the names of a constructor's arguments in the order of its signature."""
    return list(dict.fromkeys([*cls.positional_arguments(), *cls._fields, *COMMON]))


@dataclass_transform(eq_default=False, field_specifiers=(fields.argument,))
class Serializable:
    """An object that records the arguments it was constructed with.

    A class without an ``__init__`` declares its arguments as fields, and ``_binds`` is the constructor that takes them.
    ``_positional`` are the names of the positional arguments, if they are others than the fields or in another order.
    """

    _fields: ClassVar[dict[str, Any]] = {}
    _positional: ClassVar[tuple[str, ...]] = ()
    _declares_fields: ClassVar[bool] = False
    _left_out: ClassVar[frozenset[str]] = frozenset()
    """The arguments that the config leaves out where they are None, as Keras's does."""
    _holds_layers: ClassVar[tuple[str, ...]] = ()
    """The arguments that are layers, which ``from_config`` makes first."""
    __signature__: ClassVar[Any] = ConstructorSignature()

    if TYPE_CHECKING:
        name: str
        _trainable: bool
        _policy: dtypes.DTypePolicy
        _given_policy: dtypes.DTypePolicy | None
        _settings: dict[str, Any]
        _init_args: tuple[tuple[Any, ...], dict[str, Any]]
        _activity_regularizer: Any
        _call_specs: tuple[Any, ...] | None
        _built_for: tuple[tuple[Any, ...], dict[str, Any]] | None
        _binds: Callable[..., None]

    @classmethod
    def positional_arguments(cls) -> tuple[str, ...]:
        """Return the names of the constructor's positional arguments in order."""
        return cls._positional or tuple(cls._fields)

    def get_config(self) -> Config:
        """Return the constructor's arguments as plain data, with name, trainable and dtype."""
        own = {"name": self.name, "trainable": self._trainable, "dtype": self._dtype_config()}
        args, kwargs = self._init_args
        if type(self).__init__ is type(self)._binds:
            given = {**self._settings, **{name: vars(self)[name] for name in self._fields if name in vars(self)}}
            extra = {"activity_regularizer": self._activity_regularizer} if self._activity_regularizer else {}
        else:
            given, extra = fields.arguments(type(self).__init__, args, kwargs), {}
        given |= extra
        written = {key: value for key, value in given.items() if key not in self._left_out or value is not None}
        found = {key: fields.serialize(value) for key, value in written.items()}
        if type(self)._declares_fields:
            found |= {key: "linear" for key in ACTIVATIONS if key in found and found[key] is None}
        return {**own, **found}

    def _dtype_config(self) -> object:
        """Return what ``dtype`` is in the config: the name of the policy, or policies by path as plain data."""
        if self._given_policy is None:
            return self._policy.name
        from layercli.core.policy_config import serialize

        return serialize(self._given_policy)

    def clone_from_config(self) -> Any:
        """Return a new layer of the same class and arguments."""
        return type(self).from_config(self.get_config())

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Return a new layer from a config of ``get_config``; ``custom_objects`` are known by their names meanwhile.

        A constructor without the arguments name, trainable or dtype is called without them; they are set afterwards.
        """
        require_config(cls, config)
        if custom_objects:
            with custom_object_scope(custom_objects):
                return cls.from_config(config)
        if described := [key for key in cls._holds_layers if isinstance(config.get(key), (Mapping, list))]:
            config = {**config, **{key: get_backend().deserialize(config[key]) for key in described}}
        taken = signature_of(cls.__init__).parameters
        if any(p.kind is p.VAR_KEYWORD for p in taken.values()):
            layer: Any = cls(**config)
            layer._named = False
            return layer
        own = {key: config[key] for key in ("name", "trainable", "dtype") if key in config and key not in taken}
        layer = cls(**{key: value for key, value in config.items() if key not in own})
        layer._named = False
        layer.name = own.get("name", layer.name)
        if "dtype" in own:
            layer._set_policy(dtypes.DTypePolicy.named(own["dtype"]))
        layer.trainable = own.get("trainable", layer.trainable)
        return layer
