"""A part of ``ops`` under a name of its own, as Keras has it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from layercli import ops


def finder(module: str, names: list[str]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a module that has the operations of those names."""

    def find(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"{module} has no operation {name!r}")
        return getattr(ops, name)

    return find


class _Namespace(ModuleType):
    """A package whose functions keep their names: importing ``ops.numpy.einsum``, a module, does not hide the function."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (isinstance(value, ModuleType) and name in self.__all__):
            super().__setattr__(name, value)


def keep_functions(module: str) -> None:
    """Let no submodule take the place of the function of its name."""
    sys.modules[module].__class__ = _Namespace
