"""Tracing of functions that are arguments of an operation: the specs of their results, and their cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layercli.core import call_context, dims, graph, tree
from layercli.core.dims import Size
from layercli.core.graph import Node
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.operation import spec_of
from layercli.core.spec import Spec
from layercli.core.types import TensorLike
from layercli.errors import UsageError
from layercli.ops.core.conversion import convert_to_tensor

Function = Callable[..., Any]


def trace_function(function: Function, *given: object) -> tuple[Any, Size]:
    """Return the tree of specs that ``function`` returns for trees of specs, and the multiply-accumulates of the call."""
    node = Node(None, ())  # type: ignore[arg-type]  # a scope that belongs to no layer and no operation
    with graph.collect_calls(node):
        out = tensors(function(*graph.placeholders(list(given))))
    return tree.map_structure(spec_of, out), dims.total(call.macs for call in node.calls)


def check_no_captures(name: str, function: Function, *given: object) -> None:
    """Raise UsageError where a functional model is being built and ``function`` captures symbolic tensors of it.

    The function is called again when the model runs, and a captured symbolic tensor has no value then.
    """
    if not call_context.is_building_functional():
        return
    node = Node(None, ())  # type: ignore[arg-type]  # a scope that belongs to no layer and no operation
    inputs = graph.placeholders([tree.map_structure(spec_of, x) for x in given])
    with graph.collect_calls(node):
        out = function(*inputs)
    own = {id(x) for x in tree.flatten(inputs)} | {id(x) for call in node.calls for x in tree.flatten(call.outputs)}
    read = [x for call in node.calls for x in call.inputs] + tree.flatten(out)
    if any(isinstance(x, SymbolicTensor) and id(x) not in own for x in read):
        raise UsageError(
            f"{name} expects a function that reads the model's tensors only through its arguments",
            hint="pass them as arguments, or put it into the call of a layer of your own",
        )


def tensors(values: TensorLike) -> Any:
    """Return a tree of tensors and numbers with the numbers as tensors; None stays None."""
    return tree.map_structure(lambda x: None if x is None else convert_to_tensor(x), values)


def is_symbolic(values: TensorLike) -> bool:
    """Return whether any leaf of a tree is symbolic."""
    return any(isinstance(x, SymbolicTensor) for x in tree.flatten(values))


def drop_leading_axis(spec: Spec) -> Spec:
    """Return the spec of x[0]."""
    return Spec(spec.shape[1:], spec.dtype)


def add_leading_axis(count: Size, specs: object) -> Any:
    """Return a tree of specs with a new first axis of size ``count``."""
    return tree.map_structure(lambda x: Spec((count, *x.shape), x.dtype) if isinstance(x, Spec) else x, specs)
