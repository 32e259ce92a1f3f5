"""What a pickle holds, as data: names, calls that are recorded and never executed, references, and dicts as pairs."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from layercli.dataclass import dataclass


@dataclass(slots=True, eq=False)
class Name:
    """The name of a Python object, ``collections.OrderedDict``."""

    text: str


@dataclass(slots=True, eq=False)
class PickledCall:
    """A call that the pickle requests."""

    of: str
    args: tuple[Any, ...]


@dataclass(slots=True, eq=False)
class Reference:
    """An object stored outside the pickle."""

    id: Any


@dataclass(slots=True, eq=False)
class Pairs:
    """A dict: its keys and values in order."""

    pairs: list[tuple[Any, Any]] = field(default_factory=list)
