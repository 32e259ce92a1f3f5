"""Multiply-accumulates of torch operations as functions of shapes: products, convolutions, attention, recurrences.

A fused kernel costs as much as the operations it replaces. A cost that depends on values is unknown (None), not 0.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, TypeAlias

import torch
from torch import Tensor

from layercli.runtime.analysis.uncounted_products import UNKNOWN_PRODUCTS

Arguments: TypeAlias = tuple[Any, ...]
"""The arguments of an operation: tensors, numbers and packed weights."""

Cost = Callable[[Arguments, "torch.Tensor"], int | None]
"""A function of the arguments and the result of an operation; None if the shapes do not determine the cost."""

PRODUCT_COSTS: dict[str, Cost] = {}
"""The cost of each operation that multiplies, by its name without the overload: ``aten::mm``."""


def costs(*names: str) -> Callable[[Cost], Cost]:
    """Register a function as the cost of the named operations."""

    def register(cost: Cost) -> Cost:
        PRODUCT_COSTS.update(dict.fromkeys(names, cost))
        return cost

    return register


def product_cost(func: Any, args: Arguments, out: Any) -> int | None:
    """Return the multiply-accumulates of one operation call; 0 for an operation without products, None if unknown."""
    name = func.name().partition(".")[0]
    cost = PRODUCT_COSTS.get(name)
    if cost is None:
        return None if name in UNKNOWN_PRODUCTS else 0
    macs = cost(args, out)
    return None if macs is None else int(macs)


def _first(out: Any) -> Any:
    return out[0] if isinstance(out, (tuple, list)) else out


def _values_held(x: Tensor) -> int | None:
    """Return the number of stored values of a sparse tensor; None for a dense one."""
    if x.layout is torch.strided or x.layout is torch._mkldnn:  # type: ignore[attr-defined]  # not in its stubs
        return None
    return int((x._values() if x.layout is torch.sparse_coo else x.values()).numel())


def _product(left: Tensor, right: Tensor, out: Tensor) -> int | None:
    """Each element of the result is a sum over the inner axis; a sparse operand holds only part of it."""
    in_left, in_right = _values_held(left), _values_held(right)
    if in_left is not None and in_right is not None:
        return None
    if in_left is not None:
        return in_left * (right.shape[-1] if right.dim() > 1 else 1)
    if in_right is not None:
        return in_right * left.shape[-2]
    return _first(out).numel() * left.shape[-1] if left.dim() else 0


@costs("aten::mm", "aten::bmm", "aten::matmul", "aten::_int_mm", "aten::_scaled_mm", "aten::_scaled_mm_v2",
       "aten::_sparse_mm", "aten::_sparse_mm_reduce_impl", "aten::hspmm", "quantized::matmul")  # fmt: skip
def matmul(args: Arguments, out: Tensor) -> int | None:
    """A product of the first two arguments."""
    return _product(args[0], args[1], out)


@costs("aten::_foreach_mm", "_native::_foreach_mm_native_0")
def several_products(args: Arguments, out: Tensor) -> int | None:
    """A product of each pair of two lists."""
    return int(sum(x.numel() * left.shape[-1] for x, left in zip(out, args[0], strict=True)))


@costs("inductor::_mm_plus_mm")
def sum_of_two_products(args: Arguments, out: Tensor) -> int | None:
    """The sum of two products."""
    return out.numel() * (args[0].shape[-1] + args[2].shape[-1])  # type: ignore[no-any-return]


@costs("aten::addmm", "aten::baddbmm", "aten::addmv", "aten::_addmm_activation", "aten::sparse_addmm", "aten::addmm_",
       "aten::baddbmm_", "aten::addmv_", "aten::_sparse_addmm", "aten::sspaddmm")  # fmt: skip
def added_product(args: Arguments, out: Tensor) -> int | None:
    """Like the product of the second and third argument."""
    return _product(args[1], args[2], out)


@costs("aten::sparse_sampled_addmm")
def sampled_product(args: Arguments, out: Tensor) -> int | None:
    """Only the elements that the sparse first argument holds are computed."""
    held = _values_held(args[0])
    return None if held is None else held * args[1].shape[-1]


@costs("aten::addbmm", "aten::addbmm_")
def summed_products(args: Arguments, out: Tensor) -> int | None:
    """A summed batch of products."""
    batch, rows, inner = args[1].shape
    return batch * rows * inner * args[2].shape[-1]  # type: ignore[no-any-return]


@costs("aten::mv", "aten::dot", "aten::vdot")
def vector_product(args: Arguments, out: Tensor) -> int | None:
    """One multiplication for each element of the first operand."""
    held = _values_held(args[0])
    return int(args[0].numel()) if held is None else held


@costs("aten::addr", "aten::addr_")
def outer_product(args: Arguments, out: Tensor) -> int | None:
    """One multiplication for each element of the result."""
    return out.numel()


@costs("aten::_cdist_forward")
def distances(args: Arguments, out: Tensor) -> int | None:
    """Euclidean distances are computed by a product; others by powers, which are not counted."""
    return out.numel() * args[0].shape[-1] if args[2] == 2 else 0


@costs("aten::_compute_linear_combination")
def linear_combination(args: Arguments, out: Tensor) -> int | None:
    """Each element of the result is a sum over the inputs."""
    return out.numel() * args[1].shape[-1]  # type: ignore[no-any-return]


@costs("aten::linear", "aten::mkldnn_linear", "mkldnn::_linear_pointwise", "mkl::_mkl_linear", "aten::_weight_int8pack_mm",
       "aten::_weight_int4pack_mm", "aten::_weight_int4pack_mm_for_cpu", "aten::_weight_int4pack_mm_with_scales_and_zeros",
       "aten::_dyn_quant_matmul_4bit", "aten::_mixed_dtypes_linear", "quantized::int4mm_packed_weight_cpu",
       "onednn::linear_dynamic_fp16", "onednn::linear_relu_dynamic_fp16", "onednn::qlinear_pointwise",
       "quantized::linear_dynamic_fp16_unpacked_weight", "_quantized::wrapped_fbgemm_linear_fp16_weight",
       "_quantized::wrapped_quantized_linear", "_quantized::_wrapped_quantized_linear_prepacked")  # fmt: skip
def linear(args: Arguments, out: Tensor) -> int | None:
    """Each element of the result is a sum over the features."""
    return out.numel() * args[0].shape[-1]  # type: ignore[no-any-return]


@costs("quantized::linear_dynamic", "quantized::linear", "quantized::linear_relu", "quantized::linear_relu_dynamic",
       "quantized::linear_dynamic_fp16", "quantized::linear_relu_dynamic_fp16", "quantized::linear_leaky_relu",
       "quantized::linear_tanh", "quantized::linear_with_input_q_dq_qweight_dq_output_fp32",
       "quantized::linear_with_input_q_dq_qweight_dq_relu_output_fp32", "_quantized::linear",
       "_quantized::linear_dynamic")  # fmt: skip
def quantized_linear(args: Arguments, out: Tensor) -> int | None:
    """Like the original layer before quantization."""
    return out.numel() * args[0].shape[-1]  # type: ignore[no-any-return]


@costs("aten::_sparse_semi_structured_linear")
def half_sparse_linear(args: Arguments, out: Tensor) -> int | None:
    """The weights hold two of every four values."""
    return out.numel() * args[1].shape[-1]  # type: ignore[no-any-return]


@costs("aten::_sparse_semi_structured_mm")
def half_sparse_product(args: Arguments, out: Tensor) -> int | None:
    """The first matrix holds two of every four values."""
    return out.numel() * args[0].shape[-1]  # type: ignore[no-any-return]


@costs("aten::_sparse_semi_structured_addmm")
def added_half_sparse_product(args: Arguments, out: Tensor) -> int | None:
    """Like the product of the second argument, which holds two of every four values."""
    return out.numel() * args[1].shape[-1]  # type: ignore[no-any-return]


@costs("aten::_cslt_sparse_mm")
def compressed_product(args: Arguments, out: Tensor) -> int | None:
    """The first matrix, compressed, holds two of every four values."""
    return out.numel() * args[1].shape[0] // 2  # type: ignore[no-any-return]


def _unpacked(packed: Any) -> Any:
    """Return the packed weights of a quantized layer."""
    weight, _ = packed.unpack()
    return weight


@costs(*(f"{space}::conv{rank}d{kind}" for space in ("quantized", "_quantized") for rank in (1, 2, 3)
         for kind in ("", "_relu", "_dynamic")))  # fmt: skip
def quantized_convolution(args: Arguments, out: Tensor) -> int | None:
    """Like the original layer before quantization; its packed weights are unpacked to get their shape."""
    return out.numel() * prod(_unpacked(args[1]).shape[1:])  # type: ignore[no-any-return]


@costs("quantized::conv2d_add", "quantized::conv2d_add_relu")
def added_quantized_convolution(args: Arguments, out: Tensor) -> int | None:
    """Like the original layer; the tensor added to its result is the argument before the weights."""
    return out.numel() * prod(_unpacked(args[2]).shape[1:])  # type: ignore[no-any-return]


@costs(*(f"{space}::conv_transpose{rank}d{kind}" for space in ("quantized", "_quantized") for rank in (1, 2, 3)
         for kind in ("", "_dynamic")))  # fmt: skip
def quantized_transposed_convolution(args: Arguments, out: Tensor) -> int | None:
    """Each input element contributes to a window."""
    return args[0].numel() * prod(_unpacked(args[1]).shape[1:])  # type: ignore[no-any-return]


@costs("aten::cudnn_convolution", "aten::cudnn_convolution_relu", "aten::cudnn_convolution_add_relu",
       "aten::miopen_convolution", "aten::miopen_convolution_relu", "aten::miopen_convolution_add_relu",
       "aten::miopen_depthwise_convolution", "aten::_mps_convolution", "aten::_nnpack_spatial_convolution",
       "aten::mkldnn_convolution", "mkldnn::_convolution_pointwise", "aten::slow_conv3d_forward",
       "aten::_slow_conv2d_forward", "aten::slow_conv_dilated2d", "aten::slow_conv_dilated3d", "aten::_conv_depthwise2d",
       "aten::conv_depthwise3d", "aten::conv1d", "aten::conv2d", "aten::conv3d")  # fmt: skip
def windows(args: Arguments, out: Tensor) -> int | None:
    """Each element of the result is a sum over a window."""
    return _first(out).numel() * prod(args[1].shape[1:])  # type: ignore[no-any-return]


@costs("mkldnn::_convolution_pointwise_")
def windows_added_to(args: Arguments, out: Tensor) -> int | None:
    """Like a convolution whose result is added to the first argument."""
    return out.numel() * prod(args[2].shape[1:])  # type: ignore[no-any-return]


@costs(*(f"onednn::qconv{rank}_pointwise" for rank in ("", "1d", "2d", "3d")))
def quantized_windows(args: Arguments, out: Tensor) -> int | None:
    """Like a convolution whose weights follow the input's scale and zero point."""
    return out.numel() * prod(args[3].shape[1:])  # type: ignore[no-any-return]


