"""The one place that knows torch is slow to import: modules that load when first used."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

from layercli.errors import MissingPackageError

__all__ = ["F", "LazyModule", "load", "torch"]


class LazyModule(ModuleType):
    """A stand-in for the module of that name; an attribute once read is kept, so a later read costs nothing."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(load(self.__name__), name)
        self.__dict__[name] = value
        return value


def load(name: str) -> ModuleType:
    """Import the module ``name``, or raise MissingPackageError with the command that installs its package."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name is not None and error.name.partition(".")[0] != package:
            raise
        raise MissingPackageError.of(package) from None


if TYPE_CHECKING:
    import torch as torch  # "as" is how a type checker knows that others may import it from here
    from torch.nn import functional as F
else:
    torch = LazyModule("torch")
    F = LazyModule("torch.nn.functional")
