"""Resolve a MODEL: a text, a path or an object becomes a Source; the content of a file decides its kind."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from layercli.core.types import ConfigLike
from layercli.errors import UsageError
from layercli.formats import detect
from layercli.inspect.model_arguments import parse_setting
from layercli.inspect.model_loader import is_python, unknown
from layercli.sources.exported_program import ExportedProgramSource
from layercli.sources.keras import keras_source
from layercli.sources.named import named_source
from layercli.sources.onnx import OnnxSource
from layercli.sources.python import object_source, python_source
from layercli.sources.source import Source
from layercli.sources.weights import WeightsSource, config_beside, no_settings

GRAPHS: dict[str, Callable[[str], Source]] = {
    "keras": keras_source,
    "onnx": OnnxSource,
    "pt2": ExportedProgramSource,
}
"""The kinds of files that hold a whole model, as named by ``detect.content``."""


def resolve(
    text: str, settings: Iterable[str] = (), *, config: str | None = None, describing: bool = False, library: str | None = None
) -> Source:  # fmt: skip
    """Return the Source for a MODEL on the command line, created with ``settings`` (``name=value`` each).

    ``config`` is a JSON file with the config for a class or factory in Python. ``describing``: parameters of a torch module
    are allocated only when their values are needed. ``library`` is one with a class for a Hugging Face folder.
    """
    if library is not None:
        from layercli.sources.transformers_class import library_source

        return library_source(text, library, dict(map(parse_setting, settings)))
    return _opened(text, dict(map(parse_setting, settings)), config=config, describing=describing)


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
        return object_source(model, settings)
    text = os.fspath(model)
    if is_python(text) or (text.endswith(".py") and os.path.isfile(text)):
        return python_source(text, settings, config=config, describing=describing)
    if config is not None:
        raise UsageError(f"--config is for a class or a function in Python, and {text} is none")
    if os.path.isdir(text) or os.path.basename(text) == "config.json":
        from layercli.sources import adapter, huggingface  # few commands need their dependencies

        if huggingface.is_folder(text):
            return huggingface.pretrained_source(text, settings)
        if adapter.is_adapter(text):
            return adapter.adapter_source(text, settings)
        if (weights := huggingface.weights_file_in(text)) is not None:
            return file_source(weights, settings)
    if os.path.isfile(text) and not text.endswith(".ipynb"):
        return file_source(text, settings)
    if (found := named_source(text, settings)) is not None:
        return found
    raise unknown(text)


def file_source(file: str, settings: ConfigLike) -> Source:
    """Return the Source for the content of a file; FormatError for an unknown format."""
    kind = detect.content(file)
    if kind in GRAPHS:
        if settings:
            raise UsageError(f"{file} is an existing model: it takes no arguments")
        return GRAPHS[kind](file)
    opened = detect.open_weights(file)
    if settings:
        raise no_settings(file)
    return WeightsSource(opened, file, config_beside(opened.file))
