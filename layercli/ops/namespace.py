"""The ``__getattr__`` of the namespaces of ``keras.ops``, such as ``ops.numpy``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layercli import ops


def finder(module: str, names: list[str]) -> Callable[[str], Any]:
    """Return a module's ``__getattr__`` that finds the operations ``names`` in ``layercli.ops``."""

    def find(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"{module} has no operation {name!r}")
        return getattr(ops, name)

    return find
