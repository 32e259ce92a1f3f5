"""A model in Python as a Source: ``net.py:Net`` or ``package.module:factory``, or the object itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.core.layer import Layer
from layercli.inspect.reference import from_python, made
from layercli.sources.layer import LayerSource
from layercli.sources.source import Source
from layercli.sources.torch_module import ModuleSource


def python_source(text: str, settings: Mapping[str, Any]) -> Source:
    """Return the model that ``text`` names; its module is imported, so trusted."""
    return object_source(from_python(text), settings, text, text)


def object_source(found: Any, settings: Mapping[str, Any], name: str = "", origin: str = "") -> Source:
    """Return a Layer, a torch.nn.Module, or what a class or a factory makes of ``settings``, as a Source."""
    name = name or getattr(found, "name", "") or getattr(found, "__name__", type(found).__name__)
    model = made(found, dict(settings), name, modules=True)
    origin = origin or type(model).__module__
    return LayerSource(model, name, origin) if isinstance(model, Layer) else ModuleSource(model, name, origin)
