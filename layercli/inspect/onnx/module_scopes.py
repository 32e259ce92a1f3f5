"""The module path of an ONNX node in the original model, as recorded by the exporter.

torch stores the modules and their classes in each node's metadata; older exporters, and tf2onnx, encode them in the name:
``/layer1/0/conv1/Conv``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING

from layercli.dataclass import dataclass

if TYPE_CHECKING:
    from onnx import NodeProto


SCOPES, CLASSES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"
LONGEST, DEEPEST = 20_000, 64
"""The maximum length of metadata that is parsed, and the maximum nesting of modules."""
UNKNOWN_CLASS = "scope"
"""The class name of a module for which the file has only a name."""


@dataclass(frozen=True)
class ModuleScope:
    """A node's own name, and the paths and classes of its enclosing modules, outermost first."""

    name: str
    scopes: tuple[tuple[str, str], ...] = ()
    root: str | None = None


def place_of(node: NodeProto) -> ModuleScope:
    """Return the scope of a node from its metadata, else from its name."""
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
    """Return a name without the trailing number that torch adds across the whole graph: ``relu`` for ``relu_17``."""
    stem = name.rstrip("_0123456789")
    return stem + name[len(stem) :].partition("_")[0]


@lru_cache(maxsize=4096)
def listed(text: str | None) -> list[str]:
    """Return the strings in a list in Python syntax; empty for anything else."""
    try:
        found = ast.literal_eval(text) if text and len(text) <= LONGEST else []
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return []
    return found if isinstance(found, list) and all(isinstance(item, str) for item in found) else []


def by_name(node: NodeProto) -> ModuleScope:
    """Return the scope of a node from a name with slashes."""
    *parts, name = node.name.partition(";")[0].strip("/").split("/")
    if len(parts) > DEEPEST or len(node.name) > LONGEST:
        return ModuleScope(name or node.op_type)
    paths = ["/".join(parts[: i + 1]).replace(".", "/") for i in range(len(parts))]
    return ModuleScope(name or node.op_type, tuple((path, UNKNOWN_CLASS) for path in paths if path))


def shared_by_all(places: Iterable[ModuleScope]) -> Sequence[tuple[str, str]]:
    """Return the outermost modules shared by all nodes."""
    every = [place.scopes for place in places]
    if not every:
        return ()
    levels = zip(*every, strict=False)
    return [same[0] for same in takewhile(lambda level: len(set(level)) == 1, levels)]


def within(place: ModuleScope, outer: Sequence[tuple[str, str]]) -> ModuleScope:
    """Return a scope with the outermost modules shared by all nodes removed."""
    start = len(outer[-1][0]) + 1 if outer else 0
    return ModuleScope(place.name, tuple((path[start:], cls) for path, cls in place.scopes[len(outer) :]), place.root)
