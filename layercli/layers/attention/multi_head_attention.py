"""Attention with several heads, each with its own projection of query, key and value."""

from __future__ import annotations

from typing import Any

from layercli.core.spec import Shape
from layercli.layers.attention.base_multi_head_attention import BaseMultiHeadAttention, check_ranks
from layercli.layers.validators import (
    Bool,
    Constraint,
    Initializer,
    OptionalPositiveInt,
    PositiveInt,
    Regularizer,
    Seed,
    UnitInterval,
)


class MultiHeadAttention(BaseMultiHeadAttention):
    """out = project(concat over heads of softmax(q @ k.T / sqrt(key_dim)) @ v), q, k, v being projections of the inputs.

    query (batch, *targets, features), value (batch, *sources, ...), key like value. ``attention_axes`` are the axes attended over,
    by default all between the batch and the features. ``output_shape`` is the size of the last axis of out, by default the
    query's. ``use_gate`` multiplies each head by a sigmoid of another projection of the query. ``sliding_window`` keeps targets
    and sources less than that apart. ``flash_attention`` is torch's choice here, whatever it says.
    """

    num_heads: PositiveInt
    key_dim: PositiveInt
    value_dim: Any = None
    dropout: UnitInterval = 0.0
    use_bias: Bool = True
    output_shape: Any = None
    attention_axes: Any = None
    sliding_window: OptionalPositiveInt = None
    flash_attention: Any = None
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer = None
    bias_regularizer: Regularizer = None
    activity_regularizer: Regularizer = None
    kernel_constraint: Constraint = None
    bias_constraint: Constraint = None
    use_gate: Bool = False
    seed: Seed = None

    names = ("query_dense", "key_dense", "_gate_dense", "value_dense", "output_dense")

    def setup(self) -> None:
        """Derive the sizes of the heads."""
        self.query_heads = self.key_heads = self.num_heads
        self.features, self.depth = self.key_dim, self.value_dim or self.key_dim
        self.finish()

    def build(self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None) -> None:
        """Make the projections query, key, value and attention_output, and gate where it is used."""
        check_ranks(query_shape, value_shape, key_shape)
        rank = len(value_shape) + 1
        given = self.attention_axes
        axes = range(1, rank - 2) if given is None else ((given,) if isinstance(given, int) else given)
        self.axes = tuple(axis % (rank - 1) for axis in axes)
        wanted: Any = self.output_shape or query_shape[-1]
        out_shape = tuple(wanted) if isinstance(wanted, (list, tuple)) else (wanted,)
        self._make(query_shape, value_shape, key_shape, out_shape)
