"""Resolve a MODEL: a text, a path or an object becomes a Source; the content of a file decides its kind.

Each kind is imported where it is opened: weights need no layers, which take longer to import than to list a file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from layercli.core.types import ConfigLike
from layercli.errors import UsageError
from layercli.formats import detect
from layercli.inspect.python_import import is_python
from layercli.sources.source import Source
from layercli.sources.weights import WeightsSource, config_beside, no_settings


def resolve(
    text: str, settings: Iterable[str] = (), *, config: str | None = None, describing: bool = False, library: str | None = None
) -> Source:  # fmt: skip
    """Return the Source for a MODEL on the command line, created with ``settings`` (``name=value`` each).

    ``config`` is a JSON file with the config for a class or factory in Python. ``describing``: parameters of a torch module
    are allocated only when their values are needed. ``library`` is one with a class for a Hugging Face folder.
    """
    if library is not None:
        from layercli.sources.transformers_class import library_source

        return library_source(text, library, parsed(settings))
    return _opened(text, parsed(settings), config=config, describing=describing)


def parsed(settings: Iterable[str]) -> dict[str, object]:
    """Return the arguments that are given as ``name=value`` each."""
    if not settings:
        return {}
    from layercli.inspect.model_arguments import parse_setting

    return dict(map(parse_setting, settings))


def open_source(model: object, /, **settings: object) -> Source:
    """Open a model and return its Source: ``.model``, ``.graph(inputs)``, ``.summary()``, ``.variables()``.

    ``model`` is a named model (``"resnet50"``), a Python reference (``"net.py:Net"``), the path of a file in any format
    that layercli reads, a Layer, a torch.nn.Module, or a class or function that creates one; ``settings`` are the arguments
    of the model. Raises UsageError, FileError or FormatError.

    >>> open_source("resnet-block", kernel_size=3).model.kernel_size
    3
    """
    return _opened(model, settings)


def _opened(model: object, settings: ConfigLike, *, config: str | None = None, describing: bool = False) -> Source:
    if not isinstance(model, (str, os.PathLike)):
        from layercli.sources.python import object_source

        return object_source(model, settings)
    text = os.fspath(model)
    if is_python(text) or (text.endswith(".py") and os.path.isfile(text)):
        from layercli.sources.python import python_source

        return python_source(text, settings, config=config, describing=describing)
    if config is not None:
        raise UsageError(f"--config is for a class or a function in Python, and {text} is none")
    if os.path.isdir(text) or os.path.basename(text) == "config.json":
        from layercli.sources import adapter, huggingface, pretrained  # few commands need their dependencies

        if huggingface.is_folder(text):
            return pretrained.pretrained_source(text, settings)
        if adapter.is_adapter(text):
            return adapter.adapter_source(text, settings)
        if (weights := huggingface.weights_file_in(text)) is not None:
            return file_source(weights, settings)
    if os.path.isfile(text) and not text.endswith(".ipynb"):
        return file_source(text, settings)
    from layercli.inspect.model_loader import unknown
    from layercli.sources.named import named_source

    if (found := named_source(text, settings)) is not None:
        return found
    raise unknown(text)


def file_source(file: str, settings: ConfigLike) -> Source:
    """Return the Source for the content of a file; FormatError for an unknown format."""
    kind = detect.content(file)
    if kind in ("keras", "onnx", "pt2"):
        if settings:
            raise UsageError(f"{file} is an existing model: it takes no arguments")
        return model_file(file, kind)
    opened = detect.open_weights(file)
    if settings:
        raise no_settings(file)
    return WeightsSource(opened, file, config_beside(opened.file))


def model_file(file: str, kind: str) -> Source:
    """Return the Source of a file that holds a whole model, of a kind as ``detect.content`` names it."""
    if kind == "keras":
        from layercli.sources.keras import keras_source

        return keras_source(file)
    if kind == "onnx":
        from layercli.sources.onnx import OnnxSource

        return OnnxSource(file)
    from layercli.sources.exported_program import ExportedProgramSource

    return ExportedProgramSource(file)
