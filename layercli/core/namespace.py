"""Packages in which a submodule and a public function share a name: the attribute is the function."""

from __future__ import annotations

import sys
from types import ModuleType


class _Namespace(ModuleType):
    """A package that ignores Python's assignment of an imported submodule to the name of a public function."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (isinstance(value, ModuleType) and name in self.__all__):
            super().__setattr__(name, value)


def keep_functions(module: str) -> None:
    """Keep the public functions of the package ``module`` when submodules of their names are imported.

    Without it ``ops.numpy.einsum`` is a function until ``ops/numpy/einsum.py`` is imported, and a module from then on.
    """
    sys.modules[module].__class__ = _Namespace
