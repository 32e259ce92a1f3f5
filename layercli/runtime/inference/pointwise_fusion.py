"""Fuse a convolution or product with the sum and the activation after it: one call of oneDNN, or in place after MKL's product."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import fx

from layercli.dataclass import dataclass
from layercli.runtime.inference import large_products, onednn_kernels
from layercli.runtime.inference.batch_norm_folding import as_linear
from layercli.runtime.inference.fx_tracing import ADD, held, hold, is_held, is_node, mutates, nodes
from layercli.runtime.inference.merged_products import merge_products

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
"""oneDNN's name, scalars and algorithm for each activation."""

IN_PLACE = {
    aten.relu.default: aten.relu_.default,
    aten.silu.default: aten.silu_.default,
    aten.hardswish.default: aten.hardswish_.default,
    aten.hardtanh.default: aten.hardtanh_.default,
    aten.leaky_relu.default: aten.leaky_relu_.default,
}
PLAIN = {in_place: plain for plain, in_place in IN_PLACE.items()}

CONVOLUTIONS = (aten.conv2d.default, aten.conv2d.padding)

AFTER_SUM = {aten.relu.default}
"""The activations that a convolution applies after a sum; a product supports none."""

FRESH = {
    aten.conv1d, aten.conv2d, aten.conv3d, aten.conv_transpose1d, aten.conv_transpose2d, aten.conv_transpose3d, aten.linear,
    aten.addmm, mkldnn._convolution_pointwise, mkldnn._convolution_pointwise_, mkldnn._linear_pointwise,
}  # fmt: skip
"""Operations whose results do not share memory with their operands."""


@dataclass(frozen=True)
class FusionPattern:
    """A convolution or product with the sum and the activation after it, if any; intermediate results have no other user."""

    product: Any
    sum: Any
    activation: Any

    @property
    def last(self) -> Any:
        """The last node of the pattern, whose result is used."""
        return self.activation or self.sum or self.product

    @property
    def other(self) -> Any:
        """The other operand of the sum."""
        if self.sum is None:
            return None
        left, right = self.sum.args[:2]
        return right if left is self.product else left

    @property
    def convolves(self) -> bool:
        """Whether it is a convolution."""
        return self.product.target in CONVOLUTIONS

    @property
    def packable(self) -> bool:
        """Whether oneDNN has a kernel for it: float32, CPU, known weight and bias, and for a convolution two spatial axes."""
        x, weight, *rest = self.product.args
        if not is_held(weight) or (rest and rest[0] is not None and not is_held(rest[0])):
            return False
        values = x.meta["val"], weight.meta["val"]
        if self.convolves:
            return _settings(self.product) is not None and onednn_kernels.convolves(*values)
        return onednn_kernels.multiplies(*values)


def fuse_chains(made: fx.GraphModule, *, exact: bool = False) -> list[FusionPattern]:
    """Fuse all patterns, one after the other: a node fused into one pattern is not available to the next.

    ``exact``: a sum and an activation remain operations of their own, in place, so that the results are the model's to the bit.
    """
    chains = []
    room = onednn_kernels.MemoryBudget()
    for node in nodes(made.graph):
        as_linear(made, node)
    merge_products(made, room)
    for node in nodes(made.graph):
        if node.target is aten.lstm.input:
            _pack_lstm(made, node, room)
        if node.target is not aten.linear.default and node.target not in CONVOLUTIONS:
            continue
        chain = _chain(node)
        if chain.packable and room.take(held(made, node.args[1])):
            by_mkl = not chain.convolves and large_products.by_mkl(held(made, node.args[1]))
            if by_mkl or exact:
                _pack_alone(made, chain, by_mkl=by_mkl)
            else:
                _fuse(made, chain)
            chains.append(chain)
    for node in nodes(made.graph):
        if node.target is aten.view.default and any(chain.convolves for chain in chains):
            node.target = aten.reshape.default  # the kernels' results are channels-last in memory
    return chains


def _chain(product: Any) -> FusionPattern:
    total = _only_user(product)
    if total is None or not _adds(total, product):
        total = None
    activation = _only_user(total or product)
    after = ATTRIBUTES.keys() if total is None else AFTER_SUM if product.target in CONVOLUTIONS else ()
    if activation is None or PLAIN.get(activation.target, activation.target) not in after:
        activation = None
    chain = FusionPattern(product, total, activation)
    between = product.next
    while between is not chain.last and chain.last is not product:
        if mutates(between) and between is not total:
            return FusionPattern(product, None, None)
        between = between.next
    return chain


def _only_user(node: fx.Node) -> Any:
    return next(iter(node.users)) if len(node.users) == 1 else None


def _adds(total: Any, product: Any) -> bool:
    """Whether ``total`` adds another tensor of the same shape and dtype to ``product``, out of place."""
    if total.target not in ADD or total.kwargs or len(total.args) != 2:
        return False
    left, right = total.args
    other = right if left is product else left
    if not is_node(other) or other is product or (mutates(total) and left is not product):
        return False
    ours, theirs = product.meta["val"], other.meta["val"]
    return (ours.shape, ours.dtype, ours.device) == (theirs.shape, theirs.dtype, theirs.device)


