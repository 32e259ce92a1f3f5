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


def check_depth(value: object) -> None:
    """Raise RecursionError for a value that is nested more deeply."""
    level = [value]
    for _ in range(DEEPEST + 1):
        below = [
            each.values() if type(each) is dict else each for each in level if type(each) is dict or type(each) is list
        ]
        level = [x for each in below if not NESTED.isdisjoint(map(type, each)) for x in each]
    if level:
        raise RecursionError


Pairs = list[tuple[str, Any]]


def parse(
    file: Path,
    raw: bytes,
    part: str,
    constant: Callable[[str], Any] = not_json,
    made: Callable[[Pairs], Any] = lambda pairs: None,
) -> Any:
    """Return the value of ``raw``, the JSON part of ``file`` called ``part`` (such as ``header``); raise FormatError if invalid.

    ``constant`` gives the value of ``NaN`` and of infinities, ``made`` that of an object in less memory than a dict takes, or None.
    """

    def unique(pairs: Pairs) -> Any:
        if (found := made(pairs)) is not None:
            return found
        value = dict(pairs)
        if len(value) == len(pairs):
            return value
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise FormatError(f"{file} has {part} that holds {twice!r} twice", code="duplicate")

    try:
        text = raw.decode()
        del raw
        value = json.loads(text, object_pairs_hook=unique, parse_constant=constant)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # fails on an unpaired surrogate
        check_depth(value)
    except FormatError:
        raise
    except RecursionError:
        raise FormatError(f"{file} has {part} that is nested too deeply", code="bad-header") from None
    except UnicodeError:
        raise FormatError(f"{file} has {part} that is not UTF-8", code="bad-header") from None
    except ValueError:
        raise FormatError(f"{file} has {part} that is not JSON", code="bad-header") from None
    return value
