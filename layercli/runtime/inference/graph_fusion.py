"""A model run as one graph in which neighbours are one: normalizations in weights, sums and activations in kernels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from layercli.core import tree
from layercli.runtime.inference.batch_norm_folding import fold_normalizations
from layercli.runtime.inference.fx_tracing import is_node, nodes, sink_views, traced
from layercli.runtime.inference.pointwise_fusion import FRESH, IN_PLACE, PLAIN, fuse_chains


@dataclass(frozen=True)
class FusionStats:
    """How many normalizations went into weights, of how many there are; and how many sums and activations into kernels."""

    normalizations: int
    of_normalizations: int
    activations: int = 0
    sums: int = 0

    @property
    def sentence(self) -> str:
        """What was folded, for people."""
        counts = f"{self.normalizations} of {self.of_normalizations} batch normalizations folded"
        first = counts if self.of_normalizations else "no batch normalization to fold"
        return f"{first}, {self.activations} activations and {self.sums} sums fused"


class FusedModel:
    """A call of a model on tensors as its graph, made for the shapes it is given and anew where they change.

    ``compiled``: torch.compile makes the kernels, from weights with the normalizations in them.
    """

    def __init__(self, call: Callable[[Any], Any], name: str, *, compiled: bool = False) -> None:
        self._call = call
        self._name = name
        self._compiled = compiled
        self._shapes: Any = None
        self._graph: Any = None
        self.folds = FusionStats(0, 0)

    def __call__(self, inputs: Any) -> Any:
        """Return what the model gives for a tree of tensors."""
        self.prepare(inputs)
        return self._graph(*tree.flatten(inputs))

    def prepare(self, inputs: Any) -> None:
        """Make the graph for inputs like these, unless it is there; UsageError where the model has none."""
        shapes = [(x.shape, x.dtype, x.device) for x in tree.flatten(inputs)]
        if shapes == self._shapes:
            return
        self._shapes = self._graph = None  # what was packed for other shapes need not stay beside the new
        made, self.folds = fused(self._call, inputs, self._name, kernels=not self._compiled)
        self._graph, self._shapes = torch.compile(made) if self._compiled else made.forward, shapes


def fused(call: Callable[[Any], Any], inputs: Any, name: str, *, kernels: bool) -> tuple[fx.GraphModule, FusionStats]:
    """Return the graph of ``call`` for inputs like these with all folded, and how much; ``kernels``: oneDNN's too."""
    with torch.inference_mode(False), torch.no_grad():
        made = traced(call, inputs, name)
        folded, found = fold_normalizations(made)
        sink_views(made.graph)
        chains = fuse_chains(made) if kernels else []
        in_place = _write_over(made.graph)
        made.graph.eliminate_dead_code()
        made.delete_all_unused_submodules()
        made.recompile()
    activations = sum(chain.activation is not None for chain in chains) + in_place
    return made, FusionStats(folded, found, activations, sum(chain.sum is not None for chain in chains))


def _write_over(graph: fx.Graph) -> int:
    """Let activations write over what a convolution or a product gave, where nobody else sees it; return how many do."""
    made = 0
    for node in nodes(graph):
        before: Any = node.args[0] if node.args else None
        if PLAIN.get(node.target, node.target) not in IN_PLACE or not is_node(before):
            continue
        if len(before.users) == 1 and getattr(before.target, "overloadpacket", None) in FRESH:
            node.target = IN_PLACE.get(node.target, node.target)
            made += 1
    return made
