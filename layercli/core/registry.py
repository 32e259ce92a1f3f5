"""Objects a setting may name: initializers, regularizers, constraints, each by a word, a config or itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Self

from layercli.core.naming import snake_case
from layercli.errors import UsageError, nearest


@dataclass(frozen=True)
class Configured:
    """An object whose fields are its settings: frozen, equal to another of the same class and settings.

    Its text is its name with the settings that are not the default. A field annotated ``float`` must be a number.

    >>> @dataclass(frozen=True)
    ... class HalfLife(Configured):
    ...     steps: float = 10.0
    >>> str(HalfLife()), str(HalfLife(steps=3.0)), HalfLife(3.0).get_config()
    ('half_life', 'half_life(steps=3.0)', {'steps': 3.0})
    """

    def __post_init__(self) -> None:
        for name, setting in settings_of(type(self)).items():
            value = getattr(self, name)
            if setting.annotation == "float" and (not isinstance(value, Real) or isinstance(value, bool)):
                raise UsageError(f"{type(self).__name__} expects {name} to be a number, got {value!r}")

    def get_config(self) -> dict[str, Any]:
        """Return the settings by name; ``from_config`` makes an equal object of them."""
        return {name: getattr(self, name) for name in settings_of(type(self))}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return the object of these settings; UsageError names one that the class does not have."""
        known = settings_of(cls)
        for name in config:
            if name not in known:
                raise UsageError(f"{cls.__name__} has no setting {name!r}", hint=nearest(name, list(known)))
        return cls(**config)

    def __str__(self) -> str:
        config, known = self.get_config(), settings_of(type(self))
        changed = [f"{name}={value!r}" for name, value in config.items() if is_changed(value, known[name].default)]
        return snake_case(type(self).__name__) + (f"({', '.join(changed)})" if changed else "")


def settings_of(cls: type) -> Mapping[str, inspect.Parameter]:
    """Return the settings of a class: its constructor's arguments."""
    return inspect.signature(cls).parameters


def is_changed(value: Any, default: Any) -> bool:
    """Return whether a setting is not its default, as an array never is."""
    return hasattr(value, "shape") or value != default


class Registry:
    """The classes of one ``kind`` of object, found by class name, by snake case, or by another of their names."""

    def __init__(self, kind: str, classes: Iterable[type[Any]], aliases: Mapping[str, type[Any]]) -> None:
        self.kind = kind
        self.classes: dict[str, type[Any]] = {}
        for cls in classes:
            self.classes |= {cls.__name__: cls, snake_case(cls.__name__): cls}
        self.classes |= aliases

    def get(self, identifier: Any) -> Any:
        """Return the object that ``identifier`` stands for.

        None stays None; a name or a class gives an object of default settings, a dict of ``class_name`` and
        ``config`` one of those settings; anything else that can be called is returned as it is. UsageError if it
        is none of these, or a name nobody has.
        """
        match identifier:
            case None:
                return None
            case str():
                return self.named(identifier)()
            case {"class_name": str(name), **rest}:
                return self.configured(name, rest.get("config"))
            case type():
                return identifier()
        if not callable(identifier):
            raise UsageError(
                f"{identifier!r} is no {self.kind}, which is a name, a dict of class_name and config, or a callable"
            )
        return identifier

    def named(self, name: str) -> type[Any]:
        """Return the class of that name."""
        if name not in self.classes:
            known = [other for other in self.classes if other == other.lower()]
            raise UsageError(f"there is no {self.kind} {name!r}", hint=nearest(name.lower(), known))
        return self.classes[name]

    def configured(self, name: str, config: Any) -> Any:
        """Return the object of the class ``name`` with the settings ``config``, a dict or None."""
        if not isinstance(config, Mapping | None):
            raise UsageError(f"the config of the {self.kind} {name!r} is {config!r}, not a dict")
        return self.named(name).from_config(config or {})

    def serialize(self, value: Any) -> dict[str, Any] | None:
        """Return ``value`` as the dict that ``get`` turns back into it, None for None; UsageError for a function."""
        if value is None:
            return None
        if not hasattr(value, "get_config"):
            raise UsageError(f"the {self.kind} {value!r} has no config, as it is not an object with get_config")
        return {"class_name": type(value).__name__, "config": value.get_config()}
