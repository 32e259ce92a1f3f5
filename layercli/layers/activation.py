"""Activation functions as layers."""

from __future__ import annotations

from typing import Any

from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.errors import UsageError
from layercli.layers import settings
from layercli.layers.settings import Axes, Constraint, Initializer, Number, Regularizer
from layercli.ops.nn import activations as ops
from layercli.ops.nn.activation_functions import elu, leaky_relu


class Activation(Layer):
    """out = activation(x): any function, or the name of one."""

    activation: settings.Activation

    supports_masking = True

    def call(self, inputs: Any) -> Any:
        """Return the outputs, of the shape of the inputs."""
        return inputs if self.activation is None else self.activation(inputs)


class ReLU(Layer):
    """out = x where x >= threshold, else negative_slope * (x - threshold); never above ``max_value``.

    UsageError where ``max_value``, ``negative_slope`` or ``threshold`` is negative.
    """

    max_value: Any = None
    negative_slope: Number = 0.0
    threshold: Number = 0.0

    supports_masking = True

    def setup(self) -> None:
        """Make the op."""
        for name in ("max_value", "negative_slope", "threshold"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise UsageError(f"ReLU expects {name} to be at least 0, got {value!r}")
        self.op = ops.Relu(self.negative_slope, self.max_value, self.threshold)

    def call(self, inputs: Any) -> Any:
        """Return the outputs, of the shape of the inputs."""
        return self.op(inputs)


class LeakyReLU(Layer):
    """out = x where x > 0, else negative_slope * x."""

    negative_slope: Number = 0.3

    supports_masking = True

    def call(self, inputs: Any) -> Any:
        """Return the outputs, of the shape of the inputs."""
        return leaky_relu(inputs, self.negative_slope)


class ELU(Layer):
    """out = x where x > 0, else alpha * (exp(x) - 1)."""

    alpha: Number = 1.0

    supports_masking = True

    def call(self, inputs: Any) -> Any:
        """Return the outputs, of the shape of the inputs."""
        return elu(inputs, self.alpha)


class PReLU(Layer):
    """out = x where x > 0, else alpha * x; alpha is trained, one value per place after the batch.

    ``shared_axes``, counted with the batch as 0, have one value for the whole axis.
    """

    alpha_initializer: Initializer = "Zeros"
    alpha_regularizer: Regularizer = None
    alpha_constraint: Constraint = None
    shared_axes: Any = None

    supports_masking = True
    op = ops.PRelu()

    def setup(self) -> None:
        """Make ``shared_axes`` a list."""
        if isinstance(self.shared_axes, int):
            self.shared_axes = [self.shared_axes]

    def build(self, input_shape: Shape) -> None:
        """Make alpha, of the input's shape after the batch, with 1 for a shared axis."""
        _, *sizes = input_shape
        for axis in self.shared_axes or ():
            sizes[axis - 1] = 1
        self.alpha = self.add_weight(
            "alpha", sizes, self.alpha_initializer, regularizer=self.alpha_regularizer, constraint=self.alpha_constraint
        )

    def call(self, inputs: Any) -> Any:
        """Return the outputs, of the shape of the inputs."""
        return self.op(inputs, self.alpha)


class Softmax(Layer):
    """out = exp(x) / sum(exp(x)) along ``axis``, one or several; ``mask`` is true for the values that take part."""

    axis: Axes = (-1,)

    supports_masking = True

    def setup(self) -> None:
        """Make the op."""
        self.op = ops.Softmax(self.axis)

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Return the outputs, of the shape of the inputs."""
        return self.op(inputs, mask)
