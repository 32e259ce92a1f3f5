"""Merge products of one input, such as those of queries, keys and values, into one product with all their weights."""

from __future__ import annotations

import operator
from collections import defaultdict
from typing import Any

import torch
from torch import fx

from layercli.runtime.inference import onednn_kernels
from layercli.runtime.inference.fx_tracing import add, held, hold, is_held, mutates, nodes

aten: Any = torch.ops.aten

RESHAPES = {aten.view.default, aten.reshape.default}
"""The users of a product that take its columns of the merged result as a view; others would read them more slowly."""


def merge_products(made: fx.GraphModule, room: onednn_kernels.MemoryBudget) -> None:
    """Merge large products of one input whose results are only reshaped, within the memory ``room``."""
    groups: dict[Any, list[Any]] = defaultdict(list)
    for node in nodes(made.graph):
        if _may_merge(node):
            x, _, bias = (*node.args, None)[:3]
            groups[x, bias is None].append(node)
    for group in groups.values():
        weights = [held(made, node.args[1]) for node in group]
        if len(group) > 1 and not _changes_between(group[0], group[-1]) and all(map(room.take, weights)):
            _merge(made, group)


def _may_merge(node: Any) -> bool:
    if (
        node.target is not aten.linear.default
        or node.kwargs
        or not all(is_held(x) for x in node.args[1:] if x is not None)
    ):
        return False
    x, weight = node.args[0].meta["val"], node.args[1].meta["val"]
    return onednn_kernels.multiplies(x, weight) and all(user.target in RESHAPES for user in node.users)


def _changes_between(first: Any, last: Any) -> bool:
    """Whether an operation after ``first`` and before ``last`` writes to a tensor, which may be the input of both."""
    node = first
    while node is not last:
        if mutates(node):
            return True
        node = node.next
    return False


def _merge(made: fx.GraphModule, group: list[Any]) -> None:
    """Compute the products of a group where its first one was, and give each user its part of the result."""
    first = group[0]
    columns = [(*node.args[1:], None)[:2] for node in group]
    weights, biases = ([held(made, x) for x in column] for column in zip(*columns, strict=True))
    weight = hold(made, torch.cat(weights), first)
    bias = None if biases[0] is None else hold(made, torch.cat(biases), first)
    sizes = [len(each) for each in weights]
    with made.graph.inserting_before(first):
        whole = add(made.graph, aten.linear.default, (first.args[0], weight, bias))
        parts = add(made.graph, aten.split_with_sizes.default, (whole, sizes, -1))
        for i, node in enumerate(group):
            node.replace_all_uses_with(add(made.graph, operator.getitem, (parts, i)))
    for node in group:
        made.graph.erase_node(node)
    for reader in [reader for part in parts.users for reader in part.users]:
        reader.target = aten.reshape.default  # a view needs a part that is contiguous
