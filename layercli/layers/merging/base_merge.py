"""What the layers that merge a list of inputs share."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from layercli.core import masking
from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.errors import ShapeError
from layercli.ops.numpy.elementwise import Binary, Where
from layercli.ops.numpy.reshaping import ExpandDims


class Merge(Layer):
    """A layer called on a list of inputs. A step of the output is masked if it is masked in all of them."""

    supports_masking = True
    takes_two = False

    def checked(self, inputs: Any) -> Sequence[Any]:
        """Return the inputs; ShapeError where they are no list, or too few or too many."""
        listed = isinstance(inputs, (list, tuple))
        if not listed or not inputs or (self.takes_two and len(inputs) != 2):
            wanted = "2 inputs" if self.takes_two else "at least 1 input"
            raise ShapeError(f"expects a list of {wanted}, got {len(inputs) if listed else 'one tensor'}")
        return inputs  # type: ignore[no-any-return]  # a list or a tuple, as was just seen

    def compute_mask(self, inputs: Sequence[Tensor], previous_mask: Tensor) -> Any:
        """Return where any of the masks holds, or None where an input has none: every step counts there."""
        masks = previous_mask or (None,)
        return None if any(mask is None for mask in masks) else reduce(Binary("logical_or"), masks)


class ReduceMerge(Merge):
    """out = function(... function(function(x, y), z) ...), value by value; shapes broadcast.

    An input with fewer axes gets axes of size 1 after the batch: (batch, features) broadcasts with (batch, steps, features).
    """

    function = "add"

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the outputs."""
        return reduce(Binary(self.function), aligned(self.checked(inputs)))


class MaskedMerge(ReduceMerge):
    """A ReduceMerge that leaves out the masked steps of each input, unless a step is masked in all of them."""

    def call(self, inputs: Any) -> Tensor:
        """Return the outputs."""
        masks = [masking.mask_of(x) for x in self.checked(inputs)]
        if all(mask is None for mask in masks):
            return super().call(inputs)
        rank = max(len(x.shape) for x in inputs)
        kept = [  # an input that gets axes loses its mask, as in Keras
            None if mask is None or len(x.shape) < rank else ExpandDims(-1)(mask)
            for x, mask in zip(inputs, masks, strict=True)
        ]
        out: Tensor = self.merged(list(zip(aligned(inputs), kept, strict=True)))
        return out

    def merged(self, pairs: list[tuple[Any, Any]]) -> Any:
        """Return the outputs for pairs of an input and its mask, which broadcasts with it and may be None."""
        (out, out_mask), *rest = pairs
        for x, mask in rest:
            x = x if mask is None else Where()(mask, x, out)
            out = out if out_mask is None else Where()(out_mask, out, x)
            out_mask = None if mask is None or out_mask is None else Binary("logical_or")(out_mask, mask)
            out = Binary(self.function)(out, x)
        return out


def aligned(inputs: Sequence[Any]) -> list[Tensor]:
    """Return the inputs with as many axes as the one with most, those of size 1 put in after the batch."""
    rank = max(len(x.shape) for x in inputs)
    return [reduce(lambda x, _: ExpandDims(1)(x), range(rank - len(x.shape)), x) for x in inputs]