@costs("aten::cudnn_convolution_transpose", "aten::miopen_convolution_transpose", "aten::_mps_convolution_transpose",
       "aten::slow_conv_transpose2d", "aten::slow_conv_transpose3d", "mkldnn::_convolution_transpose_pointwise")  # fmt: skip
def transposed_windows(args: Arguments, out: Tensor) -> int | None:
    """Each input element contributes to a window."""
    x, weight = args[0], args[1]
    spatial = x.dim() - (weight.dim() - 2)
    return x.numel() * weight.numel() // x.shape[spatial - 1]  # type: ignore[no-any-return]


@costs("aten::convolution", "aten::_convolution", "aten::convolution_overrideable")
def convolution(args: Arguments, out: Tensor) -> int | None:
    """Each output element is a sum over a window; in a transposed convolution each input element contributes to a window."""
    x, weight, transposed = args[0], args[1], args[6]
    return (x if transposed else _first(out)).numel() * prod(weight.shape[1:])  # type: ignore[no-any-return]


@costs("aten::convolution_backward", "aten::convolution_backward_overrideable")
def convolution_gradients(args: Arguments, out: Tensor) -> int | None:
    """The gradient of the input and that of the weights each take as many products as the convolution."""
    # The first has arguments between the weights and the strides that the second has not.
    gradient, x, weight = args[:3]
    transposed, mask = (args[7], args[10]) if len(args) > 10 else (args[6], args[9])
    once = (x if transposed else gradient).numel() * prod(weight.shape[1:])
    return once * (bool(mask[0]) + bool(mask[1]))  # type: ignore[no-any-return]


