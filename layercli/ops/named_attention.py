"""Attention as Keras names it, with its arguments."""

from __future__ import annotations

from math import sqrt
from typing import Any

from layercli.core.op import spec_of
from layercli.core.spec import Spec
from layercli.errors import ShapeError, UsageError
from layercli.ops.attention import ScaledDotProductAttention, check_pair
from layercli.ops.conversion import convert_to_tensor
from layercli.ops.creation import ones
from layercli.ops.elementwise import add, cast, logical_and, multiply, promoted, where
from layercli.ops.letters import einsum
from layercli.ops.named_activations import softmax
from layercli.ops.triangles import tril


def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Any:
    """Return softmax(query @ key.T * scale + bias) @ value for query (batch, steps, heads, features), key and value likewise.

    ``scale`` None is 1 / sqrt(features). ``mask`` (true: look) and ``bias`` broadcast to (batch, heads, steps of query, steps
    of key); ``is_causal`` looks at no later step. The kernel is chosen by torch, whatever ``flash_attention`` says; UsageError
    for ``attn_logits_soft_cap``, which Keras has on TPUs alone.
    """
    if attn_logits_soft_cap is not None:
        raise UsageError("dot_product_attention has no attn_logits_soft_cap: Keras has it on TPUs alone")
    query, key, value = _alike(query, key, value)
    specs = dict(zip(("query", "key", "value"), map(spec_of, (query, key, value)), strict=True))
    for name, x in specs.items():
        if x.rank != 4:
            raise ShapeError(f"expects {name} with 4 axes, got {x.rank} ({name} = {x})")
    scale = 1 / sqrt(int(specs["query"].shape[-1])) if scale is None else scale
    mask = None if mask is None else cast(convert_to_tensor(mask), "bool")
    if bias is None and (mask is None or not is_causal):
        return ScaledDotProductAttention(scale, is_causal)(query, key, value, mask)
    check_pair("features", specs["query"].shape[-1], specs["key"].shape[-1], specs["query"], specs["key"])
    if is_causal:
        steps = tril(ones((specs["query"].shape[1], specs["key"].shape[1]), "bool"))
        mask = steps if mask is None else logical_and(mask, steps)
    if bias is None:
        return ScaledDotProductAttention(scale)(query, key, value, mask)
    return _biased(query, key, value, convert_to_tensor(bias), mask, scale)


def _biased(query: Any, key: Any, value: Any, bias: Any, mask: Any, scale: float) -> Any:
    """Return attention whose scores ``bias`` is added to before the mask, the softmax in float32."""
    scores = multiply(cast(einsum("btnh,bsnh->bnts", query, key), "float32"), scale)
    scores = add(scores, cast(bias, "float32"))
    if mask is not None:
        scores = where(mask, scores, -0.7 * 3.4028234663852886e38)
    return einsum("bnts,bsnh->btnh", cast(softmax(scores), spec_of(value).dtype), value)


def _alike(*xs: Any) -> tuple[Any, ...]:
    """Return tensors in the dtype they promote to."""
    tensors = [convert_to_tensor(x) for x in xs]
    dtype = "bool"
    for x in tensors:
        dtype = promoted(Spec((), dtype), Spec((), spec_of(x).dtype))
    return tuple(x if spec_of(x).dtype == dtype else cast(x, dtype) for x in tensors)
