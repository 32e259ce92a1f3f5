"""Nested lists, tuples and dicts, as in Keras's ``tree``: dicts in the order of their sorted keys, an OrderedDict in its own.

Lists, tuples, named tuples, deques and dicts are nodes, everything else is a leaf, None too.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any

from layercli.errors import UsageError

__all__ = [
    "MAP_TO_NONE",
    "assert_same_paths",
    "assert_same_structure",
    "flatten",
    "flatten_with_path",
    "is_nested",
    "lists_to_tuples",
    "map_shape_structure",
    "map_structure",
    "map_structure_up_to",
    "pack_sequence_as",
    "traverse",
]


class MAP_TO_NONE:
    """What a function returns to ``traverse`` to put None in a node's place."""


def is_nested(structure: object) -> bool:
    """Return whether ``structure`` is a list, tuple, deque or dict."""
    return isinstance(structure, (list, tuple, deque, dict))


def flatten(structure: object) -> list[Any]:
    """Return the leaves in order.

    >>> flatten({"b": [1, (2, None)], "a": 3})
    [3, 1, 2, None]
    """
    return [leaf for _, leaf in flatten_with_path(structure)]


def flatten_with_path(structure: object) -> list[tuple[tuple[Any, ...], Any]]:
    """Return each leaf with its path, a tuple of indices and keys.

    >>> flatten_with_path([{"foo": 42}, 7])
    [((0, 'foo'), 42), ((1,), 7)]
    """
    if not is_nested(structure):
        return [((), structure)]
    return [((key, *path), leaf) for key, item in _items(structure) for path, leaf in flatten_with_path(item)]


def map_structure(func: Callable[..., object], *structures: object, none_is_leaf: bool = True) -> object:
    """Return a structure whose leaves are ``func`` of the leaves in the same place of each structure.

    With ``none_is_leaf`` false a None stays None. TypeError for a ``func`` that cannot be called, UsageError (a ValueError)
    without structures and for structures that differ.

    >>> map_structure(lambda x, y: x + y, {"a": [1, 2]}, {"a": [10, 20]})
    {'a': [11, 22]}
    """
    _check_callable(func)
    if not structures:
        raise UsageError("map_structure expects at least one structure")
    first = structures[0]
    if not is_nested(first):
        if any(is_nested(other) for other in structures[1:]):
            raise UsageError("map_structure expects structures that are nested in the same way")
        return None if first is None and not none_is_leaf else func(*structures)
    for other in structures[1:]:
        _check_node(first, other)
    return _made(first, [map_structure(func, *each, none_is_leaf=none_is_leaf) for each in _together(structures)])


def map_structure_up_to(shallow_structure: object, func: Callable[..., object], *structures: object) -> object:
    """Return a structure like ``shallow_structure``: ``func`` of what the structures have in the place of its leaves.

    >>> map_structure_up_to([None, [None]], str, [[1, 1], [2]])
    ['[1, 1]', ['2']]
    """
    _check_callable(func)
    if not structures:
        raise UsageError("map_structure_up_to expects at least one structure")
    if not is_nested(shallow_structure):
        return func(*structures)
    for other in structures:
        _check_node(shallow_structure, other)
    together = _together((shallow_structure, *structures))
    return _made(shallow_structure, [map_structure_up_to(shallow, func, *rest) for shallow, *rest in together])


def traverse(func: Callable[[Any], Any], structure: object, top_down: bool = True) -> Any:
    """Return the structure with each part replaced for which ``func`` returns something, MAP_TO_NONE for None.

    ``top_down`` asks for a node before its parts, and not for the parts of one that is replaced; otherwise after them.

    >>> traverse(lambda x: tuple(x) if isinstance(x, list) else None, [1, [2]], top_down=False)
    (1, (2,))
    """
    _check_callable(func)

    def inner() -> object:
        if not is_nested(structure):
            return structure
        return _made(structure, [traverse(func, item, top_down) for _, item in _items(structure)])

    whole = structure if top_down else inner()
    found = func(whole)
    if found is None:
        return inner() if top_down else whole
    return None if found is MAP_TO_NONE else found


