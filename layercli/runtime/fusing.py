"""A model run as one graph in which neighbours are one: normalizations in weights, sums and activations in kernels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from layercli.core import tree
from layercli.runtime import packing
from layercli.runtime.folding import fold_normalizations
from layercli.runtime.tracing import ADD, held, hold, is_held, is_node, mutates, nodes, sink_views, traced

aten: Any = torch.ops.aten
mkldnn: Any = torch.ops.mkldnn

ATTRIBUTES: dict[Any, Callable[..., tuple[str, list[Any], str]]] = {
    aten.relu.default: lambda: ("relu", [], ""),
    aten.sigmoid.default: lambda: ("sigmoid", [], ""),
    aten.tanh.default: lambda: ("tanh", [], ""),
    aten.silu.default: lambda: ("swish", [], ""),
    aten.hardswish.default: lambda: ("hardswish", [], ""),
    aten.hardsigmoid.default: lambda: ("hardsigmoid", [], ""),
    aten.relu6.default: lambda: ("hardtanh", [0.0, 6.0], ""),
    aten.hardtanh.default: lambda low=-1.0, high=1.0: ("hardtanh", [low, high], ""),
    aten.leaky_relu.default: lambda slope=0.01: ("leaky_relu", [slope], ""),
    aten.gelu.default: lambda approximate="none": ("gelu", [], approximate),
}
"""What oneDNN's kernels call an activation, its numbers, and the way to compute it."""

AFTER_SUM = {aten.relu.default}
"""The activations that its kernels apply to a sum."""

IN_PLACE = {
    aten.relu.default: aten.relu_.default,
    aten.silu.default: aten.silu_.default,
    aten.hardswish.default: aten.hardswish_.default,
    aten.hardtanh.default: aten.hardtanh_.default,
    aten.leaky_relu.default: aten.leaky_relu_.default,
}
PLAIN = {in_place: plain for plain, in_place in IN_PLACE.items()}


@dataclass(frozen=True)
class Folds:
    """How many normalizations went into weights, of how many there are; and how many sums and activations into kernels."""

    normalizations: int
    of_normalizations: int
    activations: int = 0
    sums: int = 0

    @property
    def sentence(self) -> str:
        """What was folded, for people."""
        counts = f"{self.normalizations} of {self.of_normalizations} batch normalizations folded"
        first = counts if self.of_normalizations else "no batch normalization to fold"
        return f"{first}, {self.activations} activations and {self.sums} sums fused"


class Fused:
    """A call of a model on tensors as its graph, made for the shapes it is given and anew where they change.

    ``compiled``: torch.compile makes the kernels, from weights with the normalizations in them.
    """

    def __init__(self, call: Callable[[Any], Any], name: str, *, compiled: bool = False) -> None:
        self._call = call
        self._name = name
        self._compiled = compiled
        self._shapes: Any = None
        self._graph: Any = None
        self.folds = Folds(0, 0)

    def __call__(self, inputs: Any) -> Any:
        """Return what the model gives for a tree of tensors."""
        self.prepare(inputs)
        return self._graph(*tree.leaves(inputs))

    def prepare(self, inputs: Any) -> None:
        """Make the graph for inputs like these, unless it is there; UsageError where the model has none."""
        shapes = [(x.shape, x.dtype, x.device) for x in tree.leaves(inputs)]
        if shapes == self._shapes:
            return
        self._shapes = self._graph = None  # what was packed for other shapes need not stay beside the new
        made, self.folds = fused(self._call, inputs, self._name, kernels=not self._compiled)
        self._graph, self._shapes = torch.compile(made) if self._compiled else made, shapes


def fused(call: Callable[[Any], Any], inputs: Any, name: str, *, kernels: bool) -> tuple[fx.GraphModule, Folds]:
    """Return the graph of ``call`` for inputs like these with all folded, and how much; ``kernels``: oneDNN's too."""
    with torch.inference_mode(False), torch.no_grad():
        made = traced(call, inputs, name)
        folded, found = fold_normalizations(made)
        sink_views(made.graph)
        chains = _fuse_all(made) if kernels else []
        in_place = _write_over(made.graph)
        made.graph.eliminate_dead_code()
        made.delete_all_unused_submodules()
        made.recompile()
    activations = sum(chain.activation is not None for chain in chains) + in_place
    return made, Folds(folded, found, activations, sum(chain.sum is not None for chain in chains))


@dataclass(frozen=True)
class Chain:
    """A convolution, the sum after it and the activation after that, where there are such; nobody sees what is between."""

    convolution: Any
    sum: Any
    activation: Any

    @property
    def last(self) -> Any:
        """The node whose result is seen."""
        return self.activation or self.sum or self.convolution

    @property
    def other(self) -> Any:
        """What is added to the convolution."""
        if self.sum is None:
            return None
        left, right = self.sum.args[:2]
        return right if left is self.convolution else left

    @property
    def packable(self) -> bool:
        """Whether oneDNN has a kernel for it: two axes, float32, a CPU, a weight and a bias that are known."""
        x, weight, *rest = self.convolution.args
        known = is_held(weight) and (not rest or rest[0] is None or is_held(rest[0]))
        known = known and _settings(self.convolution) is not None
        return known and packing.packable(x.meta["val"], weight.meta["val"])


