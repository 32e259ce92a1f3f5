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

aten: Any = torch.ops.aten

PERMUTATIONS = {
    aten.permute.default, aten.movedim.int, aten.movedim.intlist, aten.transpose.int, aten.t.default, aten.numpy_T.default,
}  # fmt: skip
"""Views that only order the axes anew."""

SLICES = {aten.squeeze.dim, aten.unsqueeze.default, aten.narrow.default}
"""Views that drop or add an axis of one place, or keep a part of one."""

SHAPES = {aten.flatten.using_ints, aten.view.default, aten.reshape.default}
"""Views that give the same values another shape."""

UNARY = {
    aten.relu.default, aten.relu_.default, aten.relu6.default, aten.sigmoid.default, aten.tanh.default, aten.silu.default,
    aten.silu_.default, aten.gelu.default, aten.leaky_relu.default, aten.leaky_relu_.default, aten.hardtanh.default,
    aten.hardtanh_.default, aten.hardswish.default, aten.hardswish_.default, aten.hardsigmoid.default,
}  # fmt: skip
"""Activations, value by value."""

CONVOLUTIONS = {
    aten.conv1d.default, aten.conv1d.padding, aten.conv2d.default, aten.conv2d.padding, aten.conv3d.default, aten.conv3d.padding,
}  # fmt: skip
SUMMED = {*CONVOLUTIONS, aten.batch_norm.default}
"""What a sum can be one with, or what will be a convolution once normalizations are folded."""

ADD = {aten.add.Tensor, aten.add_.Tensor}


def traced(call: Callable[[Any], Any], inputs: Any, name: str) -> fx.GraphModule:
    """Return the graph of ``call`` on a tree of tensors, as a module of its leaves; UsageError where there is none.

    It holds the model's parameters themselves; a node's ``meta["val"]`` is a tensor without values, of the shape it gives.
    """
    from torch._subclasses.fake_tensor import DataDependentOutputException
    from torch.fx.experimental.proxy_tensor import make_fx
    from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

    leaves = tree.flatten(inputs)

    def flat(*values: Any) -> Any:
        left = iter(values)
        return call(tree.map_structure(lambda _: next(left), inputs))

    try:
        made = make_fx(flat, tracing_mode="fake", pre_dispatch=True, _allow_non_fake_inputs=True)(*leaves)
    except LayercliError:
        raise
    except (GuardOnDataDependentSymNode, DataDependentOutputException) as error:
        raise UsageError(
            f"{name} cannot be fused: what it computes depends on values of its input, and a graph knows only their shapes"
        ) from error
    except Exception as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise UsageError(f"{name} cannot be fused: its call cannot be written down as one graph ({reason})") from error
    compute_constants(made)
    changed = next((node for node in nodes(made.graph) if mutates(node) and is_held(node.args[0])), None)
    if changed is not None:
        raise UsageError(f"{name} cannot be fused: it changes its own state as it runs ({changed.target})")
    sink_views(made.graph)
    return made


def compute_constants(made: fx.GraphModule) -> None:
    """Replace everything that follows from held tensors alone by what it gives."""
    for node in nodes(made.graph):
        if node.op == "call_function" and is_held(node) and not _random(node):
            value = node.target(*fx.map_arg(node.args, lambda x: held(made, x)), **node.kwargs)
            if isinstance(value, torch.Tensor):
                node.replace_all_uses_with(hold(made, value, node))
    made.graph.eliminate_dead_code()


def held(made: fx.GraphModule, node: Any) -> Any:
    """Return the tensor that a ``get_attr`` node gives, and None for None."""
    return None if node is None else getattr(made, node.target)


def hold(made: fx.GraphModule, value: torch.Tensor, before: Any) -> Any:
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
    for node in nodes(graph):
        if node.target in SHAPES and node.meta["val"].shape == node.args[0].meta["val"].shape:
            node.replace_all_uses_with(node.args[0])
        elif order_of(node) is not None:
            _merge(node)
        elif node.target in UNARY or node.target is aten.batch_norm.default:
            _sink(node)
        elif node.target in ADD:
            _sink_sum(node)
    graph.eliminate_dead_code()


def order_of(node: Any) -> tuple[int, ...] | None:
    """Return the order in which a view puts the axes of what it views, or None for any other node."""
    if not is_node(node) or node.target not in PERMUTATIONS:
        return None
    rank = node.args[0].meta["val"].ndim
    sized = torch.empty(tuple(range(1, rank + 1)), device="meta")
    return tuple(size - 1 for size in node.target(sized, *node.args[1:]).shape)


