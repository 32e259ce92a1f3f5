"""Scaled dot-product attention, additive attention scores and attention masks."""

from __future__ import annotations

from math import sqrt
from typing import Any

from layercli.core import dims
from layercli.core.dims import Size
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Shape, Spec, show_shape
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError
from layercli.lazy import F, torch
from layercli.ops.core.conversion import cast, convert_to_tensor
from layercli.ops.nn.activation_functions import softmax
from layercli.ops.numpy.arithmetic import add, multiply
from layercli.ops.numpy.creation import ones
from layercli.ops.numpy.einsum import einsum
from layercli.ops.numpy.elementwise import broadcast_shapes, promoted
from layercli.ops.numpy.logic import logical_and, where
from layercli.ops.numpy.triangular import tril


@dataclass(frozen=True)
class ScaledDotProductAttention(Op):
    """out = softmax(query @ key.T * scale) @ value, by torch's fused kernel.

    query: (batch, targets, heads, features); key: (batch, sources, heads, features); value: (batch, sources, heads,
    depth); or all without heads. Keys may have fewer heads, each shared by several query heads. ``mask`` (true: attend)
    broadcasts to (batch, heads, targets, sources); ``causal`` masks the sources after the target. A target with all
    sources masked gets the mean of all values.
    """

    scale: float
    causal: bool = False
    heads: bool = True

    def spec(self, query: Spec, key: Spec, value: Spec, mask: Spec | None = None) -> Spec:
        """Return query's shape with value's depth."""
        for name, x in (("query", query), ("key", key), ("value", value)):
            if x.rank < 2 + self.heads:
                raise ShapeError(f"expects {name} with at least {2 + self.heads} axes, got {x.rank} ({name} = {x})")
        check_pair("features", query.shape[-1], key.shape[-1], query, key)
        if self.heads and not _divides(query.shape[-2], key.shape[-2]):
            raise ShapeError(
                f"expects a number of query heads that is a multiple of the key heads, got {query.shape[-2]} and {key.shape[-2]}"
            )
        return Spec((*query.shape[:-1], value.shape[-1]), promoted(query, value))

    def macs(self, query: Spec, key: Spec, value: Spec, mask: Spec | None = None) -> Size:
        """Return targets x heads x sources x (features + depth) per example."""
        sources = key.shape[-3 if self.heads else -2]
        return dims.product(query.shape[:-1]) * sources * (query.shape[-1] + value.shape[-1])

    def run(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return torch's scaled_dot_product_attention of views with the heads before the steps.

        A query with all sources masked is set to 0 and attends everywhere: its scores are equal and have no gradient.
        """
        if self.heads:
            grouped = query.shape[-2] != key.shape[-2]
            query, key, value = (x.transpose(-3, -2) for x in (query, key, value))
        else:
            grouped = False
        bias = None
        if mask is not None:
            somewhere = mask.any(-1, keepdim=True)
            bias = mask_bias(mask | ~somewhere, query)
            query = torch.where(somewhere, query, torch.zeros_like(query))
        out = F.scaled_dot_product_attention(
            query, key, value, bias, is_causal=self.causal, scale=self.scale, enable_gqa=grouped
        )
        return out.transpose(-3, -2) if self.heads else out


@dataclass(frozen=True)
class AdditiveScores(Op):
    """out[..., t, s] = sum over features of outside * tanh(inside * (query[..., t, :] + key[..., s, :])); None is 1."""

    def spec(self, query: Spec, key: Spec, inside: Spec | None = None, outside: Spec | None = None) -> Spec:
        """Return (..., targets, sources)."""
        check_pair("features", query.shape[-1], key.shape[-1], query, key)
        lead = broadcast_shapes(query.shape[:-2], key.shape[:-2])
        return Spec((*lead, query.shape[-2], key.shape[-2]), promoted(query, key))

    def run(self, query: Tensor, key: Tensor, inside: Any = None, outside: Any = None) -> Tensor:
        """Return the sum over the features of a tensor (targets, sources, features)."""
        x = query.unsqueeze(-2) + key.unsqueeze(-3)
        x = torch.tanh(x if inside is None else inside * x)
        return (x if outside is None else outside * x).sum(-1)


@dataclass(frozen=True)
class AttentionMask(Op):
    """out[..., t, s] = whether target t may attend to source s: the logical and of all given conditions.

    query and value: (batch, steps, ...); query_mask and value_mask: (batch, steps), false for padding; ``causal``: s <=
    t; ``window``: |t - s| < window; ``late``: the targets are the last of the sources; attention_mask broadcasts to
    (batch, *targets, *sources), with ``axes`` axes of each. The result has ``rank`` axes; the axes of heads have size
    1.
    """

    causal: bool = False
    window: int | None = None
    axes: int = 1
    rank: int = 4
    late: bool = False

    def spec(self, query: Spec, value: Spec, *masks: Spec | None) -> Spec:
        """Return the broadcast shape, bool."""
        query_mask, value_mask, key_mask, attention_mask = masks
        (batch, targets, *_), (_, sources, *_) = query.shape, value.shape
        for name, mask, steps in (
            ("query", query_mask, targets),
            ("value", value_mask, sources),
            ("key", key_mask, sources),
        ):
            if mask is not None and not _fits(mask.shape, (batch, steps)):
                raise ShapeError(f"expects a {name} mask of the shape {show_shape((batch, steps))}, got {mask}")
        if attention_mask is not None and self.axes == 1 and not _fits(attention_mask.shape[-2:], (targets, sources)):
            wanted = show_shape((batch, targets, sources))
            raise ShapeError(f"expects an attention mask that broadcasts to {wanted}, got {attention_mask}")
        parts: list[Shape] = [(batch, targets, 1)] if query_mask is not None else []
        parts += [(batch, 1, sources) for mask in (value_mask, key_mask) if mask is not None]
        parts += [(1, targets, sources)] if self.causal or self.window is not None else []
        parts += [attention_mask.shape] if attention_mask is not None else []
        return Spec(self._expanded(broadcast_shapes(*parts)), "bool")

    def run(self, query: Tensor, value: Tensor, *masks: Any) -> Tensor:
        """Return the logical and; shapes are checked first, as a mask of a wrong size may broadcast here and fail
        later.
        """
        self.spec(*map(spec_of, (query, value, *masks)))
        query_mask, value_mask, key_mask, attention_mask = masks
        parts = [] if query_mask is None else [query_mask.bool().unsqueeze(-1)]
        parts += [mask.bool().unsqueeze(-2) for mask in (value_mask, key_mask) if mask is not None]
        if self.causal or self.window is not None:
            first = value.shape[1] - query.shape[1] if self.late else 0
            target = torch.arange(first, first + query.shape[1], device=query.device).reshape(1, -1, 1)
            source = torch.arange(value.shape[1], device=query.device).reshape(1, 1, -1)
            parts += [source <= target] if self.causal else []
            parts += [(target - source).abs() < self.window] if self.window is not None else []
        parts += [attention_mask.bool()] if attention_mask is not None else []
        mask = parts[0]
        for part in parts[1:]:
            mask = mask & part
        out: Tensor = mask.reshape(self._expanded(mask.shape))
        return out

    def _expanded(self, shape: tuple[Size, ...]) -> Shape:
        """Return ``shape`` with axes of size 1 for the heads inserted before the targets and sources."""
        steps = 2 * self.axes
        return (*shape[:-steps], *(1,) * (self.rank - len(shape)), *shape[-steps:])


@dataclass(frozen=True)
class RepeatKV(Op):
    """out = x (batch, steps, heads, features) with each head repeated ``times`` times in a row."""

    times: int

    def spec(self, x: Spec) -> Spec:
        """Return (batch, steps, heads x times, features)."""
        *lead, heads, features = x.shape
        return Spec((*lead, heads * self.times, features), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's repeat_interleave."""
        return x.repeat_interleave(self.times, -2)


def mask_bias(mask: Tensor, like: Tensor) -> Tensor:
    """Return 0 where ``mask`` is true, else a finite number so low that scores added to it vanish in float32."""
    least = max(torch.finfo(like.dtype).min, torch.finfo(torch.float32).min) * 0.7
    return torch.zeros_like(mask, dtype=like.dtype).masked_fill(~mask, least)


def check_pair(what: str, left: Size, right: Size, query: Spec, key: Spec) -> None:
    """Raise ShapeError where a size of query and the size of key are known to differ."""
    if not dims.may_equal(left, right):
        raise ShapeError(f"expects key with {left} {what}, as query has, got {right} (query = {query}, key = {key})")


def _divides(queries: Size, keys: Size) -> bool:
    return not (isinstance(queries, int) and isinstance(keys, int)) or queries % keys == 0


def _fits(given: Shape, wanted: Shape) -> bool:
    return len(given) == len(wanted) and all(a == 1 or dims.may_equal(a, b) for a, b in zip(given, wanted, strict=True))


def dot_product_attention(
    query: TensorLike,
    key: TensorLike,
    value: TensorLike,
    bias: TensorLike | None = None,
    mask: TensorLike | None = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Tensor:
    """Return softmax(query @ key.T * scale + bias) @ value.

    query: (batch, steps, heads, features); key and value: (batch, source steps, key heads, features). ``scale`` None is
    1 / sqrt(features). ``mask`` (true: attend) and ``bias`` broadcast to (batch, heads, steps, source steps);
    ``is_causal`` masks later steps. torch chooses the kernel; ``flash_attention`` has no effect. Raises UsageError for
    ``attn_logits_soft_cap``, which Keras supports on TPUs only.
    """
    if attn_logits_soft_cap is not None:
        raise UsageError("dot_product_attention has no attn_logits_soft_cap: Keras supports it on TPUs only")
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


def _biased(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, mask: Any, scale: float) -> Tensor:
    """Return attention with ``bias`` added to the scores before the mask; the softmax is computed in float32."""
    scores = multiply(cast(einsum("btnh,bsnh->bnts", query, key), "float32"), scale)
    scores = add(scores, cast(bias, "float32"))
    if mask is not None:
        scores = where(mask, scores, -0.7 * 3.4028234663852886e38)
    return einsum("bnts,bsnh->btnh", cast(softmax(scores), spec_of(value).dtype), value)


def _alike(*xs: TensorLike) -> tuple[Tensor, ...]:
    """Return tensors in their promoted dtype."""
    tensors = [convert_to_tensor(x) for x in xs]
    dtype = "bool"
    for x in tensors:
        dtype = promoted(Spec((), dtype), Spec((), spec_of(x).dtype))
    return tuple(x if spec_of(x).dtype == dtype else cast(x, dtype) for x in tensors)
