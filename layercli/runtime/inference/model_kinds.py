"""The kinds of models that can run, and inputs of one handed to another."""

from __future__ import annotations

from typing import Any

from torch import nn

from layercli.core.layer import Layer
from layercli.errors import UsageError
from layercli.inspect.input_names import count_of
from layercli.runtime.execution.graph_module import GraphModule
from layercli.runtime.inference.runnable_graph import RunnableGraph
from layercli.runtime.inference.runnable_layer import RunnableLayer
from layercli.runtime.inference.runnable_model import RunnableModel
from layercli.runtime.inference.runnable_torch_module import RunnableTorchModule

KINDS: tuple[tuple[type, type[RunnableModel[Any]]], ...] = (
    (Layer, RunnableLayer),
    (GraphModule, RunnableGraph),
    (nn.Module, RunnableTorchModule),
)
"""The class of a model and what runs it, the more special first."""


def runnable(model: Layer | nn.Module) -> RunnableModel[Any]:
    """Return what runs a model of its kind."""
    return next(kind(model) for cls, kind in KINDS if isinstance(model, cls))


def handed(name: str, model: Layer | nn.Module, other: Layer | nn.Module, inputs: object) -> Any:
    """Match the inputs of ``other`` to those of ``model``, called ``name``: by name, else by order."""
    giver, taker = runnable(other), runnable(model)
    given, declared = giver.by_name(inputs), taker.declared()
    taken = taker.arguments(declared, len(given))
    if taker.takes_tree and declared is None and len(taken.positional) < 2:  # its inputs are not declared
        leaves = list(given.values())
        return inputs if giver.takes_tree else leaves[0] if len(leaves) == 1 else leaves
    sources = paired(taken.names, list(given))
    taken.check(name, sources)
    if len(sources) < len(given):
        raise UsageError(f"{name} takes {count_of(taken.names)}, got {len(given)} ({', '.join(given)})")
    found = taker.converted({theirs: given[ours] for theirs, ours in sources.items()})
    return taker.grouped(taken, declared, found)


def paired(taken: list[str], given: list[str]) -> dict[str, str]:
    """Return the pairs of inputs: by name if all names match, else in order."""
    if set(given) <= set(taken):
        return {name: name for name in taken if name in given}
    return dict(zip(taken, given, strict=False))
