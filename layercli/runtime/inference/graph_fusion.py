"""Run a model as one fused graph: normalizations folded into weights, sums and activations into kernels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from torch import fx

from layercli.core import tree
from layercli.core.types import Tensor, TensorTree
from layercli.dataclass import dataclass
from layercli.runtime.inference.batch_norm_folding import fold_normalizations
from layercli.runtime.inference.fx_tracing import is_node, is_random, nodes, sink_views, traced
from layercli.runtime.inference.pointwise_fusion import FRESH, IN_PLACE, PLAIN, fuse_chains


@dataclass(frozen=True)
class FusionStats:
    """How many normalizations were folded of those found, and how many sums and activations were fused into kernels."""

    normalizations: int
    of_normalizations: int
    activations: int = 0
    sums: int = 0

    @property
    def sentence(self) -> str:
        """A sentence that says what was folded."""
        counts = f"{self.normalizations} of {self.of_normalizations} batch normalizations folded"
        first = counts if self.of_normalizations else "no batch normalization to fold"
        return f"{first}, {self.activations} activations and {self.sums} sums fused"


class FusedModel:
    """A call of a model as a fused graph, built for the shapes of its inputs and rebuilt when they change.

    ``compiled``: torch.compile generates the kernels, from weights with the normalizations folded in.
    """

    def __init__(self, call: Callable[[Tensor], Tensor], name: str, *, compiled: bool = False) -> None:
        self._call = call
        self._name = name
        self._compiled = compiled
        self._shapes: Any = None
        self._graph: Any = None
        self.folds = FusionStats(0, 0)

    def __call__(self, inputs: Any) -> Any:
        """Return the outputs of the model for a tree of tensors."""
        self.prepare(inputs)
        return self._graph(*tree.flatten(inputs))

    def prepare(self, inputs: TensorTree) -> None:
        """Build the graph for inputs like these unless it exists; UsageError if the model cannot be traced."""
        shapes = [(x.shape, x.dtype, x.device) for x in tree.flatten(inputs)]
        if shapes == self._shapes:
            return
        self._shapes = self._graph = None  # release the weights packed for other shapes before packing new ones
        made, self.folds = fused(self._call, inputs, self._name, kernels=not self._compiled)
        self._graph, self._shapes = torch.compile(made) if self._compiled else as_function(made), shapes


def fused(
    call: Callable[[Any], Any], inputs: TensorTree, name: str, *, kernels: bool
) -> tuple[fx.GraphModule, FusionStats]:
    """Return the folded graph of ``call`` for inputs like these, and its statistics; ``kernels``: use oneDNN's kernels too."""
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


def exact_graph(call: Callable[[Any], Any], inputs: TensorTree, name: str) -> Callable[..., Any] | None:
    """Return the graph of ``call`` for inputs like these as a function of their leaves, with packed weights and the same results.

    None if the call draws random numbers. UsageError if it cannot be traced.
    """
    with torch.inference_mode(False), torch.no_grad():
        made = traced(call, inputs, name)
        if any(map(is_random, made.graph.nodes)):
            return None
        fuse_chains(made, exact=True)
        _write_over(made.graph)
        made.graph.eliminate_dead_code()
        made.recompile()
    return as_function(made)


def as_function(made: fx.GraphModule) -> Callable[..., Any]:
    """Return the call of a graph as a function: it finds the tensors that the graph holds faster than a module does."""
    names = [node.target for node in nodes(made.graph) if node.op == "get_attr"]
    held = SimpleNamespace(**{name: getattr(made, name) for name in names})
    return partial(type(made).forward, held)


def _write_over(graph: fx.Graph) -> int:
    """Run activations in place on results of convolutions and products that have no other user; return how many."""
    made = 0
    for node in nodes(graph):
        before: Any = node.args[0] if node.args else None
        if PLAIN.get(node.target, node.target) not in IN_PLACE or not is_node(before):
            continue
        if len(before.users) == 1 and getattr(before.target, "overloadpacket", None) in FRESH:
            node.target = IN_PLACE.get(node.target, node.target)
            made += 1
    return made
