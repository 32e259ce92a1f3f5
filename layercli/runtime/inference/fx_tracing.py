"""Trace one call of a model as a graph of torch's own operations, normalized so that it is easy to rewrite.

Results that depend on parameters alone are computed once, and axis permutations move behind pointwise operations, so that an
operation directly follows the one whose result it uses, whatever axis order the layers use.
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
"""Views that only permute axes."""

SLICES = {aten.squeeze.dim, aten.unsqueeze.default, aten.narrow.default}
"""Views that drop or add an axis of size one, or keep a part of one."""

SHAPES = {aten.flatten.using_ints, aten.view.default, aten.reshape.default}
"""Views that give the same values another shape."""

UNARY = {
    aten.relu.default, aten.relu_.default, aten.relu6.default, aten.sigmoid.default, aten.tanh.default, aten.silu.default,
    aten.silu_.default, aten.gelu.default, aten.leaky_relu.default, aten.leaky_relu_.default, aten.hardtanh.default,
    aten.hardtanh_.default, aten.hardswish.default, aten.hardswish_.default, aten.hardsigmoid.default,
}  # fmt: skip
"""Pointwise activations."""

CONVOLUTIONS = {
    aten.conv1d.default, aten.conv1d.padding, aten.conv2d.default, aten.conv2d.padding, aten.conv3d.default, aten.conv3d.padding,
}  # fmt: skip
SUMMED = {*CONVOLUTIONS, aten.batch_norm.default}
"""Operations that can be fused with a sum, or that become convolutions once normalizations are folded."""

ADD = {aten.add.Tensor, aten.add_.Tensor}


def traced(call: Callable[[Any], Any], inputs: object, name: str) -> fx.GraphModule:
    """Return the graph of ``call`` on a tree of tensors as a module of its leaves; UsageError if it cannot be traced.

    It holds the model's own parameters; a node's ``meta["val"]`` is a fake tensor of the shape of its result.
    """
    from torch._subclasses.fake_tensor import DataDependentOutputException
    from torch.fx.experimental.proxy_tensor import make_fx
    from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

    leaves = tree.flatten(inputs)

    def flat(*values: object) -> Any:
        left = iter(values)
        return call(tree.map_structure(lambda _: next(left), inputs))

    try:
        made = make_fx(flat, tracing_mode="fake", pre_dispatch=True, _allow_non_fake_inputs=True)(*leaves)
    except LayercliError:
        raise
    except (GuardOnDataDependentSymNode, DataDependentOutputException) as error:
        raise UsageError(
            f"{name} cannot be fused: its computation depends on values of its input, and a graph knows only their shapes"
        ) from error
    except Exception as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise UsageError(f"{name} cannot be fused: its call cannot be traced as one graph ({reason})") from error
    compute_constants(made)
    changed = next((node for node in nodes(made.graph) if mutates(node) and is_held(node.args[0])), None)
    if changed is not None:
        raise UsageError(f"{name} cannot be fused: it changes its own state when it runs ({changed.target})")
    sink_views(made.graph)
    return made


def compute_constants(made: fx.GraphModule) -> None:
    """Replace every node that depends on held tensors alone by its value."""
    for node in nodes(made.graph):
        if node.op == "call_function" and is_held(node) and not is_random(node):
            value = node.target(*fx.map_arg(node.args, lambda x: held(made, x)), **node.kwargs)
            if isinstance(value, torch.Tensor):
                node.replace_all_uses_with(hold(made, value, node))
    made.graph.eliminate_dead_code()


def held(made: fx.GraphModule, node: Any) -> Any:
    """Return the tensor of a ``get_attr`` node, or None for None."""
    return None if node is None else getattr(made, node.target)


def hold(made: fx.GraphModule, value: torch.Tensor, before: Any) -> Any:
    """Register ``value`` with the graph and return a ``get_attr`` node for it."""
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
    """Return the axis order of a permuting view, or None for any other node."""
    if not is_node(node) or node.target not in PERMUTATIONS:
        return None
    rank = node.args[0].meta["val"].ndim
    sized = torch.empty(tuple(range(1, rank + 1)), device="meta")
    return tuple(size - 1 for size in node.target(sized, *node.args[1:]).shape)


def _merge(node: Any) -> None:
    """Merge a permutation of a permutation; erase one that leaves all axes where they are."""
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
    """Erase an unused view, and the views that only it used; the users of a node decide which rewrites are allowed."""
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


def _may_sink(node: fx.Node, view: Any) -> bool:
    """Whether ``node`` may move before ``view``: no other user would see a difference, and channels stay on axis 1."""
    if not is_node(view) or (node.target is aten.batch_norm.default and view.target in PERMUTATIONS):
        return False
    if view.target in PERMUTATIONS:
        return True
    alone = len(view.users) == 1 and len(view.args[0].users) == 1
    return view.target in SLICES and alone and view.args[1] >= 2 and view.args[0].meta["val"].ndim > 2


def _sink_sum(node: Any) -> None:
    """Add before the axes are permuted; permute the other operand to match."""
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
    """Return the axis order that both operands have, or the one that is applied to the result of a convolution."""
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
    """Return a copy of the list of nodes in execution order, so that the graph can change during iteration."""
    return list(graph.nodes)


def is_node(x: object) -> bool:
    """Whether an argument is the result of another node."""
    return isinstance(x, fx.Node)


def is_held(node: Any) -> bool:
    """Whether a node is a tensor held by the graph, or depends on such tensors alone."""
    if not is_node(node):
        return False
    if node.op == "call_function" and not mutates(node):
        return bool(node.all_input_nodes) and all(x.op == "get_attr" for x in node.all_input_nodes)
    return bool(node.op == "get_attr")


def mutates(node: Any) -> bool:
    """Whether an operation writes to one of its arguments."""
    schema = getattr(node.target, "_schema", None)
    return node.op == "call_function" and schema is not None and bool(schema.is_mutable)


def is_random(node: Any) -> bool:
    """Whether an operation draws random numbers: one that drops values at a rate of 0 does not."""
    if torch.Tag.nondeterministic_seeded not in getattr(node.target, "tags", ()):
        return False
    given = {argument.name: argument.default_value for argument in node.target._schema.arguments}
    given |= dict(zip(given, node.args, strict=False)) | node.kwargs
    return not (given.get("train") is False or given.get("dropout_p", given.get("dropout")) == 0)
