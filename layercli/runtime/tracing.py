"""A model's one call as a graph of torch's own operations, in a form that rewriting is easy on.

What follows from parameters alone is computed once, and permuted axes move behind what treats all values alike, so that an
operation stands right behind the one it works on, however their layers order axes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import fx

from layercli.core import tree
from layercli.errors import LayercliError, UsageError

aten = torch.ops.aten

PERMUTATIONS = {
    aten.permute.default, aten.movedim.int, aten.movedim.intlist, aten.transpose.int, aten.t.default, aten.numpy_T.default,
}  # fmt: skip
"""Views that only order the axes anew."""

SLICES = {aten.squeeze.dim, aten.unsqueeze.default, aten.narrow.default}
"""Views that drop or add an axis of one place, or keep a part of one."""

UNARY = {
    aten.relu.default, aten.relu_.default, aten.relu6.default, aten.sigmoid.default, aten.tanh.default, aten.silu.default,
    aten.silu_.default, aten.gelu.default, aten.leaky_relu.default, aten.leaky_relu_.default, aten.hardtanh.default,
    aten.hardtanh_.default, aten.hardswish.default, aten.hardswish_.default, aten.hardsigmoid.default,
}  # fmt: skip
"""Activations, value by value."""

ADD = {aten.add.Tensor, aten.add_.Tensor}


def traced(call: Callable[[Any], Any], inputs: Any, name: str) -> fx.GraphModule:
    """Return the graph of ``call`` on a tree of tensors, as a module of its leaves; UsageError where there is none.

    It holds the model's parameters themselves; a node's ``meta["val"]`` is a tensor without values, of the shape it gives.
    """
    from torch.fx.experimental.proxy_tensor import make_fx

    leaves = tree.leaves(inputs)

    def flat(*values: Any) -> Any:
        left = iter(values)
        return call(tree.map_leaves(lambda _: next(left), inputs))

    try:
        with torch.no_grad():
            made = make_fx(flat, tracing_mode="fake", pre_dispatch=True, _allow_non_fake_inputs=True)(*leaves)
    except LayercliError:
        raise
    except Exception as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise UsageError(f"{name} cannot be fused: its call cannot be written down as one graph ({reason})") from error
    compute_constants(made)
    changed = next((node for node in made.graph.nodes if mutates(node) and is_held(node.args[0])), None)
    if changed is not None:
        raise UsageError(f"{name} cannot be fused: it changes its own state as it runs ({changed.target})")
    sink_views(made.graph)
    return made


def compute_constants(made: fx.GraphModule) -> None:
    """Replace everything that follows from held tensors alone by what it gives."""
    for node in list(made.graph.nodes):
        if node.op == "call_function" and is_held(node) and not _random(node):
            with torch.no_grad():
                value = node.target(*fx.map_arg(node.args, lambda x: held(made, x)), **node.kwargs)
            if isinstance(value, torch.Tensor):
                node.replace_all_uses_with(hold(made, value, node))
    made.graph.eliminate_dead_code()


def held(made: fx.GraphModule, node: Any) -> Any:
    """Return the tensor that a ``get_attr`` node gives, and None for None."""
    return None if node is None else getattr(made, node.target)


def hold(made: fx.GraphModule, value: torch.Tensor, before: fx.Node) -> fx.Node:
    """Keep ``value`` with the graph, and return a node that gives it."""
    name = next(name for i in itertools.count() if not hasattr(made, name := f"_held{i}"))
    made.register_buffer(name, value.detach())
    with before.graph.inserting_before(before):
        node = before.graph.get_attr(name)
    if value.layout is torch.strided:
        node.meta["val"] = before.meta["val"].fake_mode.from_tensor(value.detach())
    return node


def sink_views(graph: fx.Graph) -> None:
    """Merge permutations of axes, and move views behind activations, sums and batch normalizations that follow them."""
    for node in list(graph.nodes):
        if order_of(node) is not None:
            _merge(node)
        elif node.target in UNARY or node.target is aten.batch_norm.default:
            _sink(node)
        elif node.target in ADD:
            _sink_sum(node)
    graph.eliminate_dead_code()


def order_of(node: Any) -> tuple[int, ...] | None:
    """Return the order in which a view puts the axes of what it views, or None for any other node."""
    if not isinstance(node, fx.Node) or node.target not in PERMUTATIONS:
        return None
    rank = node.args[0].meta["val"].ndim
    sized = torch.empty(tuple(range(1, rank + 1)), device="meta")
    return tuple(size - 1 for size in node.target(sized, *node.args[1:]).shape)


def _merge(node: fx.Node) -> None:
    """Make a permutation of a permutation one; the one that keeps all in place goes."""
    source, order = node.args[0], order_of(node)
    assert order is not None
    while (inner := order_of(source)) is not None:
        order, source = tuple(inner[axis] for axis in order), source.args[0]
    if order == tuple(range(len(order))):
        node.replace_all_uses_with(source)
    else:
        node.target, node.args, node.kwargs = aten.permute.default, (source, list(order)), {}


def _sink(node: fx.Node) -> None:
    view = node.args[0]
    while _may_sink(node, view):
        source = view.args[0]
        with node.graph.inserting_before(node):
            first = add(node.graph, node.target, (source, *node.args[1:]), node.kwargs)
            after = add(node.graph, view.target, (first, *view.args[1:]), view.kwargs)
        node.replace_all_uses_with(after)
        node.graph.erase_node(node)
        node, view = first, source


def _may_sink(node: fx.Node, view: Any) -> bool:
    """Whether ``node`` may work on what ``view`` views: nobody else looks, where that would show; channels stay on axis 1."""
    if not isinstance(view, fx.Node) or (node.target is aten.batch_norm.default and view.target in PERMUTATIONS):
        return False
    if view.target in PERMUTATIONS:
        return True
    alone = len(view.users) == 1 and len(view.args[0].users) == 1
    return view.target in SLICES and alone and view.args[1] >= 2 and view.args[0].meta["val"].ndim > 2


def _sink_sum(node: fx.Node) -> None:
    """Add before the axes are permuted, where both have as many; the second is permuted back where it was in another order."""
    left, right = node.args[:2]
    if not (isinstance(left, fx.Node) and isinstance(right, fx.Node)):
        return
    order = order_of(left)
    if order is None and node.target is aten.add.Tensor:
        order = order_of(right)
    if order is None or left.meta["val"].ndim != right.meta["val"].ndim:
        return
    back = [order.index(axis) for axis in range(len(order))]
    with node.graph.inserting_before(node):
        sides = [add(node.graph, aten.permute.default, (side, back)) for side in (left, right)]
        total = add(node.graph, node.target, (*sides, *node.args[2:]), node.kwargs)
        after = add(node.graph, aten.permute.default, (total, list(order)))
    for side in sides:
        _merge(side)
    node.replace_all_uses_with(after)
    node.graph.erase_node(node)


def add(graph: fx.Graph, target: Any, args: tuple[Any, ...], kwargs: Any = None) -> fx.Node:
    """Insert a call of ``target`` and return its node."""
    node = graph.call_function(target, args, kwargs or {})
    values = fx.map_arg((node.args, node.kwargs), lambda x: x.meta["val"])
    node.meta["val"] = target(*values[0], **values[1])
    return node


def is_held(node: Any) -> bool:
    """Whether a node gives a tensor the graph holds, or a function of such alone."""
    if not isinstance(node, fx.Node):
        return False
    if node.op == "call_function" and not mutates(node):
        return bool(node.all_input_nodes) and all(x.op == "get_attr" for x in node.all_input_nodes)
    return node.op == "get_attr"


def mutates(node: fx.Node) -> bool:
    """Whether an operation writes over one of its arguments."""
    schema = getattr(node.target, "_schema", None)
    return node.op == "call_function" and schema is not None and schema.is_mutable


def _random(node: fx.Node) -> bool:
    return torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())
