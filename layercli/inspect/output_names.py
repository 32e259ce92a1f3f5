"""Names for tensors in nested lists and dicts."""

from __future__ import annotations

import itertools

from layercli.core import tree


def keys_of(values: dict[object, object]) -> list[str]:
    """Return the name of each leaf of a dict: its key, or its path in nested dicts, as in ``state/hidden``."""
    found = []
    for key, value in values.items():
        inner = keys_of(value) if isinstance(value, dict) else None
        found += numbered(str(key), len(tree.flatten(value))) if inner is None else [f"{key}/{name}" for name in inner]
    return found


def distinct(names: list[str]) -> list[str]:
    """Make names unique: a repeated name gets a number.

    >>> distinct(["a_0", "a_1", "a_0"])
    ['a_0', 'a_1', 'a_0_2']
    """
    found: list[str] = []
    for name in names:
        others = (f"{name}_{i}" for i in itertools.count(2))
        found.append(name if name not in found else next(other for other in others if other not in {*names, *found}))
    return found


def numbered(name: str, count: int) -> list[str]:
    """Return ``count`` names: the name itself, or numbered if there are several."""
    return [name] if count == 1 else [f"{name}_{i}" for i in range(count)]
