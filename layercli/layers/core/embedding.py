"""Embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli import ops
from layercli.core.spec import Shape
from layercli.core.types import ShapeLike, Tensor
from layercli.layers.core import quantized
from layercli.layers.core.quantized import QuantizedMixin
from layercli.layers.core.weight_form import WeightForm
from layercli.layers.validators import Bool, Constraint, Initializer, PositiveInt, Regularizer
from layercli.ops.nn.embedding import EmbeddingLookup
from layercli.ops.numpy.elementwise import Binary
from layercli.quantizers.grouped import dequantized
from layercli.quantizers.int4 import unpack_int4


class BaseEmbedding(QuantizedMixin):
    """A layer with a table ``embeddings`` (input_dim, output_dim). Subclasses declare the arguments."""

    op = EmbeddingLookup()
    adapted = "embeddings"
    stored_order = (
        "embeddings", "embeddings_scale", "embeddings_zero", "g_idx",
        "reverse_embeddings", "reverse_embeddings_scale", "reverse_embeddings_zero",
    )  # fmt: skip

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.start: object
            self.input_dim: int
            self.output_dim: int
            self.embeddings_initializer: object
            self.embeddings_regularizer: object
            self.embeddings_constraint: object
            self.mask_zero: bool
    else:
        start = None

    def weight_forms(self) -> tuple[WeightForm, ...]:
        """Return the form of the table: one scale for each row."""
        sizes = (self.input_dim, self.output_dim)
        return (WeightForm("embeddings", sizes, (1,), sizes, axis=1),)

    def build(self, input_shape: Shape | None = None) -> None:
        """Make embeddings (input_dim, output_dim)."""
        if self.quantization_mode is not None:
            self.quantized_build(None, self.quantization_mode, self.quantization_config)
        else:
            self.embeddings = self.add_weight(
                "embeddings",
                (self.input_dim, self.output_dim),
                self.embeddings_initializer if self.start is None else self._started,
                regularizer=self.embeddings_regularizer,
                constraint=self.embeddings_constraint,
            )
        self.maybe_enable_lora()

    def _started(self, shape: ShapeLike, dtype: str = "float32", rng: object = None) -> object:
        import numpy as np

        value = self.start[0] if isinstance(self.start, (list, tuple)) else self.start
        return np.asarray(value, dtype)

    def looked_up(self, inputs: Tensor) -> Tensor:
        """Return the rows of the table at ``inputs``."""
        if not self.is_quantized:
            return self.op(inputs, self.rows())
        held = self.held()
        integers, scale = self.op(inputs, held["embeddings"]), ops.take(held["embeddings_scale"], inputs, axis=0)
        if self._mode == "int4":
            integers = unpack_int4(integers, self.output_dim, axis=-1)
        if self._block is None:
            x = ops.cast(integers, self.compute_dtype) / ops.expand_dims(scale, -1)
        else:
            zero = self.op(inputs, held["embeddings_zero"])
            x = dequantized(ops.cast(integers, self.compute_dtype), scale, zero, self.g_idx, -1)
        outputs: Tensor = self.with_lora(x, inputs, self.op)
        return outputs

    def rows(self) -> Any:
        """Return the rows, or the sum that is in their place."""
        return self.embeddings if self._lora is None else self.lora_value()


class Embedding(BaseEmbedding):
    """out[..., :] = embeddings[x[...], :].

    x (...) of integers from 0 to input_dim - 1 to (..., output_dim). Raises IndexRangeError for an index out of range.

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
    quantization_config: quantized.Config = None

    _left_out = QuantizedMixin._left_out | {"weights"}

    def setup(self) -> None:
        """Take the weights as an initializer."""
        self.start = vars(self).pop("weights", None)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the rows."""
        return self.looked_up(inputs)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> Tensor | None:
        """Return where the inputs are not 0, if ``mask_zero``."""
        return Binary("not_equal")(inputs, 0) if self.mask_zero else None
