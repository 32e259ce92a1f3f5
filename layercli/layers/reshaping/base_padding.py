"""What padding and cropping share."""

from __future__ import annotations

from layercli.core.input_spec import InputSpec
from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.layers.validators import PAIR, per_axis
from layercli.ops.numpy.padding import Crop, Pad


class BasePadding(Layer):
    """A layer whose argument is a pair of integers (before, after) for each spatial axis."""

    axes = 2

    def border(self, op: type[Pad] | type[Crop], name: str, data_format: object = None) -> None:
        """Make the setting called ``name`` one pair per spatial axis, and the op of a pair for every axis of x."""
        spatial = per_axis(getattr(self, name), self.axes, name, type(self).__name__, PAIR)
        setattr(self, name, spatial if self.axes > 1 else spatial[0])
        none = (0, 0)
        self.op = op((none, none, *spatial) if data_format == "channels_first" else (none, *spatial, none))

    def _expected_input(self, shape: Shape | None) -> InputSpec:
        return InputSpec(ndim=self.axes + 2)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs."""
        return self.op(inputs)
