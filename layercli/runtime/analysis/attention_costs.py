"""Multiply-accumulates of attention as functions of shapes."""

from __future__ import annotations

from math import prod

from torch import Tensor

from layercli.runtime.analysis.cost_registry import Arguments, costs


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
