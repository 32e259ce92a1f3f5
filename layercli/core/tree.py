"""Nested lists, tuples and dicts of tensors (Keras's ``tree``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from layercli.core.types import Tree

NESTED = (list, tuple, dict)
"""The types of what is not a leaf."""


def flatten(tree: object) -> list[Any]:
    """Return the leaves of ``tree`` in order; dicts in insertion order."""
    if not isinstance(tree, (list, tuple, dict)):
        return [tree]
    found: list[Any] = []
    _collect(tree, found)
    return found


def sorted_leaves(tree: object) -> list[Any]:
    """Return the leaves of ``tree`` in Keras's order: dicts by sorted keys.

    >>> sorted_leaves([{"b": 1, "a": (2, 3)}, 4])
    [2, 3, 1, 4]
    """
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in sorted_leaves(tree[key])]
    return [leaf for item in tree for leaf in sorted_leaves(item)] if isinstance(tree, (list, tuple)) else [tree]


def map_structure(function: Callable[[Any], Any], tree: object) -> Any:
    """Return a tree of the same structure whose leaves are ``function(leaf)``.

    >>> map_structure(str, {"a": [1, 2], "b": (3,)})
    {'a': ['1', '2'], 'b': ('3',)}
    """
    if not isinstance(tree, NESTED):
        return function(tree)
    if isinstance(tree, dict):
        return {key: map_structure(function, value) for key, value in tree.items()} if tree else {}
    found = [map_structure(function, value) if isinstance(value, NESTED) else function(value) for value in tree]
    if type(tree) is tuple:  # as the arguments of every call
        return tuple(found)
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*found)
    return type(tree)(found)


def structure(tree: object) -> Any:
    """Return the structure of ``tree`` with None for each leaf, lists made tuples, so that it can be a setting.

    >>> structure([1, (2, 3)])
    (None, (None, None))
    """
    if isinstance(tree, dict):
        return {key: structure(value) for key, value in tree.items()}
    return tuple(map(structure, tree)) if isinstance(tree, (list, tuple)) else None


def pack_sequence_as(structure: object, values: Iterable[object]) -> Any:
    """Return a tree of that structure whose leaves are ``values``, in order.

    >>> pack_sequence_as((None, (None, None)), [1, 2, 3])
    (1, (2, 3))
    """
    left = iter(values)
    return map_structure(lambda _: next(left), structure)


def _collect(tree: Tree, found: list[object]) -> None:
    for value in tree.values() if isinstance(tree, dict) else tree:
        if isinstance(value, (list, tuple, dict)):
            _collect(value, found)
        else:
            found.append(value)