@costs("aten::conv_tbc")
def time_convolution(args: Arguments, out: Tensor) -> int | None:
    """A convolution over time, whose weights are (window, channels, filters)."""
    window, channels, _ = args[1].shape
    return out.numel() * window * channels  # type: ignore[no-any-return]


@costs("aten::_scaled_dot_product_flash_attention_for_cpu", "aten::_scaled_dot_product_flash_attention",
       "aten::_scaled_dot_product_efficient_attention", "aten::_scaled_dot_product_cudnn_attention",
       "aten::_scaled_dot_product_fused_attention_overrideable", "aten::scaled_dot_product_attention",
       "aten::_scaled_dot_product_attention_math_for_mps", "aten::_triton_scaled_dot_attention",
       "flex_attention")  # fmt: skip
def attention(args: Arguments, out: Tensor) -> int:
    """Scores of every query with every key, and the weighted sum of the values."""
    query, key, value = args[:3]
    scores = prod(query.shape[:-1]) * key.shape[-2]
    return scores * (query.shape[-1] + value.shape[-1])  # type: ignore[no-any-return]


@costs("aten::_cudnn_attention_forward")
def cudnn_attention(args: Arguments, out: Tensor) -> int | None:
    """Like attention; unknown for sequences of different lengths."""
    return attention(args, out) if args[4] is None and args[5] is None else None


