"""Global pooling: over all spatial positions."""

from __future__ import annotations

from layercli import ops
from layercli.core.input_spec import InputSpec
from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.layers.validators import Bool, DataFormat
from layercli.ops.core.axes import check_rank
from layercli.ops.numpy.reductions import Reduction


class GlobalPooling(Layer):
    """out[n, c] = the maximum or the mean of x[n, ..., c]."""

    data_format: DataFormat = None
    keepdims: Bool = False

    axes = 2
    function = "max"

    def setup(self) -> None:
        """Find the spatial axes, and make the op that reduces them."""
        first = 2 if self.data_format == "channels_first" else 1
        self.spatial = tuple(range(first, first + self.axes))
        self.op = Reduction(self.function, self.spatial, self.keepdims)

    def _expected_input(self, shape: Shape | None) -> InputSpec:
        return InputSpec(ndim=self.axes + 2)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs."""
        check_rank(inputs, self.axes + 2)
        return self.op(inputs)


class GlobalMaxPooling1D(GlobalPooling):
    """The maximum over all steps: x (batch, steps, channels) to (batch, channels)."""

    axes = 1


class GlobalMaxPooling2D(GlobalPooling):
    """The maximum over all pixels: x (batch, height, width, channels) to (batch, channels)."""


class GlobalMaxPooling3D(GlobalPooling):
    """The maximum over all voxels: x (batch, depth, height, width, channels) to (batch, channels)."""

    axes = 3


class GlobalAveragePooling1D(GlobalPooling):
    """The mean over the steps that are not masked: x (batch, steps, channels) to (batch, channels)."""

    axes = 1
    function = "mean"

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the outputs; ``mask`` is (batch, steps)."""
        if mask is None:
            return super().call(inputs)
        check_rank(inputs, 3)
        [steps] = self.spatial
        kept = ops.expand_dims(ops.cast(mask, self.compute_dtype), 3 - steps)
        add = Reduction("sum", self.spatial, self.keepdims)
        return add(inputs * kept) / add(kept)


class GlobalAveragePooling2D(GlobalPooling):
    """The mean over all pixels: x (batch, height, width, channels) to (batch, channels)."""

    function = "mean"


class GlobalAveragePooling3D(GlobalPooling):
    """The mean over all voxels: x (batch, depth, height, width, channels) to (batch, channels)."""

    axes = 3
    function = "mean"
