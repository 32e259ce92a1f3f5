"""What the layers that are random in training share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli.core.layer import Layer
from layercli.core.operation import Op
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.errors import UsageError


class BaseRandomLayer(Layer):
    """A layer that draws random numbers in training. An integer ``seed`` gives it a random stream of its own."""

    stateless = True

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.op: Op | None
            self.seed: int | None

    def build(self, input_shape: Shape) -> None:
        """Make the count of draws, where the layer has a stream of its own."""
        self.draws = None
        if self.seed is not None and self.op is not None:
            self.draws = self.add_weight("draws", (), "zeros", dtype="int64", trainable=False, persistent=False)

    def drawn(self, inputs: Tensor) -> Tensor:
        """Return what the random op gives, and count the draw."""
        assert self.op is not None
        if self.draws is None:
            return self.op(inputs)
        out = self.op(inputs, self.draws)
        self.draws.assign(self.draws + 1)
        return out


class BaseNoise(BaseRandomLayer):
    """A layer that applies a random ``op`` in training."""

    supports_masking = True

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Return the inputs, in training with noise."""
        return self.drawn(inputs) if training and self.op is not None else inputs


def _sizes(noise_shape: Any) -> Any:
    return None if noise_shape is None else tuple(noise_shape)


def _check_below_one(layer: Any) -> None:
    if layer.rate == 1:
        raise UsageError(f"{type(layer).__name__} expects rate to be below 1, got {layer.rate}")
