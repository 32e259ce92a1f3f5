"""Fold batch normalization into the preceding convolution or matrix product: scale its weights, shift its bias.

gamma * (x * w + b - mean) / deviation + beta = x * (w * scale) + ((b - mean) * scale + beta) with scale = gamma / deviation.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from layercli.runtime.inference.fx_tracing import CONVOLUTIONS, held, hold, is_held, nodes, order_of

aten: Any = torch.ops.aten

TRANSPOSED = {aten.conv_transpose1d.default, aten.conv_transpose2d.input, aten.conv_transpose3d.input}
PRODUCTS = {aten.linear.default, aten.addmm.default, aten.mm.default, aten.matmul.default}


def fold_normalizations(made: fx.GraphModule) -> tuple[int, int]:
    """Fold all possible normalizations of a graph from ``fx_tracing.traced``; return the numbers folded and found."""
    found = [node for node in nodes(made.graph) if node.target is aten.batch_norm.default]
    folded = sum(_fold(made, node) for node in found)
    made.graph.eliminate_dead_code()
    return folded, len(found)


def _fold(made: fx.GraphModule, node: Any) -> bool:
    """Fold one normalization; return whether that was possible."""
    before, gamma, beta, mean, variance, training, _, epsilon, _ = node.args
    order = order_of(before)
    source: Any = before if order is None else before.args[0]
    if training or len(before.users) != 1 or len(source.users) != 1:
        return False
    axis = 1 if order is None else order[1]
    if any(x is not None and not is_held(x) for x in (gamma, beta, mean, variance)):
        return False
    scale = torch.rsqrt(held(made, variance).double() + epsilon)
    scale = scale if gamma is None else scale * held(made, gamma)
    shift = -held(made, mean) * scale
    shift = shift if beta is None else shift + held(made, beta)
    if not _rescale(made, source, axis, scale, shift):
        return False
    node.replace_all_uses_with(before)
    return True


def _rescale(made: fx.GraphModule, node: Any, axis: int, scale: torch.Tensor, shift: torch.Tensor) -> bool:
    """Multiply the result of ``node`` by ``scale`` and add ``shift`` along ``axis``; return whether the op supports it."""
    rank = node.meta["val"].ndim
    if node.target in CONVOLUTIONS | TRANSPOSED and axis == 1:
        x, weight, bias, *rest = [*node.args, None][: max(len(node.args), 3)]
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


def as_linear(made: fx.GraphModule, node: Any) -> None:
    """Replace a product with a held matrix plus bias by torch's linear, which takes the transposed weight."""
    if node.target is not aten.addmm.default or node.kwargs or len(node.args) != 3:
        return
    x, weight, bias = _product(node)
    if is_held(weight) and bias.meta["val"].ndim == 1:
        node.args = (x, hold(made, held(made, weight).T, node), bias)
        node.target = aten.linear.default


def _product(node: fx.Node) -> tuple[Any, Any, Any]:
    """Return the input, the weight and the bias of a matrix product."""
    if node.target is aten.addmm.default:
        bias, x, weight = node.args
        return x, weight, bias
    x, weight, bias = (*node.args, None)[:3]
    return x, weight, bias


def _scaled(weight: torch.Tensor, scale: torch.Tensor, transposed_groups: int | None) -> torch.Tensor:
    """Return the weight with each output channel scaled; in a transposed convolution they are axis 1, group by group."""
    if transposed_groups is None:
        return weight * scale.reshape(-1, *(1,) * (weight.ndim - 1))
    channels, filters, *size = weight.shape
    grouped = weight.reshape(transposed_groups, channels // transposed_groups, filters, *size)
    by_group = scale.reshape(transposed_groups, 1, filters, *(1,) * len(size))
    return (grouped * by_group).reshape(weight.shape)
