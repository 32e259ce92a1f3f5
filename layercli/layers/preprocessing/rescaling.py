"""Rescaling."""

from __future__ import annotations

from typing import Any

from layercli import ops
from layercli.core import dtypes
from layercli.core.fields import Validator
from layercli.core.fields import checked as checked_setting
from layercli.core.layer import Layer
from layercli.core.operation import spec_of
from layercli.core.types import Tensor
from layercli.ops.image.rescale import Rescale


class Rescaling(Layer):
    """out = x * scale + offset, in floats.

    Args:
        scale: A number, or one for each channel.
        offset: A number, or one for each channel.
    """

    scale: Any
    offset: Any = 0.0

    supports_masking = True

    def setup(self) -> None:
        """Make the settings numbers, and the op of them."""
        for name in ("scale", "offset"):
            setattr(self, name, checked_setting("Rescaling", name, getattr(self, name), CONSTANT))
        self.op = Rescale(self.scale, self.offset)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs."""
        whole = not dtypes.is_floating(spec_of(inputs).dtype)
        return self.op(ops.cast(inputs, self.compute_dtype) if whole else inputs)


def _constant(value: Any) -> float | tuple[float, ...]:
    values = value.tolist() if hasattr(value, "tolist") else value
    return tuple(map(float, values)) if isinstance(values, (list, tuple)) else float(values)


CONSTANT = Validator("a number or one per channel", _constant)
