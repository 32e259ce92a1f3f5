"""A part of ``ops`` under a name of its own, as Keras has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layercli import ops


def finder(module: str, names: list[str]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a module that has the operations of those names."""

    def find(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"{module} has no operation {name!r}")
        return getattr(ops, name)

    return find
