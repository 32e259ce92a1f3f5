"""Read a ``config.json`` into the dataclass of its family: unknown keys are ignored, missing ones have defaults.

The allowed values follow from the annotation of a field: a ``Size`` is an integer from 1, a ``Count`` one from 0, a
``Depth`` the number of blocks, an ``Epsilon`` a number from 0. An invalid value is reported before anything of that size is
created.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from layercli.core.types import ConfigLike
from layercli.errors import FormatError

Size = int
Count = int
Depth = int
Integer = int
Epsilon = float
Names = list[str]
Integers = list[int]

LARGEST, DEEPEST, MOST_EXPERTS = 2**31, 2000, 10_000
"""The largest size, number of blocks, and number of experts that a config may contain."""

Config = TypeVar("Config")
Value = TypeVar("Value")


def integer(low: int, high: int) -> tuple[str, Callable[[Any], bool]]:
    """Return the description and the check of an integer from ``low`` to ``high``."""
    words = f"an integer from {low:,} to {high:,}"
    return words, lambda value: type(value) is int and low <= value <= high


def is_number(value: Any) -> bool:
    """Whether ``value`` is a finite number."""
    return type(value) in (int, float) and math.isfinite(value)


def is_finite(value: object) -> bool:
    """Whether neither ``value`` nor anything inside it is NaN or an infinity, which JSON has none of."""
    if isinstance(value, (dict, list)):
        return all(map(is_finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)


KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "Size": integer(1, LARGEST),
    "Count": integer(0, LARGEST),
    "Depth": integer(1, DEEPEST),
    "Integer": integer(-LARGEST, LARGEST),
    "float": ("a number", is_number),
    "Epsilon": ("a number from 0", lambda value: is_number(value) and value >= 0),
    "bool": ("true or false", lambda value: type(value) is bool),
    "str": ("text", lambda value: isinstance(value, str)),
    "Names": ("a list of texts", lambda value: isinstance(value, list) and all(isinstance(x, str) for x in value)),
    "Integers": ("a list of integers", lambda value: isinstance(value, list) and all(type(x) is int for x in value)),
    "Mapping": ("an object", lambda value: isinstance(value, dict)),
    "Any": ("anything", lambda value: True),
}


def read(kind: type[Config], config: ConfigLike) -> Config:
    """Return the dataclass ``kind`` with the values of ``config``; FormatError for an invalid value.

    A field may have other names in the file, listed in ``kind.aliases``.
    """
    aliases: Mapping[str, tuple[str, ...]] = getattr(kind, "aliases", {})
    found = {}
    for each in fields(kind):  # type: ignore[arg-type]  # each config is a dataclass
        name = next((name for name in (each.name, *aliases.get(each.name, ())) if name in config), None)
        if name is None:
            if each.default is MISSING and each.default_factory is MISSING:
                raise FormatError(f"config.json has no {each.name}")
            continue
        value = config[name]
        check(name, value, str(each.type))
        if value is not None or "None" in str(each.type):
            found[each.name] = value
    return kind(**found)


def check(name: str, value: object, annotation: str) -> None:
    """Raise FormatError unless ``value`` matches ``annotation``; null always means a missing key."""
    words, holds = KINDS[annotation.removesuffix(" | None").partition("[")[0]]
    if value is not None and not holds(value):
        raise FormatError(f"config.json has {name} = {shown(value)}, which is not {words}")


def shown(value: object) -> str:
    """Return a value for an error message, at most 60 characters long."""
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**40 else f"a number of {len(str(value))} digits"
    return text if len(text) <= 60 else f"{text[:57]}..."


def divided(name: str, size: int, by: str, parts: int) -> int:
    """Return ``size / parts``; FormatError unless it is an integer."""
    if size % parts:
        raise FormatError(f"config.json has {name} = {size}, which {by} = {parts} does not divide")
    return size // parts


def one_of(name: str, value: Value, known: Iterable[Value]) -> Value:
    """Return ``value`` if it is in ``known``; FormatError for any other."""
    if value not in tuple(known):  # a dict or a list cannot be looked up in a set
        raise FormatError(f"config.json has {name} = {shown(value)}, which is not {' or '.join(map(repr, known))}")
    return value


def at_most(name: str, value: int, limit: str, most: int) -> None:
    """Raise FormatError if ``value`` exceeds ``most``; both must also be small enough to list."""
    if value > most:
        raise FormatError(f"config.json has {name} = {value}, more than {limit} = {most}")
    if most > MOST_EXPERTS:
        raise FormatError(f"config.json has {limit} = {most}, more than {MOST_EXPERTS:,}")
