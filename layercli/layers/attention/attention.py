"""Attention (Luong)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layercli.core.fields import argument
from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.errors import ShapeError
from layercli.layers.regularization.dropout import Dropout
from layercli.layers.validators import Bool, ScoreMode, Seed, UnitInterval
from layercli.ops.nn.activations import SoftmaxActivation
from layercli.ops.nn.attention import AdditiveScores, AttentionMask, ScaledDotProductAttention
from layercli.ops.nn.embedding import ApplyMask
from layercli.ops.numpy.einsum import Einsum


class BaseAttention(Layer):
    """Softmax of the scores of queries and keys, times the values."""

    supports_masking = True
    fused = ScaledDotProductAttention(1.0, heads=False)
    dot_product = Einsum("...td,...sd->...ts")
    combine = Einsum("...ts,...sd->...td")
    softmax = SoftmaxActivation()
    tanh_scores = AdditiveScores()

    _is_dot = False
    _seed: int | None = argument(default=None, init=False)

    def setup(self: Any) -> None:
        """Make the dropout of scores."""
        self._dropout_layer = Dropout(self.dropout, seed=self._seed) if self.dropout else None

    def call(
        self: Any,
        inputs: Tensor,
        mask: Tensor | None = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        """Return (batch, targets, depth), and the scores (batch, targets, sources) if they are asked for."""
        query, value, key, query_mask, value_mask = self._split(inputs, mask)
        merged = None
        if use_causal_mask or value_mask is not None:
            rank = len(query.shape)
            merged = AttentionMask(use_causal_mask, rank=rank)(query, value, None, value_mask, None, None)
        drops = training and self._dropout_layer is not None
        if self._is_dot and not return_attention_scores and not drops:
            out = self.fused(self._scaled(query), key, value, merged)
            return out if query_mask is None else ApplyMask()(out, query_mask)
        weights = scores = self.softmax(self._scores(query, key), merged)
        if drops:
            weights = self._dropout_layer(scores, training=True)
        out = self.combine(weights, value)
        out = out if query_mask is None else ApplyMask()(out, query_mask)
        return (out, scores) if return_attention_scores else out

    def compute_mask(self, inputs: Sequence[Tensor], previous_mask: Tensor | None = None) -> Any:
        """Return the query's mask."""
        return previous_mask[0] if isinstance(previous_mask, (list, tuple)) else None

    def _scaled(self: Any, query: Tensor) -> Tensor:
        return query if self.scale is None else query * self.scale.value

    def _split(
        self, inputs: Sequence[Tensor], mask: Tensor | Sequence[Tensor | None] | None
    ) -> tuple[object, object, object, object, object]:
        """Return query, value, key and the masks of the first two."""
        if not isinstance(inputs, (list, tuple)) or len(inputs) not in (2, 3):
            raise wrong_inputs(f"{len(inputs)} of them" if isinstance(inputs, (list, tuple)) else "one tensor")
        if mask is not None and (not isinstance(mask, (list, tuple)) or len(mask) not in (2, 3)):
            raise ShapeError("expects a list of masks, [query_mask, value_mask]; either may be None")
        query, value = inputs[:2]
        query_mask, value_mask = mask[:2] if mask is not None else (None, None)
        return query, value, inputs[2] if len(inputs) > 2 else value, query_mask, value_mask


class Attention(BaseAttention):
    """out = softmax(scores) @ value, where scores = query @ key.T.

    Inputs are [query, value] or [query, value, key] of the shapes (batch, targets, features), (batch, sources, depth) and (batch,
    sources, features); the key is the value where none is given. Masks [query_mask, value_mask] are false for padding.
    Reference: Luong et al. 2015, arXiv:1508.04025.

    Args:
        score_mode: "dot" for products; "concat" for a trainable weight times the sum of tanh(scale * (query + key)).
    """

    use_scale: Bool = False
    score_mode: ScoreMode = "dot"
    dropout: UnitInterval = 0.0
    seed: Seed = None

    def setup(self) -> None:
        """Make the dropout of scores."""
        self._is_dot = self.score_mode == "dot"
        self._seed = self.seed
        super().setup()

    def build(self, input_shape: Any) -> None:
        """Make scale and concat_score_weight, both one number, where the settings want them."""
        self.scale = self.add_weight("scale", (), "ones") if self.use_scale else None
        concat = not self._is_dot
        self.concat_score_weight = self.add_weight("concat_score_weight", (), "ones") if concat else None

    def _scores(self, query: Tensor, key: Tensor) -> Tensor:
        if self._is_dot:
            return self.dot_product(self._scaled(query), key)
        return self.tanh_scores(query, key, self.scale, self.concat_score_weight)


def wrong_inputs(got: str) -> ShapeError:
    """Return the error for inputs that are not a list."""
    return ShapeError(f"expects a list of inputs, [query, value] or [query, value, key], got {got}")
