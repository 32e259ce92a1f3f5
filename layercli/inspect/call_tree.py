"""The calls of a model as a tree: each module call with the operations and module calls directly inside it, in order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import field
from functools import cached_property
from typing import Any

from layercli.dataclass import dataclass
from layercli.inspect.model_graph import ROOT, ModelGraph, ModuleCall, ValueKind


@dataclass(eq=False)
class CallNode:
    """One call of the module at ``path``: the operations ``start`` to ``stop`` ran inside it.

    ``items`` are what ran directly inside it, in order: calls of modules, and indices of operations in ``graph.calls``.
    """

    graph: ModelGraph
    path: str
    start: int
    stop: int
    call: ModuleCall | None = None
    items: list[CallNode | int] = field(default_factory=list)

    @property
    def children(self) -> list[CallNode]:
        """The calls of modules directly inside it."""
        return [item for item in self.items if isinstance(item, CallNode)]

    @cached_property
    def content(self) -> int:
        """What two calls that differ in the numbers of their paths alone have in common."""
        node, calls, values = self.graph.modules[self.path], self.graph.calls, self.graph.values
        variables = tuple((name, values[place].spec) for name, place in node.variables.items())

        def of(item: CallNode | int) -> Any:
            if isinstance(item, CallNode):
                return item.path.removeprefix(self.path), item.content
            return calls[item].operation, tuple(values[place].spec for place in calls[item].outputs)

        return hash((node.class_name, variables, tuple(map(of, self.items))))

    def below(self) -> Iterator[CallNode]:
        """Yield the calls inside it, at every level."""
        for child in self.children:
            yield child
            yield from child.below()

    def takes(self) -> list[int]:
        """Return the inputs and activations that its operations take from outside, each once."""
        if self.start == self.stop:
            return [] if self.call is None else list(self.call.inputs)
        inside = self.graph.calls[self.start : self.stop]
        made = {place for call in inside for place in call.outputs}
        flowing = (ValueKind.INPUT, ValueKind.ACTIVATION)
        places = dict.fromkeys(place for call in inside for place in call.inputs if place not in made)
        return [place for place in places if self.graph.values[place].kind in flowing]


def call_tree(graph: ModelGraph) -> CallNode:
    """Return the whole call of a model as a tree.

    A module call without operations, as of Dropout in inference, stands where its number says, inside the module that has it.
    """
    root = CallNode(graph, ROOT, 0, len(graph.calls))
    calls = [call for call in graph.module_calls if call.module != ROOT]
    nodes = [CallNode(graph, call.module, call.start, call.stop, call) for call in calls]
    levels = {path: levels_of(graph, path) for path in {call.module for call in calls}}
    open_ = [root]
    for node in sorted(nodes, key=lambda each: (each.start, -each.stop, levels[each.path])):
        if node.start < node.stop:
            while node.stop > open_[-1].stop or node.start >= open_[-1].stop:
                open_.pop()
            open_[-1].items.append(node)
            open_.append(node)
    add_operations(root)
    for node in nodes:
        if node.start == node.stop and node.call is not None and node.call.inputs:
            insert(root, node)
    return root


def levels_of(graph: ModelGraph, path: str) -> int:
    """Return how many modules are around the one at ``path``."""
    count, parent = 0, graph.modules[path].parent
    while parent is not None:
        count, parent = count + 1, graph.modules[parent].parent
    return count


def add_operations(node: CallNode) -> None:
    """Put the operations that ran outside of the calls inside ``node`` among them."""
    children, node.items, at = node.children, [], node.start
    for child in children:
        node.items += [*range(at, child.start), child]
        at = child.stop
        add_operations(child)
    node.items += range(at, node.stop)


def insert(root: CallNode, node: CallNode) -> None:
    """Put a call without operations into the innermost call of a module that has it, before what ran after it."""
    frame = root
    while True:
        inner = [
            child
            for child in frame.children
            if child.start <= node.start <= child.stop and node.path.startswith(child.path + "/")
        ]
        if not inner:
            break
        frame = inner[0]
    place = bisect_left(frame.items, node.start, key=lambda x: x.start if isinstance(x, CallNode) else x)
    while place < len(frame.items) and begins_without_operations(frame.items[place], node.start):
        place += 1
    frame.items.insert(place, node)


def begins_without_operations(item: CallNode | int, start: int) -> bool:
    """Whether an item is another call without operations at the same place, which ran earlier."""
    return isinstance(item, CallNode) and item.start == item.stop == start


def call_at(root: CallNode, path: str) -> CallNode | None:
    """Return the first call of the module at ``path``, or None if it was not called."""
    return root if path == ROOT else next((node for node in root.below() if node.path == path), None)
