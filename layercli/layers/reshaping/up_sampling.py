"""UpSampling1D, UpSampling2D and UpSampling3D."""

from __future__ import annotations

from typing import Any

from layercli.core.input_spec import InputSpec
from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.layers.validators import DataFormat, PositiveInt, per_axis
from layercli.ops.core.axes import check_rank
from layercli.ops.image.resize import Upsample, check_interpolation
from layercli.ops.numpy.rearrangement import RepeatElements


class UpSampling1D(Layer):
    """Repeat each step: x (batch, steps, channels) to (batch, steps * size, channels).

    Args:
        size: The number of repetitions.
    """

    size: PositiveInt = 2

    def setup(self) -> None:
        """Make the op of the setting."""
        self.op = RepeatElements(self.size, 1)

    def _expected_input(self, shape: Shape | None) -> InputSpec:
        return InputSpec(ndim=3)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs."""
        check_rank(inputs, 3)
        return self.op(inputs)


class UpSampling2D(Layer):
    """Enlarge images: x (batch, height, width, channels) to (batch, height * size[0], width * size[1], channels).

    Args:
        size: The factor: an integer, or one for the height and one for the width.
        interpolation: "nearest", "bilinear" or "bicubic" (torch has no lanczos3 and lanczos5).
    """

    size: Any = 2
    data_format: DataFormat = None
    interpolation: Any = "nearest"

    def setup(self) -> None:
        """Make the op of the settings."""
        self.size = per_axis(self.size, 2, "size", "UpSampling2D")
        self.interpolation = check_interpolation(self.interpolation, "UpSampling2D")
        self.op = Upsample(self.size, self.interpolation, self.data_format == "channels_first")

    def _expected_input(self, shape: Shape | None) -> InputSpec:
        return InputSpec(ndim=4)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs."""
        return self.op(inputs)


class UpSampling3D(Layer):
    """Repeat each voxel along each axis: x (batch, depth, height, width, channels), every size times its factor.

    Args:
        size: The factor: an integer, or one for each spatial axis.
    """

    size: Any = 2
    data_format: DataFormat = None

    def setup(self) -> None:
        """Make one op per spatial axis."""
        self.size = per_axis(self.size, 3, "size", "UpSampling3D")
        first = 2 if self.data_format == "channels_first" else 1
        self.repeats = [RepeatElements(times, axis) for axis, times in enumerate(self.size, start=first) if times > 1]

    def _expected_input(self, shape: Shape | None) -> InputSpec:
        return InputSpec(ndim=5)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs."""
        check_rank(inputs, 5)
        for repeat in self.repeats:
            inputs = repeat(inputs)
        return inputs
