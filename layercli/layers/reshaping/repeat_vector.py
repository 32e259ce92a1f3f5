"""RepeatVector."""

from __future__ import annotations

from layercli.core.input_spec import InputSpec
from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.layers.validators import PositiveInt
from layercli.ops.core.axes import check_rank
from layercli.ops.numpy import reshaping
from layercli.ops.numpy.rearrangement import RepeatElements


class RepeatVector(Layer):
    """out[b, t] = x[b] for t < n: x (batch, features) to (batch, n, features).

    Args:
        n: The number of repetitions.
    """

    n: PositiveInt

    def setup(self) -> None:
        """Make the op of the number."""
        self.op = RepeatElements(self.n, 1)

    def _expected_input(self, shape: Shape | None) -> InputSpec:
        return InputSpec(ndim=2)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs."""
        check_rank(inputs, 2)
        return self.op(reshaping.ExpandDims(1)(inputs))