def _merge(node: Any) -> None:
    """Make a permutation of a permutation one; the one that keeps all in place goes."""
    first = source = node.args[0]
    order = order_of(node)
    assert order is not None
    while (inner := order_of(source)) is not None:
        order, source = tuple(inner[axis] for axis in order), source.args[0]
    if order == tuple(range(len(order))):
        node.replace_all_uses_with(source)
        _erase(node)
    else:
        node.target, node.args, node.kwargs = aten.permute.default, (source, list(order)), {}
        _erase(first)


def _erase(node: Any) -> None:
    """Take a view that nobody uses out of the graph, and those that only it used: who uses a node tells what may be done."""
    while is_node(node) and node.target in PERMUTATIONS | SLICES and not node.users:
        source = node.args[0]
        node.graph.erase_node(node)
        node = source


def _sink(node: Any) -> None:
    view = node.args[0]
    while _may_sink(node, view):
        source = view.args[0]
        with node.graph.inserting_before(node):
            first = add(node.graph, node.target, (source, *node.args[1:]), node.kwargs)
            after = add(node.graph, view.target, (first, *view.args[1:]), view.kwargs)
        node.replace_all_uses_with(after)
        node.graph.erase_node(node)
        _erase(view)
        node, view = first, source


def _may_sink(node: Any, view: Any) -> bool:
    """Whether ``node`` may work on what ``view`` views: nobody else looks, where that would show; channels stay on axis 1."""
    if not is_node(view) or (node.target is aten.batch_norm.default and view.target in PERMUTATIONS):
        return False
    if view.target in PERMUTATIONS:
        return True
    alone = len(view.users) == 1 and len(view.args[0].users) == 1
    return view.target in SLICES and alone and view.args[1] >= 2 and view.args[0].meta["val"].ndim > 2


def _sink_sum(node: Any) -> None:
    """Add before the axes are permuted; what is in another order, or in none, is permuted for it."""
    left, right = node.args[:2]
    if not (is_node(left) and is_node(right)) or left.meta["val"].ndim != right.meta["val"].ndim:
        return
    order = _order_to_add_in(left, right)
    if order is None:
        return
    back = [order.index(axis) for axis in range(len(order))]
    with node.graph.inserting_before(node):
        sides = [add(node.graph, aten.permute.default, (side, back)) for side in (left, right)]
        total = add(node.graph, node.target, (*sides, *node.args[2:]), node.kwargs)
        after = add(node.graph, aten.permute.default, (total, list(order)))
    node.replace_all_uses_with(after)
    node.graph.erase_node(node)
    for side in sides:
        _merge(side)


def _order_to_add_in(left: Any, right: Any) -> tuple[int, ...] | None:
    """Return the order that both have been put in, or the one that hides the result of a convolution."""
    orders = [order_of(left), order_of(right)]
    if None not in orders:
        return orders[0]
    hiding = [order_of(side) for side in (left, right) if order_of(side) and side.args[0].target in SUMMED]
    return hiding[0] if hiding else None


def add(graph: fx.Graph, target: Any, args: tuple[Any, ...], kwargs: Any = None) -> Any:
    """Insert a call of ``target`` and return its node."""
    node = graph.call_function(target, args, kwargs or {})
    values = fx.map_arg((node.args, node.kwargs), lambda x: x.meta["val"])
    node.meta["val"] = target(*values[0], **values[1])
    return node


def nodes(graph: fx.Graph) -> list[Any]:
    """Return the nodes in the order they run, as a list that stays while they change."""
    return list(graph.nodes)


def is_node(x: Any) -> bool:
    """Whether an argument is what another node gives."""
    return isinstance(x, fx.Node)


def is_held(node: Any) -> bool:
    """Whether a node gives a tensor the graph holds, or a function of such alone."""
    if not is_node(node):
        return False
    if node.op == "call_function" and not mutates(node):
        return bool(node.all_input_nodes) and all(x.op == "get_attr" for x in node.all_input_nodes)
    return bool(node.op == "get_attr")


def mutates(node: Any) -> bool:
    """Whether an operation writes over one of its arguments."""
    schema = getattr(node.target, "_schema", None)
    return node.op == "call_function" and schema is not None and bool(schema.is_mutable)


def _random(node: Any) -> bool:
    return torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())
