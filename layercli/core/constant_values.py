"""The values of symbolic tensors that depend on no input and no variable: what ops make of numbers inside a call."""

from __future__ import annotations

from typing import Any

from layercli.core import call_context, tree
from layercli.core.graph import Graph
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.operation import Op
from layercli.core.variable import Variable
from layercli.errors import UnknownSizeError


def constant_value(x: SymbolicTensor) -> Any:
    """Return the torch tensor that ``x`` is in every call, or None if it depends on an input, a variable or an open size."""
    if not _is_constant(x):
        return None
    try:
        with call_context.fresh_trace():
            return Graph((), x).run(())
    except UnknownSizeError:
        return None


def _is_constant(x: SymbolicTensor) -> bool:
    seen: set[int] = set()
    pending = [x]
    while pending:
        node = pending.pop().node
        if node is None or not isinstance(node.target, Op):
            return False
        if id(node) not in seen:
            seen.add(id(node))
            if any(isinstance(each, Variable) for each in tree.flatten((node.args, node.kwargs))):
                return False
            pending += node.inputs
    return True
