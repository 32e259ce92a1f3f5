"""ReversibleEmbedding."""

from __future__ import annotations

from typing import Annotated, Any

from layercli import ops
from layercli.core import dtypes
from layercli.core.fields import Validator
from layercli.core.operation import spec_of
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.layers.core import quantized
from layercli.layers.core.embedding import BaseEmbedding
from layercli.layers.core.weight_form import WeightForm
from layercli.layers.validators import Bool, Constraint, Initializer, PositiveInt, Regularizer
from layercli.ops.nn.quantized import RoundTrip
from layercli.ops.numpy.elementwise import Binary

SoftCap = Annotated[Any, Validator("a number or None", lambda value: None if value is None else float(value))]


class ReversibleEmbedding(BaseEmbedding):
    """out[..., :] = embeddings[x[...], :]; called with ``reverse=True``, out = x @ embeddings.T, the logits of each index.

    Args:
        tie_weights: Whether the reverse product uses the same table; else a table reverse_embeddings (output_dim, input_dim).
        reverse_dtype: The dtype of the reverse product; None for the compute dtype.
        logit_soft_cap: A number c that limits the logits: c * tanh(out / c); None for no limit.
    """

    input_dim: PositiveInt
    output_dim: PositiveInt
    tie_weights: Bool = True
    embeddings_initializer: Initializer = "uniform"
    embeddings_regularizer: Regularizer = None
    embeddings_constraint: Constraint = None
    mask_zero: Bool = False
    reverse_dtype: Any = None
    logit_soft_cap: SoftCap = None
    lora_rank: Any = None
    lora_alpha: Any = None
    quantization_config: quantized.Config = None

    def build(self, input_shape: Shape | None = None) -> None:
        """Make embeddings (input_dim, output_dim), and reverse_embeddings unless they are the same."""
        super().build(input_shape)
        if not self.tie_weights and not self.is_quantized:
            shape = (self.output_dim, self.input_dim)
            self.reverse_embeddings = self.add_weight("reverse_embeddings", shape, self.embeddings_initializer)

    def call(self, inputs: Tensor, reverse: bool = False) -> Tensor:
        """Return the rows, or with ``reverse`` the products with all of them."""
        if not reverse:
            return self.looked_up(inputs)
        if self.is_quantized:
            return self._capped(self._quantized(inputs))
        kernel = ops.transpose(self.rows()) if self.tie_weights else self.reverse_embeddings
        if self.reverse_dtype is not None:
            inputs, kernel = ops.cast(inputs, self.reverse_dtype), ops.cast(kernel, self.reverse_dtype)
        return self._capped(ops.matmul(inputs, kernel))

    def _capped(self, logits: Tensor) -> Tensor:
        cap = self.logit_soft_cap
        return logits if cap is None else ops.tanh(logits / cap) * cap

    def weight_forms(self) -> tuple[WeightForm, ...]:
        """Return the forms of the tables: one scale for each index."""
        forms, sizes = super().weight_forms(), (self.output_dim, self.input_dim)
        if self.tie_weights:
            return forms
        zero = None  # as in Keras, the zero points of this table are floats
        return (*forms, WeightForm("reverse_embeddings", sizes, (0,), sizes, packed=0, zero=zero))

    def _quantized(self, inputs: Tensor) -> Tensor:
        """Return the products with all rows, by integers."""
        form, quantizer = self.weight_forms()[-1], self._inputs_quantizer(True)
        if quantizer is not None and self._block is not None:
            inputs, quantizer = RoundTrip((-1,), quantizer.value_range, quantizer.epsilon)(inputs), None
        out: Tensor = self.product(inputs, "...a,ba->...b" if self.tie_weights else "...a,ab->...b", form, quantizer)
        return out

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> Any:
        """Return where integers are not 0, if ``mask_zero``; vectors have none."""
        numbers = not dtypes.is_floating(spec_of(inputs).dtype)
        return Binary("not_equal")(inputs, 0) if self.mask_zero and numbers else None
