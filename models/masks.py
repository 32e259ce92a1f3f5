"""Attention masks, and attention with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from layercli import ops
from layercli.core.types import Tensor
from layercli.models.functions import soft_cap
from layercli.ops.last_steps import LastSteps
from layercli.ops.nn.attention import AttentionMask, RepeatKV, ScaledDotProductAttention

Cache: TypeAlias = "Sequence[tuple[Tensor, ...]]"
"""What each block keeps of the earlier steps: keys and values (batch, steps, heads, features)."""

LOWEST = -3.0e38
"""The score bias of a masked source: a large negative number that is finite in float32 and bfloat16."""


def mask_of(
    queries: Tensor, sources: Tensor, padding: Tensor | None = None, *, causal: bool = True, window: int | None = None
) -> Tensor | None:
    """Return the mask (batch, 1, targets, sources) for ``queries`` (batch, targets, ...), or None if none is needed.

    ``sources`` (batch, sources, ...) end at the last query; ``padding`` (batch, sources) is 0 for masked sources; with a
    ``window`` a target attends to that many sources, including itself.
    """
    cached = queries.shape[1] != sources.shape[1]
    if padding is None and window is None and not cached:
        return None
    if padding is None and not causal:
        return None
    return AttentionMask(causal=causal, window=window, late=cached)(queries, sources, None, None, padding, None)


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    scale: float,
    causal: bool = True,
    bias: Tensor | None = None,
    cap: float | None = None,
) -> Tensor:
    """Return softmax(query . key * scale + bias) . value, (batch, targets, heads, depth); ``causal`` applies without a mask.

    ``bias`` broadcasts to (batch, heads, targets, sources); ``cap`` bounds the scores as cap tanh(scores / cap).
    """
    if bias is None and cap is None:
        return ScaledDotProductAttention(scale, causal=causal and mask is None)(query, key, value, mask)
    if query.shape[-2] != key.shape[-2]:
        groups = RepeatKV(query.shape[-2] // key.shape[-2])
        key, value = groups(key), groups(value)
    scores = ops.matmul(ops.transpose(query, (0, 2, 1, 3)), ops.transpose(key, (0, 2, 3, 1))) * scale
    scores = soft_cap(scores, cap)
    if bias is not None:
        scores = scores + bias
    if mask is None and causal:
        mask = AttentionMask(causal=True)(query, key, None, None, None, None)
    if mask is not None:
        scores = ops.where(mask, scores, LOWEST)
    weights = ops.softmax(scores)
    return ops.transpose(ops.matmul(weights, ops.transpose(value, (0, 2, 1, 3))), (0, 2, 1, 3))


def extended(past: tuple[Tensor, ...] | None, *new: Tensor) -> tuple[Tensor, ...]:
    """Return the new cache entries: ``new`` (batch, steps, ...) appended to those in ``past``."""
    return new if not past else tuple(ops.concatenate(pair, axis=1) for pair in zip(past, new, strict=True))


def within(entries: tuple[Tensor, ...], window: int | None) -> tuple[Tensor, ...]:
    """Return what a cache keeps of its entries: the steps that the next one attends to beside itself."""
    if window is None or window < 2:
        return entries
    return tuple(LastSteps(window - 1)(each) for each in entries)
