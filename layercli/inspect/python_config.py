"""Create the config object for a class or factory in Python from a JSON file: ``--config config.json``."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from layercli.errors import FileError, FormatError, UsageError
from layercli.formats.strict_json import parse

NAMES = ("config", "cfg", "configuration", "args", "params", "hparams")
"""The names of an argument that takes a config."""


def with_config(found: Callable[..., object], document: Mapping[str, object], text: str) -> dict[str, object]:
    """Return the arguments that ``document`` provides for ``found``: a config object, or its own arguments by name.

    The class of the object is ``config_class`` (Hugging Face), or the argument's annotation: a class with ``from_dict``, a
    dataclass, or any class that takes the entries by keyword.
    """
    parameters = inspect.signature(found).parameters
    name = next((each for each in NAMES if each in parameters), None)
    if name is not None:
        return {name: _object(_class_of(found, name), document, text)}
    public = {key: value for key, value in document.items() if not key.startswith("_")}
    known = {key: value for key, value in public.items() if key in parameters}
    if not known:
        raise UsageError(f"{text} takes no config: its arguments are {', '.join(parameters) or 'none'}")
    return known


def with_config_objects(found: Callable[..., object], settings: Mapping[str, object], text: str) -> dict[str, object]:
    """Return the arguments with each JSON object turned into the config object that the argument takes."""
    return {
        name: _object(_class_of(found, name), value, text) if isinstance(value, dict) else value
        for name, value in settings.items()
    }


class AttributeDict(dict[str, Any]):
    """A config of no declared class: its entries are read as ``config["units"]`` or as ``config.units``."""

    def __getattr__(self, name: str) -> Any:
        if name not in self:
            raise AttributeError(f"the config has no entry {name!r}")
        return AttributeDict(self[name]) if isinstance(self[name], dict) else self[name]


def _class_of(found: object, name: str) -> object:
    if name in NAMES and (declared := getattr(found, "config_class", None)) is not None:
        return declared
    function: object = getattr(found, "__init__") if isinstance(found, type) else found  # noqa: B009 - mypy
    try:
        hint = typing.get_type_hints(function).get(name)
    except (NameError, TypeError):  # a name that only exists for type checkers
        return None
    given = [each for each in typing.get_args(hint) if isinstance(each, type) and each is not type(None)]
    return hint if isinstance(hint, type) else given[0] if given else None


def _object(cls: Any, document: Mapping[str, Any], text: str) -> object:
    if cls is None:
        return AttributeDict(document)
    if cls is dict or typing.get_origin(cls) is dict:
        return dict(document)
    if callable(make := getattr(cls, "from_dict", None)) or callable(make := getattr(cls, "model_validate", None)):
        return make(dict(document))
    if dataclasses.is_dataclass(cls):
        return _dataclass(cls, document, text)
    return cls(**document)


def _dataclass(cls: Any, document: Mapping[str, Any], text: str) -> object:
    """Create a dataclass from ``document``, including nested dataclasses."""
    hints = typing.get_type_hints(cls)
    names = [each.name for each in dataclasses.fields(cls) if each.init]
    for key in document:
        if key not in names:
            raise UsageError(f"the config of {text} has no entry {key!r}", hint=f"its entries: {', '.join(names)}")
    values = {
        key: _dataclass(hints[key], value, text) if dataclasses.is_dataclass(hints.get(key)) else value
        for key, value in document.items()
    }
    return cls(**values)


def read_config(file: str) -> dict[str, object]:
    """Return the object in a JSON file."""
    try:
        raw = Path(file).read_bytes()
    except OSError as error:
        raise FileError(f"{file} cannot be read: {error.strerror}") from None
    found = parse(Path(file), raw, "a config")
    if not isinstance(found, dict):
        raise FormatError(f"{file} holds a {type(found).__name__}, and a config is an object")
    return found
