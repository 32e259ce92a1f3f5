"""ActivityRegularization."""

from __future__ import annotations

from layercli.core.layer import Layer
from layercli.core.types import Config, Tensor
from layercli.layers.validators import Number
from layercli.regularizers import L1L2


class ActivityRegularization(Layer):
    """out = x; adds (l1 * sum(|x|) + l2 * sum(x^2)) / batch size to the loss.

    Args:
        l1: The factor of the sum of absolute values.
        l2: The factor of the sum of squares.
    """

    l1: Number = 0.0
    l2: Number = 0.0

    supports_masking = True

    def setup(self) -> None:
        """Make the penalty."""
        self._activity_regularizer = L1L2(self.l1, self.l2)

    def get_config(self) -> Config:
        """Return the arguments: ``l1`` and ``l2`` are the penalty."""
        return {key: value for key, value in super().get_config().items() if key != "activity_regularizer"}

    def call(self, inputs: Tensor) -> Tensor:
        """Return the inputs."""
        return inputs