def _attention_of_sequences(
    query: Tensor, key: Tensor, value: Tensor, ends_q: Tensor | None, ends_k: Tensor | None
) -> int | None:
    """Attention with axes (batch, sequence, heads, features); cumulative lengths describe packed sequences."""
    both = query.shape[-1] + value.shape[-1]
    if ends_q is None and ends_k is None:
        return prod(query.shape[:-1]) * key.shape[-3] * both
    if ends_q is None or ends_k is None or ends_q.is_meta or ends_k.is_meta:
        return None
    pairs = int((ends_q.diff().long() * ends_k.diff().long()).sum())
    return pairs * query.shape[-2] * both


@costs("aten::_flash_attention_forward")
def flash_attention(args: Arguments, out: Tensor) -> int | None:
    """Attention over (batch, sequence, heads, features)."""
    return _attention_of_sequences(*args[:5])


@costs("aten::_flash_attention_forward_no_dropout_inplace")
def flash_attention_in_place(args: Arguments, out: Tensor) -> int | None:
    """Like flash attention; the result is the first argument."""
    return _attention_of_sequences(*args[1:6])


@costs("aten::_efficient_attention_forward")
def efficient_attention(args: Arguments, out: Tensor) -> int | None:
    """Like flash attention; a bias precedes the cumulative lengths."""
    return _attention_of_sequences(*args[:3], *args[4:6])


