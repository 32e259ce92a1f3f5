"""The registry of users' classes and functions by the names that files hold."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from layercli.errors import UsageError

__all__ = [
    "custom_object_scope",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "register_keras_serializable",
]

Named = TypeVar("Named")

_registered: dict[str, Any] = {}
_names: dict[Any, str] = {}


class _Scopes(threading.local):
    """The custom object scopes of this thread, outermost first."""

    open: tuple[Mapping[str, Any], ...] = ()


_scopes = _Scopes()


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Named], Named]:
    """Return a decorator that registers a class (which must have get_config) or a function as ``package>name``.

    >>> @register_keras_serializable(package="mine")
    ... def cubed(x):
    ...     return x**3
    >>> get_registered_name(cubed), get_registered_object("mine>cubed") is cubed
    ('mine>cubed', True)
    """

    def register(found: Named) -> Named:
        if isinstance(found, type) and not hasattr(found, "get_config"):
            raise UsageError(f"{found.__name__} cannot be registered: it has no get_config method")
        full = f"{package}>{name or found.__name__}"  # type: ignore[attr-defined]  # a class or a function
        _registered[full] = found
        _names[found] = full
        return found

    return register


def get_registered_name(obj: Any) -> str:
    """Return the name under which a class or a function is registered, or else its own name."""
    return str(_names.get(obj, obj.__name__))


def module_of(cls: type) -> str | None:
    """Return the module by which a config names a class of a user's: None for that of the script, which has no name."""
    return None if cls.__module__ == "__main__" else cls.__module__


def get_registered_object(
    name: str, custom_objects: Mapping[str, Any] | None = None, module_objects: Mapping[str, Any] | None = None
) -> Any:
    """Return the object of that name: from the scopes, innermost first, the registry, or ``custom_objects``; or None."""
    for known in (*reversed(_scopes.open), _registered, custom_objects or {}, module_objects or {}):
        if name in known:
            return known[name]
    return None


def get_custom_objects() -> dict[str, Any]:
    """Return the registry, a dict that may be added to."""
    return _registered


@contextmanager
def custom_object_scope(custom_objects: Mapping[str, Any]) -> Iterator[None]:
    """Make ``custom_objects`` known to deserialization, by their names, inside the context."""
    before, _scopes.open = _scopes.open, (*_scopes.open, dict(custom_objects))
    try:
        yield
    finally:
        _scopes.open = before
