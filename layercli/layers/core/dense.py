"""Dense."""

from __future__ import annotations

from typing import Any

from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.layers.core.lora import LoraMixin
from layercli.layers.validators import (
    Activation,
    Bool,
    Constraint,
    Initializer,
    PositiveInt,
    Regularizer,
    raise_unsupported,
)
from layercli.ops.nn.activation_functions import apply_inplace
from layercli.ops.numpy import linear


class Dense(LoraMixin):
    """out = activation(x @ kernel + bias).

    x (..., features) to (..., units).
    """

    units: PositiveInt
    activation: Activation = None
    use_bias: Bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer = None
    bias_regularizer: Regularizer = None
    activity_regularizer: Regularizer = None
    kernel_constraint: Constraint = None
    bias_constraint: Constraint = None
    lora_rank: Any = None
    lora_alpha: Any = None
    quantization_config: Any = None

    supports_masking = True
    op = linear.Linear()

    def setup(self) -> None:
        """Refuse what is not there."""
        raise_unsupported(self, ("quantization_config",), "computes in the dtype of its policy")

    def build(self, input_shape: Shape) -> None:
        """Make kernel (features, units), stored as torch's linear wants it, and bias (units,)."""
        self.kernel = self.add_weight(
            "kernel",
            (input_shape[-1], self.units),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            layout=(1, 0),
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                "bias",
                (self.units,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.maybe_enable_lora()

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs."""
        kernel = self.kernel if self._lora is None else self.lora_value()
        x = self.op(inputs, kernel, self.bias)
        return x if self.activation is None else apply_inplace(self.activation, x)
