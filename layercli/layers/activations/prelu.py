"""PReLU."""

from __future__ import annotations

from typing import Any

from layercli.core.input_spec import InputSpec
from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.layers.validators import Constraint, Initializer, Regularizer
from layercli.ops.nn import activations as ops


class PReLU(Layer):
    """out = x where x > 0, else alpha * x, with a trainable alpha for each value of a sample.

    Reference: He et al. 2015, arXiv:1502.01852.

    Args:
        alpha_initializer: The initializer of alpha.
        alpha_regularizer: The regularizer of alpha.
        alpha_constraint: The constraint of alpha.
        shared_axes: The axes along which alpha is the same, the batch being axis 0; None for no such axis.
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
        sizes = list(input_shape[1:])
        for axis in self.shared_axes or ():
            sizes[axis - 1] = 1
        self.alpha = self.add_weight(
            "alpha", sizes, self.alpha_initializer, regularizer=self.alpha_regularizer, constraint=self.alpha_constraint
        )

    def _expected_input(self, shape: Shape | None) -> InputSpec | None:
        if shape is None:
            return None
        free = set(range(1, len(shape))) - {*self.shared_axes} if self.shared_axes else ()
        return InputSpec(ndim=len(shape), axes={axis: shape[axis] for axis in free})

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs, of the shape of the inputs."""
        return self.op(inputs, self.alpha)
