"""Attention with several heads, each with its own projection of query, key and value."""

from __future__ import annotations

from typing import Any

from layercli.core.spec import Shape, show_shape
from layercli.errors import ShapeError, UsageError
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


class GroupedQueryAttention(BaseMultiHeadAttention):
    """Attention with several heads where groups of ``num_query_heads`` share one of ``num_key_value_heads`` (Ainslie et al., 2023).

    query (batch, targets, features), value and key (batch, sources, ...). UsageError where the heads do not divide. The other
    settings are those of MultiHeadAttention.
    """

    head_dim: PositiveInt
    num_query_heads: PositiveInt
    num_key_value_heads: PositiveInt
    dropout: UnitInterval = 0.0
    use_bias: Bool = True
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

    axes = (1,)

    def setup(self) -> None:
        """Derive the sizes of the heads."""
        if self.num_query_heads % self.num_key_value_heads:
            raise UsageError(
                "GroupedQueryAttention expects num_query_heads to be a multiple of num_key_value_heads, "
                f"got {self.num_query_heads} and {self.num_key_value_heads}"
            )
        self.query_heads, self.key_heads = self.num_query_heads, self.num_key_value_heads
        self.features = self.depth = self.head_dim
        self.finish()

    def build(self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None) -> None:
        """Make the projections query, key, value and attention_output, and gate where it is used."""
        for name, shape in (("query", query_shape), ("value", value_shape)):
            if len(shape) != 3:
                raise ShapeError(f"expects {name} with 3 axes, got {len(shape)} ({name} is {show_shape(shape)})")
        check_ranks(query_shape, value_shape, key_shape)
        self._make(query_shape, value_shape, key_shape, (query_shape[-1],))  # type: ignore[arg-type]  # known, or add_weight says so
