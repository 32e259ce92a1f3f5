"""The networks as named models of the command line: there, ``weights`` is None and images have a size by default.

Shapes and costs need no file, and MobileNetV3, which takes images of any size, has no costs without one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

from layercli.core.model import Model
from layercli.models.applications import NETWORKS


def __getattr__(name: str) -> Any:
    if name not in NETWORKS:
        raise AttributeError(f"layercli.models.applications has no {name!r}")
    return described(getattr(import_module(f"layercli.models.applications.{NETWORKS[name]}"), name))


def described(application: Callable[..., Model]) -> Callable[..., Model]:
    """Return a network's function with the defaults of the command line."""
    defaults: dict[str, Any] = {"weights": None}
    if application.__name__.startswith("MobileNetV3"):
        defaults["input_shape"] = (224, 224, 3)

    def named(**arguments: object) -> Model:
        return application(**{**defaults, **arguments})

    signature = inspect.signature(application)
    parameters = [p.replace(default=defaults.get(p.name, p.default)) for p in signature.parameters.values()]
    named.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # inspect reads it
    named.__name__, named.__doc__ = application.__name__, application.__doc__
    return named
