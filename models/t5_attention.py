"""The attention of T5: relative positions in buckets, which give a bias of the scores."""

from __future__ import annotations

import math
from typing import Any

from layercli import ops
from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.layers.core.dense import Dense
from layercli.layers.core.embedding import Embedding
from layercli.models.functions import merge_heads, split_heads
from layercli.models.masks import attend, extended


def bucket(distance: Any, both_ways: bool, count: int, furthest: int) -> Tensor:
    """Return the bucket of each distance from a target to a source: one each for near ones, logarithmic for far ones."""
    first: Tensor | int = 0
    if both_ways:
        count //= 2
        first = ops.cast(ops.greater(distance, 0), "int64") * count
        distance = ops.abs(distance)
    else:
        distance = ops.maximum(-distance, 0)
    exact = count // 2
    far = ops.log(ops.cast(ops.maximum(distance, 1), "float32") / exact) / math.log(furthest / exact) * (count - exact)
    far = ops.minimum(exact + ops.cast(far, "int64"), count - 1)
    return first + ops.where(ops.less(distance, exact), ops.cast(distance, "int64"), far)


class T5Attention(Layer):
    """Attention to ``sources`` with unscaled scores; the first block holds the position bias that all blocks add.

    The cache of an attention that ``crosses`` from decoder to encoder is all keys and values from its first call.
    """

    config: Any
    biased: bool = False
    both_ways: bool = True
    crosses: bool = False

    def setup(self) -> None:
        """Create the projections, and the table of the bias."""
        of = self.config
        self.q, self.k, self.v = (Dense(of.num_heads * of.d_kv, use_bias=False) for _ in range(3))
        self.o = Dense(of.d_model, use_bias=False)
        self.head_size = of.d_kv
        if self.biased:
            self.relative_attention_bias = Embedding(of.relative_attention_num_buckets, of.num_heads)

    def bias(self, distance: Tensor) -> Tensor:
        """Return the bias of the scores (1, heads, targets, sources)."""
        of = self.config
        places = bucket(distance, self.both_ways, of.relative_attention_num_buckets, of.relative_attention_max_distance)
        return ops.expand_dims(ops.transpose(self.relative_attention_bias(places), (2, 0, 1)), 0)

    def call(
        self,
        inputs: Tensor,
        sources: Tensor | None,
        mask: Tensor | None = None,
        bias: Tensor | None = None,
        distance: Tensor | None = None,
        past: tuple[Tensor, ...] | None = None,
    ) -> tuple[Any, ...]:
        """Return (batch, steps, width), the position bias if ``distance`` is given, and a cache, empty without ``past``."""
        bias = self.bias(distance) if distance is not None else bias
        query = split_heads(self.q(inputs), self.head_size)
        if self.crosses and past:
            kept = past
        else:
            kept = tuple(split_heads(x, self.head_size) for x in (self.k(sources), self.v(sources)))
            kept = kept if self.crosses else extended(past, *kept)
        keys, values = kept
        x = attend(query, keys, values, mask, scale=1.0, causal=False, bias=bias)
        x = self.o(merge_heads(x))
        return (x, *([] if distance is None else [bias]), () if past is None else kept)
