"""The networks as named models of the command line: ``weights`` is None by default there, for shapes and costs need no file."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

from layercli.models.applications import NETWORKS

from layercli.core.model import Model


def __getattr__(name: str) -> Any:
    if name not in NETWORKS:
        raise AttributeError(f"layercli.models.applications has no {name!r}")
    return without_weights(getattr(import_module(f"layercli.models.applications.{NETWORKS[name]}"), name))


def without_weights(application: Callable[..., Model]) -> Callable[..., Model]:
    """Return a network's function with None as the default of ``weights``."""

    def named(**arguments: Any) -> Model:
        return application(**{"weights": None, **arguments})

    signature = inspect.signature(application)
    parameters = [p.replace(default=None) if p.name == "weights" else p for p in signature.parameters.values()]
    named.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # inspect reads it
    named.__name__, named.__doc__ = application.__name__, application.__doc__
    return named
