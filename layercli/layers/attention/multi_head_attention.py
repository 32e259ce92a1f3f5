"""MultiHeadAttention."""

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
    """out = project(concatenate over heads of softmax(q @ k.T / sqrt(key_dim)) @ v), with projections q, k, v.

    Call it on query (batch, *targets, features), value (batch, *sources, ...) and optionally key (like value).
    Reference: Vaswani et al. 2017, arXiv:1706.03762.

    Args:
        num_heads: The number of heads.
        key_dim: The size of the query and the key of a head.
        value_dim: The size of the value of a head; None for key_dim.
        output_shape: The size of the last axis of out; None for that of the query.
        attention_axes: The axes to attend over; None for all between the batch and the features.
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
        self.value_dim = self.value_dim or self.key_dim
        self.features, self.depth = self.key_dim, self.value_dim
        self.finish()

    def build(self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None) -> None:
        """Make the projections query, key, value and attention_output, and gate where it is used."""
        check_ranks(query_shape, value_shape, key_shape)
        rank = len(value_shape) + 1
        given = self.attention_axes
        axes = range(1, rank - 2) if given is None else ((given,) if isinstance(given, int) else given)
        self.axes = tuple(axis % (rank - 1) for axis in axes)
        wanted: object = self.output_shape or query_shape[-1]
        out_shape = tuple(wanted) if isinstance(wanted, (list, tuple)) else (wanted,)
        self._make(query_shape, value_shape, key_shape, out_shape)
