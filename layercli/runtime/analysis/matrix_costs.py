"""Multiply-accumulates of products of matrices and vectors as functions of shapes, dense, sparse, packed and quantized."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from torch import Tensor

from layercli.runtime.analysis.cost_registry import Arguments, costs, first_of, values_held


def _product(left: Tensor, right: Tensor, out: Tensor) -> int | None:
    """Each element of the result is a sum over the inner axis; a sparse operand holds only part of it."""
    in_left, in_right = values_held(left), values_held(right)
    if in_left is not None and in_right is not None:
        return None
    if in_left is not None:
        return in_left * (right.shape[-1] if right.dim() > 1 else 1)
    if in_right is not None:
        return in_right * left.shape[-2]
    return first_of(out).numel() * left.shape[-1] if left.dim() else 0


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
    held = values_held(args[0])
    return None if held is None else held * args[1].shape[-1]


@costs("aten::addbmm", "aten::addbmm_")
def summed_products(args: Arguments, out: Tensor) -> int | None:
    """A summed batch of products."""
    batch, rows, inner = args[1].shape
    return batch * rows * inner * args[2].shape[-1]  # type: ignore[no-any-return]


@costs("aten::mv", "aten::dot", "aten::vdot")
def vector_product(args: Arguments, out: Tensor) -> int | None:
    """One multiplication for each element of the first operand."""
    held = values_held(args[0])
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
@costs("quantized::linear_dynamic", "quantized::linear", "quantized::linear_relu", "quantized::linear_relu_dynamic",
       "quantized::linear_dynamic_fp16", "quantized::linear_relu_dynamic_fp16", "quantized::linear_leaky_relu",
       "quantized::linear_tanh", "quantized::linear_with_input_q_dq_qweight_dq_output_fp32",
       "quantized::linear_with_input_q_dq_qweight_dq_relu_output_fp32", "_quantized::linear",
       "_quantized::linear_dynamic")  # fmt: skip
@costs("aten::_sparse_semi_structured_mm")
def linear(args: Arguments, out: Tensor) -> int | None:
    """Each element of the result is a sum over the last axis of the first argument.

    A quantized layer costs as much as the original one; a semi-structured matrix holds two of every four values.
    """
    return out.numel() * args[0].shape[-1]  # type: ignore[no-any-return]


@costs("aten::_sparse_semi_structured_linear", "aten::_sparse_semi_structured_addmm")
def half_sparse_product(args: Arguments, out: Tensor) -> int | None:
    """Each element of the result is a sum over the last axis of the second argument, which holds two of every four values."""
    return out.numel() * args[1].shape[-1]  # type: ignore[no-any-return]


@costs("aten::_cslt_sparse_mm")
def compressed_product(args: Arguments, out: Tensor) -> int | None:
    """The first matrix, compressed, holds two of every four values."""
    return out.numel() * args[1].shape[0] // 2  # type: ignore[no-any-return]


@costs("aten::_trilinear")
def trilinear(args: Arguments, out: Tensor) -> int | None:
    """A bilinear layer, and its gradients, as two products: of the first two tensors, and of their result with the third."""
    summed = args[6]
    first, second, third = (expanded(x.shape, axes) for x, axes in zip(args[:3], args[3:6], strict=True))
    both = list(map(max, first, second))
    left = [1 if axis in summed and third[axis] == 1 else size for axis, size in enumerate(both)]
    return prod(both) + prod(map(max, left, third))


def expanded(shape: Sequence[int], axes: Sequence[int]) -> list[int]:
    """Return the sizes with an axis of 1 inserted at each of ``axes``.

    >>> expanded((3, 4), (0, 2))
    [1, 3, 1, 4]
    """
    sizes = iter(shape)
    return [1 if axis in axes else next(sizes) for axis in range(len(shape) + len(axes))]


@costs("aten::_grouped_mm", "aten::_scaled_grouped_mm", "aten::_scaled_grouped_mm_v2")
def grouped_product(args: Arguments, out: Tensor) -> int | None:
    """Rows, each multiplied by the matrix of its group."""
    x, weight = args[0], args[1]
    if x.dim() == 2 and weight.dim() == 2:
        return x.shape[0] * x.shape[1] * weight.shape[1]  # type: ignore[no-any-return]
    return out.numel() * x.shape[-1]  # type: ignore[no-any-return]
