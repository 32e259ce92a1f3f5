"""Where in its author's model a node of an ONNX graph stands, as its exporter noted it.

torch notes the modules in each node's metadata, with their classes; exporters before it, and tf2onnx, put them in the name:
``/layer1/0/conv1/Conv``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from typing import Any

SCOPES, CLASSES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"
LONGEST, DEEPEST = 20_000, 64
"""No longer what is noted is read, and no deeper do parts stand in parts."""
UNKNOWN_CLASS = "scope"
"""What stands for the class of a part of which the file knows only the name."""


@dataclass(frozen=True)
class ModuleScope:
    """A node's own name, and the paths of the parts it stands in with their classes, outermost first."""

    name: str
    scopes: tuple[tuple[str, str], ...] = ()
    root: str | None = None


def place_of(node: Any) -> ModuleScope:
    """Return where a node stands, by its metadata, else by its name."""
    noted = {item.key: item.value for item in node.metadata_props}
    scopes, classes = listed(noted.get(SCOPES)), listed(noted.get(CLASSES))
    if not scopes or len(scopes) != len(classes) or len(scopes) > DEEPEST:
        return by_name(node)
    name = unnumbered(node.name.removeprefix("node_").lstrip("_")) or node.op_type
    known = [
        (scope.replace(".", "/"), cls.rpartition(".")[2])
        for scope, cls in zip(scopes[:-1], classes[:-1], strict=True)
        if not scope.startswith("_empty_nn_module_stack")
    ]
    root = next((cls for scope, cls in known if not scope and cls != UNKNOWN_CLASS), None)
    return ModuleScope(name, tuple((scope, cls) for scope, cls in known if scope), root)


def unnumbered(name: str) -> str:
    """Return a name without the numbers at its end, which torch gives throughout the whole graph: ``relu`` of ``relu_17``."""
    stem = name.rstrip("_0123456789")
    return stem + name[len(stem) :].partition("_")[0]


@lru_cache(maxsize=4096)
def listed(text: str | None) -> list[str]:
    """Return the texts in a list written as Python writes it; none where it is something else."""
    try:
        found = ast.literal_eval(text) if text and len(text) <= LONGEST else []
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return []
    return found if isinstance(found, list) and all(isinstance(item, str) for item in found) else []


def by_name(node: Any) -> ModuleScope:
    """Return where a node stands by a name with slashes."""
    *parts, name = node.name.partition(";")[0].strip("/").split("/")
    if len(parts) > DEEPEST or len(node.name) > LONGEST:
        return ModuleScope(name or node.op_type)
    paths = ["/".join(parts[: i + 1]).replace(".", "/") for i in range(len(parts))]
    return ModuleScope(name or node.op_type, tuple((path, UNKNOWN_CLASS) for path in paths if path))


def shared_by_all(places: Iterable[ModuleScope]) -> Sequence[tuple[str, str]]:
    """Return the outermost parts that all nodes stand in."""
    every = [place.scopes for place in places]
    if not every:
        return ()
    levels = zip(*every, strict=False)
    return [same[0] for same in takewhile(lambda level: len(set(level)) == 1, levels)]


def within(place: ModuleScope, outer: Sequence[tuple[str, str]]) -> ModuleScope:
    """Return a place with the outermost parts, which all nodes stand in, left out of it and of its paths."""
    start = len(outer[-1][0]) + 1 if outer else 0
    return ModuleScope(place.name, tuple((path[start:], cls) for path, cls in place.scopes[len(outer) :]), place.root)