def _fuse(made: fx.GraphModule, chain: FusionPattern) -> Any:
    """Insert one oneDNN kernel call with a packed weight where the pattern ended, and return its node."""
    last = chain.last
    target, args = _convolution(made, chain) if chain.convolves else _linear(made, chain)
    with made.graph.inserting_before(last):
        node = made.graph.call_function(target, args)
    node.meta["val"] = last.meta["val"]
    last.replace_all_uses_with(node)
    for gone in (chain.activation, chain.sum, chain.product):
        if gone is not None:
            made.graph.erase_node(gone)
    return node


def _pack_alone(made: fx.GraphModule, chain: FusionPattern, *, by_mkl: bool) -> None:
    """Pack the weight of the product, and let the sum and the activation after it change its result in place."""
    product, other = chain.product, chain.other
    if by_mkl:
        _multiply_by_mkl(made, product)
    else:
        product = _fuse(made, FusionPattern(product, None, None))
    if chain.sum is not None:
        chain.sum.target, chain.sum.args = aten.add_.Tensor, (product, other)
    if chain.activation is not None:
        chain.activation.target = IN_PLACE.get(chain.activation.target, chain.activation.target)


def _multiply_by_mkl(made: fx.GraphModule, product: Any) -> None:
    """Let MKL compute the product, with a packed weight if that is faster for its number of rows."""
    x, weight, bias = (*product.args, None)[:3]
    rows = x.meta["val"].numel() // x.meta["val"].shape[-1]
    matrix = held(made, weight)
    packed = large_products.packed_matrix(matrix, rows)
    if packed is None:
        product.target, product.args = large_products.added_after, (x, hold(made, matrix.T, product), bias)
    else:
        node = hold(made, packed, product)
        product.target, product.args = large_products.mkl._mkl_linear.default, (x, node, weight, bias, rows)


def _linear(made: fx.GraphModule, chain: FusionPattern) -> tuple[Any, tuple[Any, ...]]:
    """Return the kernel for a product, and its arguments."""
    x, weight, bias = (*chain.product.args, None)[:3]
    rows = x.meta["val"].numel() // x.meta["val"].shape[-1]
    matrix = hold(made, onednn_kernels.packed_matrix(held(made, weight), rows), chain.last)
    if chain.other is not None:
        return mkldnn._linear_pointwise.binary, (x, chain.other, matrix, bias, "add")
    return mkldnn._linear_pointwise.default, (x, matrix, bias, *_attribute(chain.activation))


def _convolution(made: fx.GraphModule, chain: FusionPattern) -> tuple[Any, tuple[Any, ...]]:
    """Return the kernel for a convolution, and its arguments."""
    settings = _settings(chain.product)
    assert settings is not None
    x, weight, bias, strides, padding, dilation, groups = settings
    size = list(x.meta["val"].shape)
    value = onednn_kernels.packed_kernel(held(made, weight), size, strides, padding, dilation, groups)
    common = (hold(made, value, chain.last), bias, padding, strides, dilation, groups)
    attribute, numbers, way = _attribute(chain.activation)
    if chain.other is None:
        return mkldnn._convolution_pointwise.default, (x, *common, attribute, numbers, way)
    over = _free(chain.other, chain)
    first = (chain.other, x) if over else (x, chain.other)
    unary = (None, [], "") if attribute == "none" else (attribute, numbers, way)
    target = mkldnn._convolution_pointwise_.binary if over else mkldnn._convolution_pointwise.binary
    return target, (*first, *common, "add", 1.0, *unary)


def _pack_lstm(made: fx.GraphModule, node: Any, room: onednn_kernels.MemoryBudget) -> None:
    """Pack the known weights of an LSTM with one layer and one direction."""
    x, start, weights, biased, *rest = node.args
    values = [weight.meta["val"] for weight in weights]
    if node.kwargs or rest != [1, 0.0, False, False, True] or not all(map(is_held, weights)):
        return
    if not biased or not onednn_kernels.recurs(x.meta["val"], values):
        return
    plain = [held(made, weight) for weight in weights]
    if all(map(room.take, plain[:2])):
        gates = onednn_kernels.packed_gates(x.meta["val"], plain)
        node.args = (x, start, [hold(made, value, node) for value in gates], list(weights[2:]))
        node.target = onednn_kernels.recurred


def _settings(node: Any) -> tuple[Any, ...] | None:
    """Return the arguments of a 2D convolution, defaults included, or None if its padding is asymmetric."""
    defaults: list[object] = [None, [1, 1], [0, 0], [1, 1], 1]
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


def _attribute(activation: Any) -> tuple[str, list[object], str]:
    if activation is None:
        return "none", [], ""
    settings = (*activation.args[1:], *activation.kwargs.values())
    return ATTRIBUTES[PLAIN.get(activation.target, activation.target)](*settings)


def _free(other: Any, chain: FusionPattern) -> bool:
    """Whether the sum may be written into ``other``: it owns its memory, and its other users run earlier."""
    if other is chain.product.args[0] or getattr(other.target, "overloadpacket", None) not in FRESH:
        return False
    readers = [user for user in other.users if user is not chain.sum]
    before = set()
    node = chain.last
    while node is not other:
        node = node.prev
        before.add(node)
    return all(user in before and getattr(user.target, "overloadpacket", None) in FRESH for user in readers)