def _fuse_all(made: fx.GraphModule) -> list[Chain]:
    """Fuse every chain there is, one after the other: what one of them took is not there for the next."""
    chains = []
    for node in nodes(made.graph):
        if node.target in (aten.conv2d.default, aten.conv2d.padding) and (chain := _chain(node)).packable:
            _fuse(made, chain)
            chains.append(chain)
    for node in nodes(made.graph):
        if chains and node.target is aten.view.default:
            node.target = aten.reshape.default  # the kernels' results have channels last in memory
    return chains


def _chain(convolution: Any) -> Chain:
    total = _only_user(convolution)
    if total is None or not _adds(total, convolution):
        total = None
    activation = _only_user(total or convolution)
    if activation is None or PLAIN.get(activation.target, activation.target) not in (
        AFTER_SUM if total else ATTRIBUTES
    ):
        activation = None
    chain = Chain(convolution, total, activation)
    between = convolution.next
    while between is not chain.last and chain.last is not convolution:
        if mutates(between) and between is not total:
            return Chain(convolution, None, None)
        between = between.next
    return chain


def _only_user(node: Any) -> Any:
    return next(iter(node.users)) if len(node.users) == 1 else None


def _adds(total: Any, convolution: Any) -> bool:
    """Whether ``total`` adds a tensor of the very same kind to ``convolution``, and writes over nothing else."""
    if total.target not in ADD or total.kwargs or len(total.args) != 2:
        return False
    left, right = total.args
    other = right if left is convolution else left
    if not is_node(other) or (mutates(total) and left is not convolution):
        return False
    ours, theirs = convolution.meta["val"], other.meta["val"]
    return (ours.shape, ours.dtype, ours.device) == (theirs.shape, theirs.dtype, theirs.device)


def _fuse(made: fx.GraphModule, chain: Chain) -> None:
    """Put one call of oneDNN's kernel, its weight packed, where the chain ended."""
    settings = _settings(chain.convolution)
    assert settings is not None
    x, weight, bias, strides, padding, dilation, groups = settings
    size = list(x.meta["val"].shape)
    last, other = chain.last, chain.other
    value = packing.packed(held(made, weight), size, strides, padding, dilation, groups)
    attribute, numbers, way = _attribute(chain.activation)
    common = (hold(made, value, last), bias, padding, strides, dilation, groups)
    with made.graph.inserting_before(last):
        if other is None:
            target: Any = mkldnn._convolution_pointwise.default
            args: tuple[Any, ...] = (x, *common, attribute, numbers, way)
        else:
            over = _free(other, chain)
            target = mkldnn._convolution_pointwise_.binary if over else mkldnn._convolution_pointwise.binary
            first = (other, x) if over else (x, other)
            unary = (None, [], "") if attribute == "none" else (attribute, numbers, way)
            args = (*first, *common, "add", 1.0, *unary)
        node = made.graph.call_function(target, args)
    node.meta["val"] = last.meta["val"]
    last.replace_all_uses_with(node)
    for gone in (chain.activation, chain.sum, chain.convolution):
        if gone is not None:
            made.graph.erase_node(gone)


def _settings(node: Any) -> tuple[Any, ...] | None:
    """Return the arguments of a convolution over two axes, with those it left out, or None where it pads unevenly."""
    defaults: list[Any] = [None, [1, 1], [0, 0], [1, 1], 1]
    x, weight, *given = node.args
    bias, strides, padding, dilation, groups = given + defaults[len(given) :]
    if isinstance(padding, str):
        reach = [step * (n - 1) for step, n in zip(_pair(dilation), weight.meta["val"].shape[2:], strict=True)]
        padding = [n // 2 for n in reach] if padding == "same" else [0, 0]
        if padding != [0, 0] and any(n % 2 for n in reach):
            return None
    return x, weight, bias, _pair(strides), _pair(padding), _pair(dilation), groups


def _pair(numbers: Any) -> list[int]:
    return list(numbers) * (2 // len(numbers))


def _attribute(activation: Any) -> tuple[str, list[Any], str]:
    if activation is None:
        return "none", [], ""
    settings = (*activation.args[1:], *activation.kwargs.values())
    return ATTRIBUTES[PLAIN.get(activation.target, activation.target)](*settings)


def _free(other: Any, chain: Chain) -> bool:
    """Whether nothing looks at ``other`` any more, so that the sum may be written over it: a kernel's own result, read before."""
    if other is chain.convolution.args[0] or getattr(other.target, "overloadpacket", None) not in FRESH:
        return False
    readers = [user for user in other.users if user is not chain.sum]
    before = set()
    node = chain.last
    while node is not other:
        node = node.prev
        before.add(node)
    return all(user in before and getattr(user.target, "overloadpacket", None) in FRESH for user in readers)


def _write_over(graph: fx.Graph) -> int:
    """Let activations write over what a convolution or a product gave, where nobody else sees it; return how many do."""
    made = 0
    for node in nodes(graph):
        before: Any = node.args[0] if node.args else None
        if PLAIN.get(node.target, node.target) not in IN_PLACE or not is_node(before):
            continue
        if len(before.users) == 1 and getattr(before.target, "overloadpacket", None) in FRESH:
            node.target = IN_PLACE.get(node.target, node.target)
            made += 1
    return made


FRESH = {
    aten.conv1d, aten.conv2d, aten.conv3d, aten.conv_transpose1d, aten.conv_transpose2d, aten.conv_transpose3d, aten.linear,
    aten.addmm, mkldnn._convolution_pointwise, mkldnn._convolution_pointwise_,
}  # fmt: skip
"""Operations whose results are tensors of their own."""
