"""Strict JSON: UTF-8, unique names in objects, no NaN, bounded depth."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from layercli.errors import FormatError


def not_json(constant: str) -> NoReturn:
    """Reject ``NaN`` and infinities, which Python accepts but JSON does not have."""
    raise ValueError(constant)


DEEPEST = 200
"""How deep a value may be nested: deeper ones are no settings, and what reads them calls itself for each level."""


NESTED = frozenset({dict, list})


def names_in(value: object) -> int:
    """Return how many names the objects in ``value`` have together; RecursionError for a value that is nested more deeply."""
    count, level = 0, [value]
    for _ in range(DEEPEST + 1):
        objects = [each for each in level if type(each) is dict]
        count += sum(map(len, objects))
        below = [*map(dict.values, objects), *(each for each in level if type(each) is list)]
        level = [x for each in below if not NESTED.isdisjoint(map(type, each)) for x in each]
    if level:
        raise RecursionError
    return count


Pairs = list[tuple[str, Any]]


def parse(
    file: Path,
    raw: bytes,
    part: str,
    constant: Callable[[str], Any] = not_json,
    made: Callable[[Pairs], Any] | None = None,
) -> Any:
    """Return the value of ``raw``, the JSON part of ``file`` called ``part`` (such as ``header``); raise FormatError if invalid.

    ``constant`` gives the value of ``NaN`` and of infinities, ``made`` that of an object in less memory than a dict takes, or None.
    """

    def unique(pairs: Pairs) -> Any:
        if made is not None and (found := made(pairs)) is not None:
            return found
        value = dict(pairs)
        if len(value) == len(pairs):
            return value
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise FormatError(f"{file} has {part} that holds {twice!r} twice", code="duplicate")

    try:
        text = raw.decode()
        del raw
        value = json.loads(text, parse_constant=constant) if made is None else None
        # each name is followed by a colon, so that no object can have lost one where there are not more of them
        if made is not None or names_in(value) != text.count(":"):
            value = json.loads(text, object_pairs_hook=unique, parse_constant=constant)
            names_in(value)
        if "\\" in text and "\\u" in text:  # most texts have neither, which the first says in a tenth of the time
            json.dumps(value, ensure_ascii=False).encode()  # fails on an unpaired surrogate
    except FormatError:
        raise
    except RecursionError:
        raise FormatError(f"{file} has {part} that is nested too deeply", code="bad-header") from None
    except UnicodeError:
        raise FormatError(f"{file} has {part} that is not UTF-8", code="bad-header") from None
    except ValueError:
        raise FormatError(f"{file} has {part} that is not JSON", code="bad-header") from None
    return value


def parse_config(file: Path, raw: bytes) -> Any:
    """Return the value of a ``config.json``, in which transformers writes infinities as Python does."""
    return parse(file, raw, "a config", float)