def pack_sequence_as(structure: object, flat_sequence: Iterable[object]) -> Any:
    """Return the leaves ``flat_sequence`` in a structure like ``structure``; UsageError for too few or too many.

    >>> pack_sequence_as({"b": 0, "a": (0, 0)}, [1, 2, 3])
    {'b': 3, 'a': (1, 2)}
    """
    values, wanted = list(flat_sequence), len(flatten(structure))
    if len(values) != wanted:
        raise UsageError(f"pack_sequence_as expects {wanted} leaves, got {len(values)}")
    left = iter(values)
    return map_structure(lambda _: next(left), structure)


def lists_to_tuples(structure: object) -> Any:
    """Return the structure with tuples for its lists."""
    return traverse(lambda node: tuple(node) if isinstance(node, list) else None, structure, top_down=False)


def map_shape_structure(func: Callable[[Any], Any], structure: object) -> Any:
    """Return a structure with ``func`` of each shape, a list or tuple of integers and None.

    >>> map_shape_structure(len, {"x": (None, 3), "y": (2,)})
    {'x': 2, 'y': 1}
    """
    is_shape = isinstance(structure, (list, tuple)) and all(size is None or isinstance(size, int) for size in structure)
    if is_shape or not is_nested(structure):
        return func(structure)
    return _made(structure, [map_shape_structure(func, item) for _, item in _items(structure)])


def assert_same_structure(a: object, b: object, check_types: object = None) -> None:
    """Raise UsageError (a ValueError) unless both are nested in the same way; ``check_types`` changes nothing, as in Keras.

    Lists, tuples, named tuples and deques differ from each other; all dicts with the same keys are the same.
    """
    if is_nested(a) != is_nested(b):
        raise UsageError("the two structures are not nested in the same way")
    if is_nested(a):
        _check_node(a, b)
        for left, right in _together((a, b)):
            assert_same_structure(left, right)


def assert_same_paths(a: object, b: object) -> None:
    """Raise UsageError (a ValueError) unless both have leaves at the same paths, in whatever kind of node."""
    different = {path for path, _ in flatten_with_path(a)} ^ {path for path, _ in flatten_with_path(b)}
    if different:
        raise UsageError(f"the two structures differ in the paths {', '.join(sorted(map(str, different)))}")


def _items(node: Any) -> list[tuple[object, object]]:
    """Return the parts of a node, each with its index or key, in order."""
    if not isinstance(node, dict):
        return list(enumerate(node))
    return list(node.items()) if isinstance(node, OrderedDict) else [(key, node[key]) for key in sorted(node)]


def _made(like: Any, parts: list[Any]) -> Any:
    """Return a node of that kind with other parts."""
    if isinstance(like, dict):
        of_key = dict(zip((key for key, _ in _items(like)), parts, strict=True))
        made = defaultdict(like.default_factory) if isinstance(like, defaultdict) else type(like)()
        made.update({key: of_key[key] for key in like})
        return made
    if isinstance(like, deque):
        return deque(parts, like.maxlen)
    return type(like)(*parts) if hasattr(like, "_fields") else type(like)(parts)


def _together(nodes: tuple[Any, ...]) -> list[tuple[object, ...]]:
    """Return the parts in the same place of several nodes."""
    keys = [key for key, _ in _items(nodes[0])]
    return [tuple(node[key] for node in nodes) for key in keys]


def _check_node(a: Any, b: Any) -> None:
    """Raise UsageError unless two nodes are of one kind with the same keys."""
    same = isinstance(b, dict) and a.keys() == b.keys() if isinstance(a, dict) else type(a) is type(b)
    if not same or len(a) != len(b):
        raise UsageError("the two structures are not nested in the same way")


def _check_callable(func: object) -> None:
    if not callable(func):
        raise TypeError(f"expects a function, got {func!r}")
