"""GroupedQueryAttention."""

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
    """Multi-head attention in which groups of query heads share the projections of key and value.

    Call it on query (batch, targets, features), value (batch, sources, ...) and optionally key (like value).
    Raises UsageError unless num_query_heads is a multiple of num_key_value_heads.
    Reference: Ainslie et al. 2023, arXiv:2305.13245.

    Args:
        head_dim: The size of the query, the key and the value of a head.
        num_query_heads: The number of heads of the query.
        num_key_value_heads: The number of heads of the key and the value.
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
