"""TimeDistributed."""

from __future__ import annotations

from layercli.core import dims
from layercli.core.spec import Shape, show_shape
from layercli.core.types import Tensor
from layercli.errors import ShapeError
from layercli.layers.core.wrapper import Wrapper
from layercli.ops.nn.time_folding import MergeTimeIntoBatch, SplitTimeFromBatch


class TimeDistributed(Wrapper):
    """out[b, t] = layer(x[b, t]): x (batch, steps, ...), with the steps folded into the batch.

    A layer that mixes samples, such as BatchNormalization in training, sees the steps of all samples together. Raises ShapeError
    if x has no steps, or the mask has another number of steps.
    """

    supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Build the layer for one step."""
        if len(input_shape) < 3:
            raise ShapeError(f"expects x with at least 3 axes (batch, steps, ...), got {len(input_shape)}")
        batch, _, *rest = input_shape
        super().build((batch, *rest))

    def call(self, inputs: Tensor, mask: Tensor | None = None, training: bool | None = None) -> Tensor:
        """Return (batch, steps, ...)."""
        names = self.layer.call_names()
        options: dict[str, object] = {}
        if "training" in names:
            options["training"] = training
        if mask is not None:
            if len(mask.shape) < 2 or not all(map(dims.may_equal, mask.shape[:2], inputs.shape[:2])):
                wanted, got = show_shape(tuple(inputs.shape[:2])), show_shape(tuple(mask.shape))
                raise ShapeError(f"expects a mask that begins with {wanted}, got {got}")
            if "mask" in names:
                options["mask"] = MergeTimeIntoBatch()(mask)
        return SplitTimeFromBatch()(self.layer(MergeTimeIntoBatch()(inputs), **options), inputs)
