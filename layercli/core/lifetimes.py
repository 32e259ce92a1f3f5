"""Lifetimes: when the Python code of a symbolic call drops each tensor, which is when an eager run frees its memory."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from layercli.core import tree
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.types import TensorTree

if TYPE_CHECKING:
    from layercli.core.graph import Node


class Lifetimes:
    """Watches the tensors of one symbolic call by weak references; the record of the call keeps copies of them.

    ``nodes`` are the nodes in the order they were recorded. ``dropped`` maps the ``id`` of a recorded tensor to the number of
    nodes that were recorded when the last tensor which stands for it was dropped; one that is never dropped is not in it.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.dropped: dict[int, int] = {}
        self._watched: dict[int, Any] = {}
        self._recorded: dict[int, SymbolicTensor] = {}

    def record(self, node: Node) -> None:
        """Count a node, and let it keep copies of its arguments."""
        self.nodes.append(node)
        node.args, node.kwargs = self.recorded(node.args), self.recorded(node.kwargs)

    def recorded(self, values: object) -> Any:
        """Return a tree with the recorded tensors in the place of those that the caller holds."""
        return tree.map_structure(self._recorded_one, values)

    def _recorded_one(self, x: object) -> object:
        if not isinstance(x, SymbolicTensor):
            return x
        if x.origin is not None:
            return self._recorded_cast(x)
        return x if x.node is None else tree.flatten(x.node.outputs)[x.index]

    def _recorded_cast(self, x: SymbolicTensor) -> SymbolicTensor:
        """Return the copy of a tensor that is cast from another one, the same copy each time."""
        known = vars(x).get("recorded_cast")
        if known is None:
            known = SymbolicTensor(x.spec, x.node, x.index, x.name)
            known.origin = self._recorded_one(x.origin)
            vars(x)["recorded_cast"] = known
        return known

    def handed_out(self, outputs: TensorTree) -> Any:
        """Return copies of a node's outputs for the caller to hold."""
        return tree.map_structure(self._handed_out_one, outputs)

    def _handed_out_one(self, x: object) -> object:
        if not isinstance(x, SymbolicTensor):
            return x
        copy = SymbolicTensor(x.spec, x.node, x.index, x.name)
        key = id(x)

        def note(_: object) -> None:
            self.dropped[key] = len(self.nodes)
            self._watched.pop(key, None)

        self._watched[key] = weakref.ref(copy, note)
        return copy
