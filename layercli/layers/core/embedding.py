"""Embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli.core.spec import Shape
from layercli.core.types import ShapeLike, Tensor
from layercli.layers.core.lora import LoraMixin
from layercli.layers.validators import Bool, Constraint, Initializer, PositiveInt, Regularizer, raise_unsupported
from layercli.ops.nn.embedding import EmbeddingLookup
from layercli.ops.numpy.elementwise import Binary


class BaseEmbedding(LoraMixin):
    """A layer with a table ``embeddings`` (input_dim, output_dim). Subclasses declare the arguments."""

    op = EmbeddingLookup()
    adapted = "embeddings"

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.start: Any
            self.input_dim: int
            self.output_dim: int
            self.embeddings_initializer: Any
            self.embeddings_regularizer: Any
            self.embeddings_constraint: Any
            self.mask_zero: bool
    else:
        start = None

    def setup(self) -> None:
        """Refuse what is not there."""
        raise_unsupported(self, ("quantization_config",), "computes in the dtype of its policy")

    def build(self, input_shape: Shape) -> None:
        """Make embeddings (input_dim, output_dim)."""
        self.embeddings = self.add_weight(
            "embeddings",
            (self.input_dim, self.output_dim),
            self.embeddings_initializer if self.start is None else self._started,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
        )
        self.maybe_enable_lora()

    def _started(self, shape: ShapeLike, dtype: str = "float32", rng: object = None) -> Any:
        import numpy as np

        value = self.start[0] if isinstance(self.start, (list, tuple)) else self.start
        return np.asarray(value, dtype)

    def rows(self) -> Any:
        """Return the rows, or the sum that is in their place."""
        return self.embeddings if self._lora is None else self.lora_value()


class Embedding(BaseEmbedding):
    """out[..., :] = embeddings[x[...], :].

    x (...) of integers from 0 to input_dim - 1 to (..., output_dim). Raises UsageError for an index out of range.

    Args:
        weights: The initial values of the table; None to use embeddings_initializer.
    """

    input_dim: PositiveInt
    output_dim: PositiveInt
    embeddings_initializer: Initializer = "uniform"
    embeddings_regularizer: Regularizer = None
    embeddings_constraint: Constraint = None
    mask_zero: Bool = False
    weights: Any = None
    lora_rank: Any = None
    lora_alpha: Any = None
    quantization_config: Any = None

    def setup(self) -> None:
        """Take the weights as an initializer; refuse what is not there."""
        super().setup()
        self.start = vars(self).pop("weights", None)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the rows."""
        return self.op(inputs, self.rows())

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> Any:
        """Return where the inputs are not 0, if ``mask_zero``."""
        return Binary("not_equal")(inputs, 0) if self.mask_zero else None
