"""Structured arguments of ``forward``, built from flat inputs: ``batch.x`` is an entry of a dict, a dataclass or a list."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Mapping
from typing import Any

from torch import nn

from layercli.core.types import Tree
from layercli.errors import UsageError


def nested(inputs: Mapping[str, object], annotations: Mapping[str, object] | None = None) -> dict[str, object]:
    """Combine ``batch.x`` and ``batch.y`` into one dict ``batch``; numbered entries make a list.

    An argument annotated with a dataclass, a named tuple or a tuple becomes one.

    >>> nested({"batch.x": 1, "batch.y": 2, "pair.0": 3, "pair.1": 4})
    {'batch': {'x': 1, 'y': 2}, 'pair': [3, 4]}
    """
    found: dict[str, object] = {}
    groups: dict[str, dict[str, Any]] = {}
    for name, value in inputs.items():
        owner, dot, entry = name.partition(".")
        if dot:
            groups.setdefault(owner, {})[entry] = value
            found.setdefault(owner, None)
        else:
            found[name] = value
    for owner, entries in groups.items():
        found[owner] = grouped(owner, entries, (annotations or {}).get(owner))
    return found


def grouped(name: str, entries: Mapping[str, object], annotation: object = None) -> Any:
    """Return the entries of the argument ``name`` as what it is annotated with, else as a list or a dict."""
    kinds = [annotation, *typing.get_args(annotation)]  # Optional[Batch] holds Batch
    cls = next((kind for kind in kinds if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields")), None)
    inner = nested(entries, annotations_of(cls) if cls is not None else None)
    if cls is not None:
        parameters = inspect.signature(cls).parameters
        if unknown := next((key for key in inner if key not in parameters), None):
            raise UsageError(f"{cls.__name__} has no field {unknown!r}", hint=f"its fields: {', '.join(parameters)}")
        needed = (key for key, p in parameters.items() if p.default is p.empty and key not in inner)
        if missing := next(needed, None):
            raise UsageError(
                f"the input {name} is a {cls.__name__} of {', '.join(parameters)}: {name}.{missing} is missing"
            )
        return cls(**inner)
    if not all(key.isdecimal() for key in inner):
        return inner
    gap = next((i for i in range(len(inner)) if str(i) not in inner), None)
    if gap is not None:
        raise UsageError(f"the input {name} has entries {', '.join(inner)}, and {name}.{gap} is missing")
    items = [inner[str(i)] for i in range(len(inner))]
    return tuple(items) if any(typing.get_origin(kind) is tuple for kind in kinds) else items


def annotations_of(found: Any) -> dict[str, object]:
    """Return the annotations of a function's arguments or of a class's fields, as far as their names can be resolved."""
    try:
        return inspect.get_annotations(found, eval_str=True)
    except (NameError, TypeError, AttributeError, SyntaxError):
        return {}


def annotations_of_forward(module: nn.Module) -> dict[str, object]:
    """Return the annotations of the arguments of ``forward``."""
    return annotations_of(inspect.unwrap(getattr(module.forward, "__func__", module.forward)))


def by_field(values: Tree) -> Tree:
    """Return nested outputs with dataclasses and named tuples as dicts of their fields."""
    if isinstance(values, dict):
        return {key: by_field(x) for key, x in values.items()}
    fields = getattr(values, "_fields", None)
    if isinstance(values, tuple) and fields is not None:
        return {name: by_field(x) for name, x in zip(fields, values, strict=True)}
    if isinstance(values, (list, tuple)):
        return [by_field(x) for x in values]
    if dataclasses.is_dataclass(values) and not isinstance(values, type):
        return {each.name: by_field(getattr(values, each.name, None)) for each in dataclasses.fields(values)}
    return values
