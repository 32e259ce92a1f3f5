"""Create the config object for a class or factory in Python from a JSON file: ``--config config.json``."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from layercli.errors import FileError, FormatError, UsageError, with_and
from layercli.formats.strict_json import parse

CONFIG_NAMES = ("config", "cfg", "configuration", "args", "params", "hparams")
"""The names of an argument that takes a config."""


def with_config(found: Callable[..., object], document: Mapping[str, object], text: str) -> dict[str, object]:
    """Return the arguments that ``document`` provides for ``found``: a config object, or its own arguments by name.

    The class of the object is ``config_class`` (Hugging Face), or the argument's annotation: a model of pydantic, a class with
    ``from_dict``, a dataclass, or any class that takes the entries by keyword.
    """
    parameters = inspect.signature(found).parameters
    name = next((each for each in CONFIG_NAMES if each in parameters), None)
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
    if name in CONFIG_NAMES and (declared := getattr(found, "config_class", None)) is not None:
        return declared
    function: object = getattr(found, "__init__") if isinstance(found, type) else found  # noqa: B009 - mypy
    try:
        hint = typing.get_type_hints(function).get(name)
    except (NameError, TypeError):  # a name that only exists for type checkers
        return None
    return _plain(hint)


def _plain(hint: object) -> object:
    """Return the class of a type hint, of ``Config | None`` the class; None where there is none.

    >>> _plain(int | None), _plain(list[int])
    (<class 'int'>, list[int])
    """
    if isinstance(hint, type) or typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint
    given = [each for each in typing.get_args(hint) if each is not type(None)]
    return given[0] if given else None


def _object(cls: Any, document: Mapping[str, Any], text: str) -> object:
    if _takes_dict(cls):
        return AttributeDict(document)
    if callable(make := getattr(cls, "model_validate", None)) or hasattr(cls, "__pydantic_validator__"):
        return _validated(make or cls.__pydantic_validator__.validate_python, document, text)
    if callable(make := getattr(cls, "from_dict", None)):
        return make(dict(document))
    if dataclasses.is_dataclass(cls):
        return _dataclass(cls, document, text)
    if not isinstance(cls, type) or cls.__module__ == "builtins":
        raise UsageError(f"{text} takes {getattr(cls, '__name__', cls)} as its config, not an object")
    try:
        inspect.signature(cls).bind(**document)
    except TypeError as error:
        raise UsageError(f"{cls.__name__}, the config of {text}, cannot be made: {error}") from None
    except ValueError:  # a class of C has no signature
        pass
    return cls(**document)


def _takes_dict(cls: Any) -> bool:
    """Whether an annotation, or None for none, asks for no class of its own: a dict, a mapping, a protocol or anything.

    >>> [_takes_dict(each) for each in (None, Any, object, Mapping[str, int], dict, int)]
    [True, True, True, True, True, False]
    """
    if cls in (None, type(None), Any) or typing.is_typeddict(cls) or getattr(cls, "_is_protocol", False):
        return True
    kind = typing.get_origin(cls) or cls
    return isinstance(kind, type) and issubclass(AttributeDict, kind)


def _validated(make: Callable[[Any], object], document: Mapping[str, Any], text: str) -> object:
    """Return the pydantic object of ``document``; UsageError with the first entry that it refuses."""
    try:
        return make(_lists(document))
    except ValueError as error:
        refused = getattr(error, "errors", None)
        if not callable(refused):
            raise
        first, *others = refused()
        entry = ".".join(map(str, first["loc"]))
        more = f"; {len(others)} more {'entries are' if len(others) > 1 else 'entry is'} refused" if others else ""
        place = f"entry {entry!r} of the config" if entry else "the config"
        raise UsageError(f"{place} of {text}: {first['msg'].removeprefix('Value error, ')}{more}") from None


def _lists(value: Any) -> Any:
    """Return the value with lists for tuples, as JSON has them: a strict field takes no other."""
    if isinstance(value, Mapping):
        return {key: _lists(each) for key, each in value.items()}
    return list(map(_lists, value)) if isinstance(value, list | tuple) else value


def _dataclass(cls: Any, document: Mapping[str, Any], text: str) -> object:
    """Create a dataclass from ``document``, including nested dataclasses and lists and dicts of them."""
    hints = typing.get_type_hints(cls)
    fields = [each for each in dataclasses.fields(cls) if each.init]
    names = [each.name for each in fields]
    for key in document:
        if key not in names:
            raise UsageError(f"the config of {text} has no entry {key!r}", hint=f"its entries: {', '.join(names)}")
    defaults = dataclasses.MISSING
    needed = [each.name for each in fields if each.default is defaults and each.default_factory is defaults]
    if lacking := [name for name in needed if name not in document]:
        raise UsageError(f"the config of {text} needs {with_and(lacking)}")
    return cls(**{key: _entry(hints.get(key), value, text) for key, value in document.items()})


def _entry(hint: object, value: Any, text: str) -> Any:
    """Return the value of an entry whose type is ``hint``: with objects where the hint names config classes."""
    cls = _plain(hint)
    inner = typing.get_args(cls)
    if isinstance(value, dict):
        if typing.get_origin(cls) is dict:
            return {key: _entry(inner[-1], each, text) for key, each in value.items()}
        return _object(cls, value, text) if isinstance(cls, type) and cls is not dict else value
    if isinstance(value, list | tuple) and typing.get_origin(cls) in (list, tuple):
        hints = repeat(inner[0]) if len(inner) == 1 or inner[-1:] == (...,) else chain(inner, repeat(None))
        found = [_entry(hint, each, text) for hint, each in zip(hints, value, strict=False)]
        return tuple(found) if typing.get_origin(cls) is tuple else found
    return value


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
