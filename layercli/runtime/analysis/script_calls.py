"""Call a TorchScript module so that the calls of its inner modules are seen: marks around each in a copy of its graph.

TorchScript runs the calls of inner modules itself, out of sight of Python. A copy of the graph of ``forward`` has those of
the inner modules inserted, each between two operations that compute nothing and that a dispatch mode sees:
``layercli::enter`` with the path and the inputs, ``layercli::leave`` with the outputs. The module itself is not changed.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Container, Iterator
from functools import cache
from typing import Any

import torch
from torch import nn

from layercli.runtime.execution.forward_signature import forward_parameters

ENTER, LEAVE = "layercli::enter", "layercli::leave"
CALLED = re.compile(r"forward(__)?\d*")
"""The methods that are calls of a module; tracing numbers the second call and later ones, compiling numbers overloads."""

Path = tuple[str, ...]
"""The attribute names from a traced module down to one of its descendants."""


def marked(module: nn.Module, path: Path, known: Container[Path]) -> Callable[..., Any]:
    """Return a function that computes what ``module`` does, with marks around the calls of the ``known`` modules in it."""
    assert isinstance(module, torch.jit.ScriptModule)
    if module._c._get_forward_hooks() or module._c._get_forward_pre_hooks():
        return lambda called, *args, **kwargs: nn.Module.__call__(
            called, *args, **kwargs
        )  # compiled hooks run with the module
    define_marks()
    signature = inspect.Signature(list(forward_parameters(module).values()))
    run = torch._C._create_function_from_graph("forward", with_marks(module, "forward", path, known))

    def call(called: torch.jit.ScriptModule, *args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        return run(called._c, *given.arguments.values())

    return call


@cache
def define_marks() -> object:
    """Define the two operations; the effects of either are not in its schema, so that no pass removes it."""
    library: Any = torch.library.Library("layercli", "DEF")  # type: ignore[no-untyped-call]  # torch does not annotate it
    for name, schema in (("enter", "(str path, Any inputs) -> ()"), ("leave", "(Any outputs) -> ()")):
        library.define(name + schema, alias_analysis="CONSERVATIVE")
        library.impl(name, lambda *_: None, "CompositeExplicitAutograd")
    return library


def with_marks(module: Any, method: str, path: Path, known: Container[Path]) -> Any:
    """Return the graph of a method of the module at ``path``, with the graphs of the methods that it calls inserted."""
    graph = module._c._get_method(method).graph.copy()
    own = next(iter(graph.inputs()))
    without_fast_paths(graph)
    for node in [each for each in nodes_of(graph) if each.kind() == "prim::CallMethod"]:
        target, *inputs = node.inputs()
        steps = attributes_to(target, own)
        if steps is None:  # of an object, or of a module that is chosen by an index that is computed
            continue
        called = module
        for name in steps:
            called = getattr(called, name)
        if not isinstance(called, torch.jit.ScriptModule) or target.type().kind() == "InterfaceType":
            continue
        inner = with_marks(called, node.s("name"), (*path, *steps), known)
        is_call = bool(steps) and (*path, *steps) in known and CALLED.fullmatch(node.s("name")) is not None
        graph.setInsertPoint(node)
        if is_call:
            given = graph.insertNode(graph.create("prim::TupleConstruct", inputs, 1)).output()
            given.setType(torch._C.TupleType([each.type() for each in inputs]))
            where = graph.insertConstant(".".join((*path, *steps)))
            graph.insertNode(graph.create(ENTER, [where, given], 0))
        (output,) = graph.insertGraph(inner, [target, *inputs])
        if is_call:
            graph.insertNode(graph.create(LEAVE, [output], 0))
        node.output().replaceAllUsesWith(output)
        node.destroy()
    return graph


def without_fast_paths(graph: Any) -> None:
    """Let a graph take gradients for recorded: torch's attention then calls its inner modules, not one kernel for all."""
    for node in [each for each in nodes_of(graph) if each.kind() == "aten::is_grad_enabled"]:
        graph.setInsertPoint(node)
        node.output().replaceAllUsesWith(graph.insertConstant(True))
        node.destroy()


def nodes_of(block: Any) -> Iterator[Any]:
    """Yield the nodes of a graph or a block, and of the blocks in it."""
    for node in list(block.nodes()):
        yield node
        for inner in node.blocks():
            yield from nodes_of(inner)


def attributes_to(value: Any, own: Any) -> Path | None:
    """Return the attribute names that lead from the module ``own`` to the module ``value``; None if others do."""
    if value.debugName() == own.debugName():
        return ()
    node = value.node()
    above = attributes_to(node.input(), own) if node.kind() == "prim::GetAttr" else None
    return None if above is None else (*above, node.s("name"))


def is_called(module: torch.jit.ScriptModule) -> bool:
    """Whether a TorchScript module has a forward; lists of modules have none."""
    return any(map(CALLED.fullmatch, module._c._method_names()))


def frozen_values(module: nn.Module) -> int:
    """Return how many values of a frozen TorchScript module are constants of its graph, no parameters."""
    found = 0
    for each in module.modules():
        if isinstance(each, torch.jit.ScriptModule) and each._c._has_method("forward"):
            for node in nodes_of(each._c._get_method("forward").graph):
                if node.kind() == "prim::Constant" and node.hasAttribute("value") and node.kindOf("value") == "t":
                    found += node.t("value").numel()
    return found
