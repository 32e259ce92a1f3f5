"""Which modules of an exported program compute as in training: a program keeps the mode in which it was exported."""

from __future__ import annotations

import torch
from torch import fx

MODES = ("train", "training", "use_input_stats")
"""What torch's operators call the argument that says whether they compute as in training."""
RATES = ("p", "dropout")
"""What they call the share of dropped values; where it is 0, nothing is dropped."""
MOST = 3
"""How many modules a note names."""


def training_notes(graph: fx.Graph) -> list[str]:
    """Return the note on modules that compute as in training: their results are random, or depend on the whole batch."""
    found = list(dict.fromkeys(module_of(node) for node in graph.nodes if trains(node)))
    if not found:
        return []
    rest = [f"and {len(found) - MOST} more"] if len(found) > MOST else []
    return [f"exported in training mode, not after model.eval(): {', '.join([*found[:MOST], *rest])}"]


def trains(node: fx.Node) -> bool:
    """Whether a node calls an operator of torch in its training mode."""
    if not isinstance(node.target, torch._ops.OpOverload):
        return False
    names = [argument.name for argument in node.target._schema.arguments]
    given = {**dict(zip(names, node.args, strict=False)), **node.kwargs}
    if not any(given.get(name) is True for name in MODES):
        return False
    if given.get("use_input_stats") is True:  # also true of an instance norm that has no other statistics
        return given.get("running_mean") is not None
    return all(given.get(name) != 0 for name in RATES)


def module_of(node: fx.Node) -> str:
    """Return the path and the class of the module that a node was recorded in, or the operator's name."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    path, cls = stack[-1] if stack else ("", str(node.target))
    name = cls if isinstance(cls, str) else cls.__name__
    return f"{path.replace('.', '/')} ({name.rpartition('.')[2]})" if path else name
