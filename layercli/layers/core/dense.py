"""Dense."""

from __future__ import annotations

from typing import Any

from layercli import ops
from layercli.core.input_spec import InputSpec
from layercli.core.operation import spec_of
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.errors import ShapeError
from layercli.layers.core import quantized
from layercli.layers.core.quantized import QuantizedMixin
from layercli.layers.core.weight_form import WeightForm
from layercli.layers.validators import (
    Activation,
    Bool,
    Constraint,
    Initializer,
    PositiveInt,
    Regularizer,
)
from layercli.ops.nn.activation_functions import apply_inplace
from layercli.ops.numpy import linear


class Dense(QuantizedMixin):
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
    quantization_config: quantized.Config = None

    _left_out = QuantizedMixin._left_out | {"activity_regularizer"}
    supports_masking = True
    op = linear.Linear()
    multiplies = True
    stored_order = (
        "kernel",
        "bias",
        *quantized.FLOAT8[:2],
        "kernel_scale",
        *quantized.FLOAT8[3:],
        "kernel_zero",
        "awq_scales",
        "g_idx",
    )

    def weight_forms(self) -> tuple[WeightForm, ...]:
        """Return the form of the kernel: one scale for each unit."""
        return (WeightForm("kernel", self._sizes, (0,), self._sizes),)

    def build(self, input_shape: Shape) -> None:
        """Make kernel (features, units) and bias (units,)."""
        self._sizes: Any = (input_shape[-1], self.units)
        mode = self.quantization_mode
        if mode not in (None, "float8"):
            self.quantized_build(self._sizes, mode, self.quantization_config)
        else:
            self.kernel = self.add_weight(
                "kernel",
                self._sizes,
                self.kernel_initializer,
                regularizer=self.kernel_regularizer,
                constraint=self.kernel_constraint,
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
        if mode == "float8":
            self.quantized_build(self._sizes, mode)
        self.maybe_enable_lora()

    def _expected_input(self, shape: Shape | None) -> InputSpec:
        return InputSpec(min_ndim=2, axes={-1: shape[-1]} if shape else None)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs. Raises ShapeError for inputs with less than 2 axes."""
        if inputs.ndim < 2:
            raise ShapeError(f"expects x with at least 2 axes, got {inputs.ndim} (x = {spec_of(inputs)})")
        if self.is_quantized:
            x = self._quantized(inputs)
        else:
            kernel = self.kernel if self._lora is None else self.lora_value()
            x = self.op(inputs, kernel, self.bias)
        return x if self.activation is None else apply_inplace(self.activation, x)

    def _quantized(self, inputs: Tensor) -> Any:
        """Return the outputs before the activation, by the integers of the kernel or in float8."""
        if self.quantization_mode == "float8":
            return self.float8_product(inputs, "...a,ab->...b", self.bias)
        x = self.product(
            inputs, "...a,ab->...b", self.stored_forms()[0], self._inputs_quantizer(self.quantization_mode == "int8")
        )
        x = self.with_lora(x, inputs, ops.matmul)
        return x if self.bias is None else x + self.bias
