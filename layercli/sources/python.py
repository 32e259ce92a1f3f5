"""A model in Python as a Source: ``net.py:Net``, ``package.module:factory``, or the object itself."""

from __future__ import annotations

import sys
from functools import partial

from layercli.core.layer import Layer
from layercli.core.types import ConfigLike
from layercli.inspect.model_loader import from_python, made, only_model
from layercli.inspect.python_config import read_config, with_config, with_config_objects
from layercli.inspect.python_import import is_python
from layercli.inspect.user_input import without_input
from layercli.sources.layer import LayerSource
from layercli.sources.source import Source
from layercli.sources.torch_module import ModuleSource


def python_source(text: str, settings: ConfigLike, *, config: str | None = None, describing: bool = False) -> Source:
    """Return the model that ``text`` names, or the only one in a file; its module is imported, hence trusted.

    ``config`` is a JSON file with the config for its class or factory.
    """
    text = text if is_python(text) else f"{text}:{only_model(text)}"
    with without_input():
        found = from_python(text)
        if config is not None:
            settings = {**with_config(found, read_config(config), text), **settings}
        return object_source(found, settings, text, text, describing=describing)


def object_source(
    found: object, settings: ConfigLike, name: str = "", origin: str = "", *, describing: bool = False
) -> Source:
    """Return a Layer, a torch.nn.Module, or the result of a class or factory called with ``settings``, as a Source.

    ``describing``: the parameters of a new torch module are allocated only when their values are needed.
    """
    if callable(found):
        settings = with_config_objects(found, settings, name)
    name = name or getattr(found, "name", "") or getattr(found, "__name__", type(found).__name__)
    make = partial(made, found, dict(settings), name)
    if describing and "torch" in sys.modules and callable(found):
        from layercli.runtime.analysis.module_building import built_without_values

        model = built_without_values(make)
    else:
        model = make()
    origin = origin or type(model).__module__
    if isinstance(model, Layer):
        return LayerSource(model, name, origin)
    return ModuleSource(model, name, origin, make if describing and model is not found else None)
