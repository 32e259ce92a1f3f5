"""What torch's operations multiply and accumulate, as functions of the shapes: products, convolutions, attention, recurrences.

Fused kernels cost what the operations they stand for cost one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

Cost = Callable[[tuple[Any, ...], dict[str, Any], Any], int]
"""A function of the arguments of an operation and of what it gives."""

PRODUCT_COSTS: dict[str, Cost] = {}
"""The cost of each operation that multiplies, by its name without the overload's: ``aten::mm``."""


def costs(*names: str) -> Callable[[Cost], Cost]:
    """Register a function as the cost of the operations of those names."""

    def register(cost: Cost) -> Cost:
        PRODUCT_COSTS.update(dict.fromkeys(names, cost))
        return cost

    return register


def product_cost(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> int:
    """Return the multiply-accumulates of one call of an operation of torch; 0 for one that makes no products."""
    cost = PRODUCT_COSTS.get(func.name().partition(".")[0])
    return 0 if cost is None else int(cost(args, kwargs, out))


def _first(out: Any) -> Any:
    return out[0] if isinstance(out, (tuple, list)) else out


@costs("aten::mm", "aten::bmm", "aten::matmul", "aten::_int_mm", "aten::_scaled_mm", "aten::_sparse_mm")
def matmul(args: Any, kwargs: Any, out: Any) -> int:
    """Every value of the result is a sum over the last axis of the first operand."""
    return _first(out).numel() * args[0].shape[-1] if args[0].dim() else 0


@costs("aten::addmm", "aten::baddbmm", "aten::addmv", "aten::_addmm_activation", "aten::sparse_addmm")
def added_product(args: Any, kwargs: Any, out: Any) -> int:
    """As a product of the second and the third argument."""
    return out.numel() * args[1].shape[-1]  # type: ignore[no-any-return]


@costs("aten::addbmm")
def summed_products(args: Any, kwargs: Any, out: Any) -> int:
    """A batch of products, summed."""
    batch, rows, inner = args[1].shape
    return batch * rows * inner * args[2].shape[-1]  # type: ignore[no-any-return]


@costs("aten::mv", "aten::dot", "aten::vdot")
def vector_product(args: Any, kwargs: Any, out: Any) -> int:
    """One multiplication for each value of the first operand."""
    return args[0].numel()  # type: ignore[no-any-return]


@costs("aten::linear", "aten::mkldnn_linear", "mkldnn::_linear_pointwise", "aten::_weight_int8pack_mm")
def linear(args: Any, kwargs: Any, out: Any) -> int:
    """Every value of the result is a sum over the features."""
    return out.numel() * args[0].shape[-1]  # type: ignore[no-any-return]


@costs("quantized::linear_dynamic", "quantized::linear", "quantized::linear_relu", "quantized::linear_relu_dynamic",
       "quantized::linear_dynamic_fp16")  # fmt: skip
def quantized_linear(args: Any, kwargs: Any, out: Any) -> int:
    """As the layer that was quantised."""
    return out.numel() * args[0].shape[-1]  # type: ignore[no-any-return]


@costs("quantized::conv1d", "quantized::conv2d", "quantized::conv3d", "quantized::conv1d_relu", "quantized::conv2d_relu",
       "quantized::conv3d_relu")  # fmt: skip
def quantized_convolution(args: Any, kwargs: Any, out: Any) -> int:
    """As the layer that was quantised: its weights are unpacked to be measured."""
    weight, _ = args[1].unpack()
    return out.numel() * prod(weight.shape[1:])  # type: ignore[no-any-return]


@costs("aten::convolution", "aten::_convolution", "aten::convolution_overrideable", "aten::cudnn_convolution",
       "aten::mkldnn_convolution", "mkldnn::_convolution_pointwise", "aten::slow_conv3d_forward",
       "aten::_slow_conv2d_forward", "aten::_conv_depthwise2d", "aten::conv1d", "aten::conv2d", "aten::conv3d")  # fmt: skip
def convolution(args: Any, kwargs: Any, out: Any) -> int:
    """Every value of the result is a sum over a window; of a transposed one every value of the input goes into a window."""
    x, weight = args[0], args[1]
    transposed = len(args) > 6 and args[6] is True
    return (x if transposed else _first(out)).numel() * prod(weight.shape[1:])  # type: ignore[no-any-return]


@costs("aten::_scaled_dot_product_flash_attention_for_cpu", "aten::_scaled_dot_product_flash_attention",
       "aten::_scaled_dot_product_efficient_attention", "aten::_scaled_dot_product_cudnn_attention",
       "aten::_scaled_dot_product_fused_attention_overrideable", "aten::scaled_dot_product_attention",
       "aten::_scaled_dot_product_attention_math_for_mps", "flex_attention")  # fmt: skip
def attention(args: Any, kwargs: Any, out: Any) -> int:
    """Scores of every query with every key, and the values weighted by them."""
    query, key, value = args[:3]
    scores = prod(query.shape[:-1]) * key.shape[-2]
    return scores * (query.shape[-1] + value.shape[-1])  # type: ignore[no-any-return]


@costs("aten::_trilinear")
def trilinear(args: Any, kwargs: Any, out: Any) -> int:
    """A bilinear layer: as the two products it can be computed by, the one with the weights and the one with the second input."""
    first, weight, second = args[:3]
    batch = prod(first.shape[:-2]) if first.dim() > 2 else first.shape[0]
    outputs, left, right = weight.shape[-3:]
    del second
    return batch * outputs * left * right + batch * outputs * right  # type: ignore[no-any-return]


@costs("aten::_grouped_mm", "aten::_scaled_grouped_mm")
def grouped_product(args: Any, kwargs: Any, out: Any) -> int:
    """Rows, each multiplied with the matrix of its group."""
    x, weight = args[0], args[1]
    if x.dim() == 2 and weight.dim() == 2:
        return x.shape[0] * x.shape[1] * weight.shape[1]  # type: ignore[no-any-return]
    return out.numel() * x.shape[-1]  # type: ignore[no-any-return]


GATES = {0: 1, 1: 1, 2: 4, 3: 3}
"""How many gates a recurrence has, by torch's number of its kind: ReLU, tanh, LSTM, GRU."""


@costs("aten::mkldnn_rnn_layer")
def recurrent_layer(args: Any, kwargs: Any, out: Any) -> int:
    """At every step the gates' products of the input and of the state."""
    x, weight_input, weight_state = args[:3]
    steps = x.numel() // x.shape[-1]
    return steps * (weight_input.numel() + weight_state.numel())  # type: ignore[no-any-return]


@costs("aten::_cudnn_rnn")
def cudnn_recurrence(args: Any, kwargs: Any, out: Any) -> int:
    """At every step the products with the matrices of every layer."""
    x, weights = args[0], args[1]
    steps = x.numel() // x.shape[-1]
    return steps * sum(w.numel() for w in weights if w.dim() == 2)  # type: ignore[no-any-return]
