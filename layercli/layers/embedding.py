"""Embedding: rows of a trained table, by number; and Masking, which finds padded steps by their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from layercli import ops
from layercli.core import dtypes
from layercli.core.config import Rule
from layercli.core.layer import Layer
from layercli.core.operation import spec_of
from layercli.core.spec import Shape
from layercli.layers.low_rank import LowRank
from layercli.layers.settings import Constraint, Initializer, Number, PositiveInt, Regularizer, Truth, refuse
from layercli.ops.nn.embedding import Blank, Lookup
from layercli.ops.numpy.elementwise import Binary
from layercli.ops.numpy.reductions import Reduction

SoftCap = Annotated[Any, Rule("a number or None", lambda value: None if value is None else float(value))]


class Table(LowRank):
    """A layer with embeddings (input_dim, output_dim), rows to be looked up: the settings are declared by each kind."""

    op = Lookup()
    adapted = "embeddings"

    if TYPE_CHECKING:
        start: Any
        input_dim: int
        output_dim: int
        embeddings_initializer: Any
        embeddings_regularizer: Any
        embeddings_constraint: Any
        mask_zero: bool
    else:
        start = None

    def setup(self) -> None:
        """Refuse what is not there."""
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

    def rows(self) -> Any:
        """Return the rows, or the sum that is in their place."""
        return self.embeddings if self._lora is None else self.adapted_value()


class Embedding(Table):
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

    def setup(self) -> None:
        """Take the weights as an initializer; refuse what is not there."""
        super().setup()
        self.start = vars(self).pop("weights", None)

    def call(self, inputs: Any) -> Any:
        """Return the rows."""
        return self.op(inputs, self.rows())

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return where the inputs are not 0, if ``mask_zero``."""
        return Binary("not_equal")(inputs, 0) if self.mask_zero else None


class ReversibleEmbedding(Table):
    """out[..., :] = embeddings[x[...], :]; called with ``reverse``, out = x @ embeddings.T: vectors to a value for each number.

    Without ``tie_weights`` a table reverse_embeddings (output_dim, input_dim) of its own is multiplied by. The product is in
    ``reverse_dtype``, and between -c and c, as c tanh(out / c), for a ``logit_soft_cap`` c. ``mask_zero``: the whole number 0 is
    padding, which layers that come later leave out.
    """

    input_dim: PositiveInt
    output_dim: PositiveInt
    tie_weights: Truth = True
    embeddings_initializer: Initializer = "uniform"
    embeddings_regularizer: Regularizer = None
    embeddings_constraint: Constraint = None
    mask_zero: Truth = False
    reverse_dtype: Any = None
    logit_soft_cap: SoftCap = None
    lora_rank: Any = None
    lora_alpha: Any = None
    quantization_config: Any = None

    def build(self, input_shape: Shape) -> None:
        """Make embeddings (input_dim, output_dim), and reverse_embeddings unless they are the same."""
        super().build(input_shape)
        if not self.tie_weights:
            shape = (self.output_dim, self.input_dim)
            self.reverse_embeddings = self.add_weight("reverse_embeddings", shape, self.embeddings_initializer)

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        """Return the rows, or with ``reverse`` the products with all of them."""
        if not reverse:
            return self.op(inputs, self.rows())
        kernel = ops.transpose(self.rows()) if self.tie_weights else self.reverse_embeddings
        if self.reverse_dtype is not None:
            inputs, kernel = ops.cast(inputs, self.reverse_dtype), ops.cast(kernel, self.reverse_dtype)
        logits, cap = ops.matmul(inputs, kernel), self.logit_soft_cap
        return logits if cap is None else ops.tanh(logits / cap) * cap

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return where whole numbers are not 0, if ``mask_zero``; vectors have none."""
        numbers = not dtypes.is_floating(spec_of(inputs).dtype)
        return Binary("not_equal")(inputs, 0) if self.mask_zero and numbers else None


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
