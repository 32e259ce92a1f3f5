"""Concatenate."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from layercli import ops
from layercli.core.types import Tensor
from layercli.layers.merging.base_merge import Merge
from layercli.layers.validators import NonNegativeInt
from layercli.ops.numpy.elementwise import Binary
from layercli.ops.numpy.joining import ConcatenateTensors as Join


class Concatenate(Merge):
    """out = the inputs joined along ``axis``; all other sizes must be equal.

    Args:
        axis: The axis to join along, the batch being axis 0.
    """

    axis: NonNegativeInt = -1

    def setup(self) -> None:
        """Make the op of the setting."""
        self.op = Join(self.axis)

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the outputs."""
        return self.op(*self.checked(inputs))

    def compute_mask(self, inputs: Sequence[Tensor], previous_mask: Tensor) -> Any:
        """Return the masks one after the other along the steps; along another axis a step counts where it does in one input.

        An input without a mask has every step.
        """
        masks = previous_mask or ()
        if all(mask is None for mask in masks):
            return None
        known = next(mask for mask in masks if mask is not None)
        steps = len(known.shape)
        full = [mask if mask is not None else _all_steps(x, steps) for x, mask in zip(inputs, masks, strict=True)]
        axis = self.axis % len(inputs[0].shape)
        return Join(axis)(*full) if axis < steps else reduce(Binary("logical_or"), full)


def _all_steps(x: Any, steps: int) -> Tensor:
    """Return a mask of x's first axes, as many as ``steps``, in which every step counts."""
    return ops.ones_like(x[(..., *(0,) * (len(x.shape) - steps))], "bool")
