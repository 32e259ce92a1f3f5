"""The arguments that a model takes, and those that are given as NAME=VALUE."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Callable, Mapping

from layercli.core.fields import Validator
from layercli.core.layer import Layer
from layercli.errors import UsageError
from layercli.layers.validators import OF_PLAIN_TYPES


def settings_of(found: Callable[..., object]) -> dict[str, object]:
    """Return the arguments of a model with their defaults: its fields, or its constructor's or factory's parameters."""
    if isinstance(found, type) and issubclass(found, Layer) and found.__init__ is Layer.__init__:
        return dict(found._fields)
    parameters = inspect.signature(found).parameters.values()
    return {p.name: p.default for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}


def takes_any(found: Callable[..., object]) -> bool:
    """Whether a factory does not declare its arguments; a Layer always does."""
    if isinstance(found, type) and issubclass(found, Layer):
        return False
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(found).parameters.values())


def rules_for(found: Callable[..., object]) -> dict[str, Validator]:
    """Return the validators for the annotations of a class's fields, or of a constructor's or factory's parameters."""
    if isinstance(found, type) and "__init__" in vars(found):
        found = found.__init__  # type: ignore[misc]  # a method of this class
    try:
        hints = inspect.get_annotations(found, eval_str=True)
    except (NameError, TypeError):  # a name that only exists for type checkers, or no annotations
        return {}
    rules = {
        name: [r for r in getattr(hint, "__metadata__", ()) if isinstance(r, Validator)] for name, hint in hints.items()
    }
    plain = {name: [OF_PLAIN_TYPES[hint]] for name, hint in hints.items() if hint in OF_PLAIN_TYPES}
    return {name: found[0] for name, found in {**rules, **plain}.items() if found}


def allowed(known: Mapping[str, object]) -> str:
    """Return a hint that lists the arguments."""
    return f"settings: {', '.join(known)}" if known else "it has no arguments"


def parse_setting(text: str) -> tuple[str, object]:
    """Return the name and the value of ``name=value``.

    >>> parse_setting("filters=64,64,256"), parse_setting("activation=relu"), parse_setting("rate=1e-3")
    (('filters', (64, 64, 256)), ('activation', 'relu'), ('rate', 0.001))
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"an argument is written name=value, got {text!r}")
    return name, parse_value(value)


def parse_value(text: str) -> object:
    """Parse a number, true, false, none, a comma-separated list, an object or a list of JSON, or a plain text.

    >>> parse_value('{"units": [64, 10]}'), parse_value("[[1, 2], [3]]"), parse_value("[relu, 3]")
    ({'units': [64, 10]}, ((1, 2), (3,)), ('relu', 3))
    """
    if text.lower() in ("true", "false", "none"):
        return {"true": True, "false": False, "none": None}[text.lower()]
    if text[:1] in ("{", "[") and (found := _json(text)) is not None:
        return found
    if "," in text or (text[:1], text[-1:]) in (("[", "]"), ("(", ")")):
        return tuple(parse_value(part.strip()) for part in text.strip("[]()").split(",") if part.strip())
    try:
        value = ast.literal_eval(text)
    except (
        ValueError,
        SyntaxError,
        MemoryError,
        RecursionError,
    ):  # the last two: raised for a thousand brackets or signs
        return text
    return value if isinstance(value, (int, float)) else text


def _json(text: str) -> object:
    """Return the object, or the list as a tuple, in ``text``; None if it is not JSON."""
    try:
        return _as_tuples(json.loads(text))
    except (ValueError, RecursionError):
        return None


def _as_tuples(value: object) -> object:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value
