"""Names before the paths of variables, as Keras's ``name_scope`` gives them."""

from __future__ import annotations

import threading
from typing import Any, Self

from layercli.core import call_context
from layercli.errors import UsageError


class _NameScopes(threading.local):
    scopes: tuple[tuple[int, name_scope], ...] = ()


_thread = _NameScopes()


class name_scope:
    """A context that puts a name before the paths of the variables made in it: ``with name_scope("encoder"):``.

    Args:
        name: The name, without "/".
        caller: An object that opens the scope: a scope of the same name and caller directly around this one counts once.
        deduplicate: Whether that is so.
        override_parent: A path that takes the place of the scopes around this one.
    """

    def __init__(
        self, name: str, caller: Any = None, deduplicate: bool = True, override_parent: str | None = None
    ) -> None:
        if not isinstance(name, str) or "/" in name:
            raise UsageError(f"name_scope expects a name without '/', got {name!r}")
        self.name, self.caller, self.deduplicate, self.override_parent = name, caller, deduplicate, override_parent
        self._outer: list[tuple[tuple[int, name_scope], ...]] = []

    def __enter__(self) -> Self:
        outer = _thread.scopes
        self._outer.append(outer)
        around = outer[-1][1] if outer else None
        same = around is not None and around.caller is self.caller is not None and around.name == self.name
        if not (self.deduplicate and same):
            _thread.scopes = (*outer, (len(call_context.call_stack()), self))
        return self

    def __exit__(self, *error: object) -> None:
        _thread.scopes = self._outer.pop()


def prefixed(name: str) -> str:
    """Return the path of a variable: the names of the layers whose calls are in progress and of the scopes between them, its own.

    >>> with name_scope("encoder"):
    ...     prefixed("kernel")
    'encoder/kernel'
    """
    return "/".join([*_around([call.layer.name for call in call_context.call_stack()]), name])


def path_of(layer: str) -> str:
    """Return the path of a layer that is being built: a scope that it opened itself is none of it."""
    names = [call.layer.name for call in call_context.call_stack()] or [layer]
    scopes = tuple((depth, scope) for depth, scope in _thread.scopes if depth < len(names))
    return "/".join(_around(names, scopes))


def _around(names: list[str], scopes: tuple[tuple[int, name_scope], ...] | None = None) -> list[str]:
    found: list[str] = []
    done = 0
    for depth, scope in _thread.scopes if scopes is None else scopes:
        found += names[done : max(depth, done)]
        done = max(depth, done)
        if scope.override_parent is not None:
            found = [part for part in scope.override_parent.split("/") if part]
        found.append(scope.name)
    return [*found, *names[done:]]
