"""Dataclasses with a config, and the registry that finds them by name."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import cached_property, lru_cache
from numbers import Real
from typing import Any, ClassVar, Self

from layercli.core import custom_objects
from layercli.core.custom_objects import custom_object_scope, get_registered_object
from layercli.core.naming import snake_case
from layercli.core.refusals import refused
from layercli.core.types import Config, ConfigLike
from layercli.dataclass import dataclass
from layercli.errors import ArgumentError, ArgumentTypeError, UnknownKeyError, UsageError, nearest

PACKAGES = (
    "keras.losses", "keras.metrics", "keras.optimizers", "keras.optimizers.schedules", "keras.initializers",
    "keras.regularizers", "keras.constraints", "keras.quantizers", "keras.distillation",
)  # fmt: skip


TORCH_OPTIMIZERS = re.compile(r"keras\.src\.backend\.torch\.optimizers\.\w+")
"""The modules that Keras on torch writes for an optimizer in another one: those of its subclasses that it does not export."""


class DataclassConfig:
    """A dataclass whose fields are its config; ``keras_module`` is the Keras module that contains it.

    Its text is its name with the arguments that differ from the defaults.

    >>> @dataclasses.dataclass(frozen=True)
    ... class HalfLife(DataclassConfig):
    ...     steps: float = 10.0
    >>> str(HalfLife()), str(HalfLife(steps=3.0)), HalfLife(3.0).get_config()
    ('half_life', 'half_life(steps=3.0)', {'steps': 3.0})
    """

    keras_module: ClassVar[str]

    @classmethod
    def settings(cls) -> list[str]:
        """Return the names of the constructor's arguments in order; where it takes any by name, with those of the base class."""
        taken = signature_of(cls).parameters.values()
        names = [p.name for p in taken if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and p.name != "self"]
        if any(p.kind is p.VAR_KEYWORD for p in taken):
            base = next((each for each in cls.__mro__[1:] if issubclass(each, DataclassConfig)), cls)
            names += [name for name in base.settings() if name not in names] if base is not cls else []
        return names

    def get_config(self) -> Config:
        """Return the arguments as plain values, nested objects as ``{"class_name": ..., "config": ...}``."""
        own = type(self).__module__.startswith("layercli.")  # a user's class may keep an argument under another name
        names = [name for name in self.settings() if own or hasattr(self, name)]
        return {name: serialize(self.argument(name)) for name in names}

    def argument(self, name: str) -> Any:
        """Return the constructor's argument of that name as it was given: the attribute, unless that holds something derived."""
        return getattr(self, name)

    @classmethod
    def from_config(cls, config: Mapping[str, object], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Return the object of a config; raise UsageError for an unknown argument. ``custom_objects`` are known meanwhile."""
        require_config(cls, config)
        if custom_objects:
            from layercli.core.custom_objects import custom_object_scope

            with custom_object_scope(custom_objects):
                return cls.from_config(config)
        if not config and not required_arguments(cls):  # as for most layers' initializers
            return cls()
        known = cls.settings()
        for name in config:
            if name not in known:
                raise ArgumentError(f"{cls.__name__} has no argument {name!r}", hint=nearest(name, known, "arguments"))
        values = {name: deserialize(value) for name, value in config.items()}
        missing = [name for name in required_arguments(cls) if name not in values]
        if missing:
            raise ArgumentError(f"{cls.__name__} needs the argument {missing[0]!r}")
        return cls(**values)

    def __str__(self) -> str:
        known = signature_of(type(self)).parameters
        changed = [
            f"{name}={self.argument(name)!r}"
            for name in self.settings()
            if name in known and is_changed(self, known[name])
        ]
        return snake_case(type(self).__name__) + (f"({', '.join(changed)})" if changed else "")


def require_config(cls: type, config: object) -> None:
    """Raise ArgumentTypeError where ``config``, which from_config of ``cls`` was given, is no mapping."""
    if not isinstance(config, Mapping):
        raise ArgumentTypeError(f"{cls.__name__}.from_config expects what get_config returned, a dict, got {config!r}")


signature_of: Callable[[Any], inspect.Signature] = lru_cache(maxsize=4096)(inspect.signature)
"""Return the signature of a class or a function; a model asks for the same ones for each of its layers."""


def is_changed(settings: DataclassConfig, parameter: inspect.Parameter) -> bool:
    """Return whether an argument differs from its default. An array always does."""
    value = settings.argument(parameter.name)
    return hasattr(value, "shape") or value != parameter.default


def check_numbers(settings: DataclassConfig) -> None:
    """Raise UsageError for a field annotated ``float`` whose value is not a number."""
    for name, parameter in signature_of(type(settings)).parameters.items():
        value = getattr(settings, name)
        if parameter.annotation == "float" and (not isinstance(value, Real) or isinstance(value, bool)):
            raise UsageError(f"{type(settings).__name__} expects {name} to be a number, got {value!r}")


def required_arguments(cls: object) -> list[str]:
    """Return the names of the arguments that the constructor of ``cls`` requires."""
    given = signature_of(cls).parameters.items()
    return [name for name, each in given if each.default is each.empty and each.kind is not each.VAR_KEYWORD]


def serialize(value: object) -> Any:
    """Return ``value`` with every DataclassConfig in it as a dict, and every tuple as a list."""
    if isinstance(value, DataclassConfig):
        kind = type(value)
        own = not kind.__module__.startswith("layercli.")
        return {
            "module": custom_objects.module_of(kind) if own else value.keras_module,
            "class_name": kind.__name__,
            "config": value.get_config(),
            "registered_name": custom_objects.get_registered_name(kind) if own else None,
        }
    if isinstance(value, Mapping):
        return {key: serialize(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [serialize(entry) for entry in value]
    if inspect.isfunction(value):
        return function(value)
    return value


def function(value: object) -> dict[str, object]:
    """Return the dict with which Keras serializes a function."""
    name = custom_objects.get_registered_name(value)
    return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}


def deserialize(value: object) -> Any:
    """Return ``value`` with every dict made by ``serialize`` replaced by its object."""
    if isinstance(value, Mapping) and "class_name" in value:
        if value["class_name"] == "SeedGenerator":  # who draws reads the seed in it
            return value
        own = custom_objects_by(value.get("registered_name"), value["class_name"])
        if own is not None:
            return own.from_config(value.get("config") or {})
        module = TORCH_OPTIMIZERS.sub("keras.optimizers", str(value.get("module")))
        if module not in PACKAGES:
            raise UsageError(f"cannot make a {value['class_name']} from module {module!r}")
        return importlib.import_module(module.replace("keras", "layercli", 1)).deserialize(value)
    if isinstance(value, Mapping):
        return {key: deserialize(entry) for key, entry in value.items()}
    return value


def custom_objects_by(*names: str | None) -> Any:
    """Return the user's object that is registered, or in scope, under the first of ``names`` that is; None otherwise."""
    found = (get_registered_object(name) for name in names if name)
    return next((each for each in found if each is not None), None)


KINDS = {"loss": "losses"}
"""The words for several of a kind, where it is not the word for one and an s."""


@dataclass
class Registry:
    """The public names of a package; each module is imported when one of its names is first used.

    ``kind`` is the word for an entry in messages; ``modules`` maps each module of ``package`` to its names; ``aliases`` are further
    names that ``find`` accepts.
    """

    package: str
    kind: str
    modules: Mapping[str, str]
    aliases: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @cached_property
    def module_of(self) -> dict[str, str]:
        """The module of each public name."""
        return {name: module for module, names in self.modules.items() for name in names.split()}

    @cached_property
    def _loose(self) -> dict[str, str]:
        return {name.replace("_", "").lower(): name for name in reversed(self.module_of)}

    def load(self, name: str) -> Any:
        """Return the object of exactly that name; raise AttributeError for one that Keras has not either."""
        try:
            module = self.module_of[name]
        except KeyError:
            return refused(self.package, name)
        loaded = sys.modules.get(f"{self.package}.{module}")  # import_module takes locks for one that is there already
        return getattr(loaded or importlib.import_module(f"{self.package}.{module}"), name)

    def find(self, name: str) -> Any:
        """Return the class or function of that name, ignoring case and underscores; raise UsageError for an unknown name, and
        for the base class, which computes nothing.
        """
        known = name if name in self.module_of else self.aliases.get(name.lower(), "")
        known = known or self._loose.get(name.replace("_", "").lower(), "")
        if not known or known.lower() == self.kind:
            names = sorted({snake_case(name) for name in self.module_of} - {self.kind} | {*self.aliases})
            raise UsageError(
                f"there is no {self.kind} {name!r}", hint=nearest(name, names, KINDS.get(self.kind, f"{self.kind}s"))
            )
        return self.load(known)

    def deserialize(self, config: Any, custom_objects: Mapping[str, object] | None = None) -> Any:
        """Return the object that a name or ``{"class_name": ..., "config": ...}`` describes.

        ``custom_objects``: the user's own classes and functions by name. Raises UsageError for an unknown name.
        """
        with custom_object_scope(custom_objects) if custom_objects else nullcontext():
            if isinstance(config, str):
                return custom_objects_by(config) or self.find(config)
            if config["class_name"] == "function":
                return custom_objects_by(config.get("registered_name"), config["config"]) or self.find(config["config"])
            return self._instance(config)

    def _instance(self, config: ConfigLike) -> Any:
        cls = custom_objects_by(config.get("registered_name"), config["class_name"]) or self.find(config["class_name"])
        settings = config.get("config") or {}
        if not isinstance(settings, Mapping):
            raise UsageError(f"the config of the {self.kind} {config['class_name']!r} is {settings!r}, not a dict")
        return cls.from_config(settings)

    def get(self, identifier: Any) -> Any:
        """Return the entry for a name, a config or a class; return another callable unchanged."""
        if identifier is None or isinstance(identifier, DataclassConfig):
            return identifier
        found = identifier
        if isinstance(identifier, str):
            found = self.find(identifier)
        elif isinstance(identifier, Mapping) and "class_name" in identifier:
            found = self.deserialize(identifier)
        if inspect.isclass(found):
            found = found.from_config({}) if issubclass(found, DataclassConfig) else found()
        if found is None or callable(found) or isinstance(found, DataclassConfig):
            return found
        kind = UnknownKeyError if isinstance(identifier, Mapping) else UsageError  # a KeyError, as in Keras
        raise kind(f"{identifier!r} is no {self.kind}: give its name, its config, or the object")