@costs("aten::_native_multi_head_attention", "aten::_triton_multi_head_attention")
def multi_head_attention(args: Arguments, out: Tensor) -> int | None:
    """The products of the queries, keys, values and results with their weights, and attention."""
    query, key, value, width = args[:4]
    weights = (2 * query.numel() + key.numel() + value.numel()) * width
    return weights + 2 * prod(query.shape[:-1]) * key.shape[-2] * width  # type: ignore[no-any-return]


@costs("aten::_transformer_encoder_layer_fwd")
def encoder_layer(args: Arguments, out: Tensor) -> int | None:
    """Self-attention and two products of the feed-forward part."""
    x, width = args[0], args[1]
    inner, outer = args[14], args[16]
    own = multi_head_attention((x, x, x, width), out)
    return (own or 0) + prod(x.shape[:-1]) * (inner.numel() + outer.numel())  # type: ignore[no-any-return]


@costs("aten::_trilinear")
def trilinear(args: Arguments, out: Tensor) -> int | None:
    """A bilinear layer as two products: one with the weights, one with the second input."""
    first, weight, second = args[:3]
    batch = prod(first.shape[:-2]) if first.dim() > 2 else first.shape[0]
    outputs, left, right = weight.shape[-3:]
    del second
    return batch * outputs * left * right + batch * outputs * right  # type: ignore[no-any-return]


@costs("aten::_grouped_mm", "aten::_scaled_grouped_mm", "aten::_scaled_grouped_mm_v2")
def grouped_product(args: Arguments, out: Tensor) -> int | None:
    """Rows, each multiplied by the matrix of its group."""
    x, weight = args[0], args[1]
    if x.dim() == 2 and weight.dim() == 2:
        return x.shape[0] * x.shape[1] * weight.shape[1]  # type: ignore[no-any-return]
    return out.numel() * x.shape[-1]  # type: ignore[no-any-return]


@costs("aten::mkldnn_rnn_layer")
def recurrent_layer(args: Arguments, out: Tensor) -> int | None:
    """At each step: the gates' products with the input and with the state."""
    x, weight_input, weight_state = args[:3]
    steps = x.numel() // x.shape[-1]
    return steps * (weight_input.numel() + weight_state.numel())  # type: ignore[no-any-return]


@costs("aten::_cudnn_rnn", "aten::miopen_rnn")
def cudnn_recurrence(args: Arguments, out: Tensor) -> int | None:
    """At each step: the products with the matrices of all layers."""
    x, weights = args[0], args[1]
    steps = x.numel() // x.shape[-1]
    return steps * sum(w.numel() for w in weights if w.dim() == 2)  # type: ignore[no-any-return]


@costs("aten::_lstm_mps")
def metal_recurrence(args: Arguments, out: Tensor) -> int | None:
    """Like cuDNN's recurrence; the initial state precedes the weights."""
    return cudnn_recurrence((args[0], args[2]), out)


@costs("quantized::quantized_lstm_cell_dynamic", "quantized::quantized_gru_cell_dynamic",
       "quantized::quantized_rnn_relu_cell_dynamic", "quantized::quantized_rnn_tanh_cell_dynamic")  # fmt: skip
def quantized_cell(args: Arguments, out: Tensor) -> int | None:
    """The gates' products with the input and with the state, for every row."""
    rows = args[0].numel() // args[0].shape[-1]
    return rows * sum(_unpacked(packed).numel() for packed in args[2:4])  # type: ignore[no-any-return]


@costs("aten::quantized_lstm", "aten::quantized_gru")
def quantized_recurrence(args: Arguments, out: Tensor) -> int | None:
    """At each step: the products with the packed matrices of all layers."""
    x = args[0]
    steps = x.numel() // x.shape[-1]
    packed = [
        each for cell in next(a for a in args[2:4] if isinstance(a, (list, tuple))) for each in cell.__getstate__()[4]
    ]
    return steps * sum(_unpacked(each).numel() for each in packed)  # type: ignore[no-any-return]
