"""SpatialDropout1D, SpatialDropout2D and SpatialDropout3D."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layercli.core.input_spec import InputSpec
from layercli.core.operation import spec_of
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.errors import ShapeError
from layercli.layers.regularization.base_dropout import BaseNoise
from layercli.layers.validators import DataFormat, Seed, UnitInterval
from layercli.ops.random import dropout


class SpatialDropout(BaseNoise):
    """Dropout of whole channels: one decision for each sample and channel."""

    axes = 1

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.rate: float

    def setup(self) -> None:
        """Make the op, none for a rate of 0."""
        spatial = (1,) * self.axes
        first = getattr(self, "data_format", None) == "channels_first"
        shape = (None, None, *spatial) if first else (None, *spatial, None)
        self.op = dropout.ApplyDropout(self.rate, shape, self.seed) if self.rate else None

    def _expected_input(self, shape: Shape | None) -> InputSpec:
        return InputSpec(ndim=self.axes + 2)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Return the inputs, in training without the channels dropped; ShapeError for another rank."""
        if len(inputs.shape) != self.axes + 2:
            raise ShapeError(f"expects x with {self.axes + 2} axes, got {len(inputs.shape)} (x = {spec_of(inputs)})")
        return super().call(inputs, training)


class SpatialDropout1D(SpatialDropout):
    """Dropout of whole channels of x (batch, steps, channels)."""

    rate: UnitInterval
    seed: Seed = None

    _positional = ("rate", "seed", "name", "dtype")


class SpatialDropout2D(SpatialDropout):
    """Dropout of whole channels of x (batch, height, width, channels), or channels first."""

    rate: UnitInterval
    data_format: DataFormat = None
    seed: Seed = None

    _positional = ("rate", "data_format", "seed", "name", "dtype")

    axes = 2


class SpatialDropout3D(SpatialDropout2D):
    """Dropout of whole channels of x (batch, depth, height, width, channels), or channels first."""

    axes = 3
