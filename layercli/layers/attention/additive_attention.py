"""AdditiveAttention (Bahdanau)."""

from __future__ import annotations

from typing import Any

from layercli.core.types import Tensor
from layercli.layers.attention.attention import BaseAttention, wrong_inputs
from layercli.layers.validators import Bool, UnitInterval


class AdditiveAttention(BaseAttention):
    """out = softmax(scores) @ value, where scores[q, k] = sum over features of scale * tanh(query[q] + key[k]).

    Inputs are [query, value] or [query, value, key]; shapes and masks are those of Attention.
    Reference: Bahdanau et al. 2014, arXiv:1409.0473.

    Args:
        use_scale: Whether scale is a trainable variable of one value for each feature; else it is 1.
    """

    use_scale: Bool = True
    dropout: UnitInterval = 0.0

    score_mode = "concat"
    seed = None

    def build(self, input_shape: Any) -> None:
        """Make scale, one number per feature."""
        query = input_shape[0] if input_shape else None
        if not isinstance(query, (list, tuple)):
            raise wrong_inputs("one tensor")
        self.scale = self.add_weight("scale", (query[-1],), "glorot_uniform") if self.use_scale else None

    def _scores(self, query: Tensor, key: Tensor) -> Tensor:
        return self.tanh_scores(query, key, None, self.scale)
