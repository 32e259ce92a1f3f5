"""Batch normalization folded into the convolution or the matrix product before it: its weights scaled, its bias shifted.

gamma * (x * w + b - mean) / deviation + beta is x * (w * scale) + ((b - mean) * scale + beta), scale being gamma / deviation.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from layercli.runtime.tracing import held, hold, is_held, order_of

aten = torch.ops.aten

CONVOLUTIONS = {
    aten.conv1d.default, aten.conv1d.padding, aten.conv2d.default, aten.conv2d.padding, aten.conv3d.default, aten.conv3d.padding,
}  # fmt: skip
TRANSPOSED = {aten.conv_transpose1d.default, aten.conv_transpose2d.input, aten.conv_transpose3d.input}
PRODUCTS = {aten.linear.default, aten.addmm.default, aten.mm.default, aten.matmul.default}


def fold_normalizations(made: fx.GraphModule) -> tuple[int, int]:
    """Fold what can be folded in a graph as ``tracing.traced`` gives it; return how many, of how many there are."""
    found = [node for node in made.graph.nodes if node.target is aten.batch_norm.default]
    folded = sum(_fold(made, node) for node in found)
    made.graph.eliminate_dead_code()
    return folded, len(found)


def _fold(made: fx.GraphModule, node: fx.Node) -> bool:
    """Fold one normalization and return whether that could be done."""
    before, gamma, beta, mean, variance, training, _, epsilon, _ = node.args
    order = order_of(before)
    source: Any = before if order is None else before.args[0]  # type: ignore[union-attr]  # a node, as order_of says
    if training or len(before.users) != 1 or len(source.users) != 1:  # type: ignore[union-attr]  # as above
        return False
    axis = 1 if order is None else order[1]
    statistics = [None if x is None else held(made, x).double() for x in (gamma, beta, mean, variance)]
    if any(x is not None and not is_held(x) for x in (gamma, beta, mean, variance)):
        return False
    scale = torch.rsqrt(statistics[3] + epsilon)
    scale = scale if statistics[0] is None else scale * statistics[0]
    shift = -statistics[2] * scale
    shift = shift if statistics[1] is None else shift + statistics[1]
    if not _rescale(made, source, axis, scale, shift):
        return False
    node.replace_all_uses_with(before)
    return True


def _rescale(made: fx.GraphModule, node: fx.Node, axis: int, scale: torch.Tensor, shift: torch.Tensor) -> bool:
    """Let ``node`` give ``scale`` times what it gave, plus ``shift``, along ``axis``; return whether it is an op that can."""
    rank = node.meta["val"].ndim
    if node.target in CONVOLUTIONS | TRANSPOSED and axis == 1:
        x, weight, bias, *rest = (*node.args, *(None,) * (3 - len(node.args)))
    elif node.target in PRODUCTS and axis == rank - 1 and not node.kwargs:
        (x, weight, bias), rest = _product(node), []
    else:
        return False
    if not is_held(weight) or not (bias is None or is_held(bias)):
        return False
    value = held(made, weight)
    if node.target in PRODUCTS:
        if value.ndim != 2:
            return False
        value = value if node.target is aten.linear.default else value.T
        node.target = aten.linear.default
    groups = rest[3] if node.target in TRANSPOSED and len(rest) > 3 else 1
    wide = _scaled(value.double(), scale, groups if node.target in TRANSPOSED else None)
    moved = shift if bias is None else held(made, bias).double() * scale + shift
    kept = torch.channels_last if value.ndim == 4 and value.is_contiguous(memory_format=torch.channels_last) else None
    weights = wide.to(value.dtype, memory_format=kept or torch.contiguous_format)
    node.args = (x, hold(made, weights, node), hold(made, moved.to(value.dtype), node), *rest)
    return True


def _product(node: fx.Node) -> tuple[Any, Any, Any]:
    """Return the input, the weight and the bias of a matrix product."""
    if node.target is aten.addmm.default:
        bias, x, weight = node.args
        return x, weight, bias
    x, weight, bias = (*node.args, None)[:3]
    return x, weight, bias


def _scaled(weight: torch.Tensor, scale: torch.Tensor, transposed_groups: int | None) -> torch.Tensor:
    """Return the weight with each output channel scaled; a transposed one has them second, group by group."""
    if transposed_groups is None:
        return weight * scale.reshape(-1, *(1,) * (weight.ndim - 1))
    channels, filters, *size = weight.shape
    grouped = weight.reshape(transposed_groups, channels // transposed_groups, filters, *size)
    by_group = scale.reshape(transposed_groups, 1, filters, *(1,) * len(size))
    return (grouped * by_group).reshape(weight.shape)
