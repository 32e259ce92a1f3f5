"""Where Keras keeps each layer of a model in a file of weights."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import compress
from typing import Any

from layercli.core import naming
from layercli.core.functional import Functional
from layercli.core.layer import Layer
from layercli.core.model import Model
from layercli.core.sequential import Sequential
from layercli.core.tracking import FRAMEWORK, may_hold


def layers_of(model: Layer, skipped: Collection[Any] = ()) -> dict[str, Layer]:
    """Return every layer of ``model`` by its path in the file, the model itself at the empty one, each once.

    An attribute gives its name; a list, tuple or dict, and the layers of a functional model or a stack, give
    ``<container>/<class>``, numbered by class. The layers ``skipped``, and what is below them alone, are left out.
    """
    return dict(_visited(model, "", set(map(id, skipped))))


def _visited(layer: Layer, path: str, seen: set[int]) -> Iterator[tuple[str, Layer]]:
    if id(layer) in seen:
        return
    seen.add(id(layer))
    yield path, layer
    for key, value in _attributes(layer):
        below = f"{path}/{key}".lstrip("/")
        if isinstance(value, Layer):
            yield from _visited(value, below, seen)
        else:
            yield from _contained(value, below, seen)


def _contained(values: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Layer]]:
    items = list(values.values() if isinstance(values, dict) else values)
    kinds = ["container" if isinstance(item, list | tuple | dict) else type(item).__name__ for item in items]
    for step, item in zip(_numbered(kinds), items, strict=True):
        if isinstance(item, Layer):
            yield from _visited(item, f"{path}/{step}", seen)
        elif isinstance(item, list | tuple | dict):
            yield from _contained(item, f"{path}/{step}", seen)


def _numbered(kinds: list[str]) -> list[str]:
    return naming.uniquify(naming.snake_case(kind) for kind in kinds)


def _attributes(layer: Layer) -> list[tuple[str, object]]:
    """Return what may hold layers, in Keras's order: by name, private ones last."""
    if isinstance(layer, Sequential | Functional):
        return [("layers", layer.layers)]
    own = vars(layer)
    held = dict(compress(own.items(), map(may_hold, map(type, own.values()))))
    held = {key: value for key, value in held.items() if key not in FRAMEWORK}
    if isinstance(layer, Model):
        held["layers"] = layer.layers
    if not held:
        return []
    return sorted(held.items(), key=lambda item: (item[0].startswith("_"), item[0]))
