"""Automatic names of layers, as in Keras: ``conv2d``, ``conv2d_1``, counted in each process."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import count
from typing import Any

_counts: dict[str, Iterator[int]] = {}


@lru_cache(maxsize=1024)
def snake_case(name: str) -> str:
    """Return a class name in snake case, as Keras spells it.

    >>> snake_case("Conv2DTranspose"), snake_case("ReLU"), snake_case("MyDenseLayer")
    ('conv2d_transpose', 're_lu', 'my_dense_layer')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def name_of(value: object) -> str:
    """Return the name of a function or a callable object in the logs: its ``name``, else its own or its class's in snake case.

    >>> name_of(lambda x: x), name_of(snake_case)
    ('lambda', 'snake_case')
    """
    own = getattr(value, "name", None)
    return own if isinstance(own, str) else snake_case(getattr(value, "__name__", type(value).__name__))


def auto_name(class_name: str) -> str:
    """Return the next automatic name for an object of that class."""
    stem = snake_case(class_name)
    number = next(_counts.setdefault(stem, count()))  # each step is atomic: threads get different numbers
    return f"{stem}_{number}" if number else stem


def clear_session() -> None:
    """Reset the counters of automatic names."""
    _counts.clear()


def uniquify(names: Iterable[str]) -> list[str]:
    """Return ``names`` with every repeat numbered, as automatic names are.

    >>> uniquify(["dense", "relu", "dense"])
    ['dense', 'relu', 'dense_1']
    """
    seen: Counter[str] = Counter()
    result: dict[str, None] = {}  # in order, and quick to ask
    for name in names:
        candidate = name
        while candidate in result:
            seen[name] += 1
            candidate = f"{name}_{seen[name]}"
        result[candidate] = None
    return list(result)


def stem_of(layer: Any) -> str:
    """Return the name that the user gave the layer, or the class name."""
    return snake_case(type(layer).__name__) if has_generated_name(layer) else layer.name


def has_generated_name(layer: Any) -> bool:
    """Whether the name of the layer was generated; a guess for a layer made from a config."""
    if layer._named:
        return False
    stem = snake_case(type(layer).__name__)
    rest = layer.name.removeprefix(stem)
    return layer.name.startswith(stem) and (not rest or rest[1:].isdigit())
