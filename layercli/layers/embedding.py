"""Embedding: rows of a trained table, by number; and Masking, which finds padded steps by their values."""

from __future__ import annotations

from typing import Any

from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.layers.low_rank import LowRank
from layercli.layers.settings import Constraint, Initializer, Number, PositiveInt, Regularizer, Truth, refuse
from layercli.ops.elementwise import Binary
from layercli.ops.embedding import Blank, Lookup
from layercli.ops.reduction import Reduction


class Embedding(LowRank):
    """out[..., :] = embeddings[x[...], :]: whole numbers from 0 to input_dim - 1 to vectors of ``output_dim``.

    ``mask_zero``: 0 is padding, which layers that come later leave out. ``weights`` are the values to start from. UsageError
    where a number is out of range.
    """

    input_dim: PositiveInt
    output_dim: PositiveInt
    embeddings_initializer: Initializer = "uniform"
    embeddings_regularizer: Regularizer = None
    embeddings_constraint: Constraint = None
    mask_zero: Truth = False
    weights: Any = None
    lora_rank: Any = None
    lora_alpha: Any = None
    quantization_config: Any = None

    op = Lookup()
    adapted = "embeddings"

    def setup(self) -> None:
        """Take the weights as an initializer; refuse what is not there."""
        self.start = vars(self).pop("weights", None)
        refuse(self, ("quantization_config",), "computes in the dtype of its policy")

    def build(self, input_shape: Shape) -> None:
        """Make embeddings (input_dim, output_dim)."""
        self.embeddings = self.add_weight(
            "embeddings",
            (self.input_dim, self.output_dim),
            self.embeddings_initializer if self.start is None else self._started,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
        )
        self.adapt_if_asked()

    def _started(self, shape: Any, dtype: str = "float32", rng: Any = None) -> Any:
        import numpy as np

        value = self.start[0] if isinstance(self.start, (list, tuple)) else self.start
        return np.asarray(value, dtype)

    def call(self, inputs: Any) -> Any:
        """Return the rows."""
        return self.op(inputs, self.embeddings if self._lora is None else self.adapted_value())

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return where the inputs are not 0, if ``mask_zero``."""
        return Binary("not_equal")(inputs, 0) if self.mask_zero else None


class Masking(Layer):
    """out = x, with 0 for the steps all of whose values are ``mask_value``; later layers leave those steps out."""

    mask_value: Number = 0.0

    supports_masking = True

    def call(self, inputs: Any) -> Any:
        """Return the inputs, padded steps blanked."""
        return Blank()(inputs, self.compute_mask(inputs))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return which steps are no padding: two operations, as in Keras, whose order of layers counts them."""
        return Reduction("any", -1)(Binary("not_equal")(inputs, self.mask_value))
