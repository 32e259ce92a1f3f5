"""Quantization to integers by the largest magnitude: q = round(x * scale), scale = largest integer / max |x|."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from layercli.core.backend import get_backend
from layercli.core.registry import DataclassConfig
from layercli.core.types import Tensor
from layercli.errors import UsageError
from layercli.lazy import torch
from layercli.ops.core.conversion import convert_to_tensor
from layercli.ops.nn.quantized import rounded

Axes = int | Sequence[int] | None


class Quantizer(DataclassConfig):
    """The base class of quantizers: override ``__call__``, which returns the integers and their scale.

    Args:
        output_dtype: The dtype of the integers.
    """

    keras_module: ClassVar[str] = "keras.quantizers"

    def __init__(self, output_dtype: str = "int8") -> None:
        self.output_dtype = output_dtype

    def __call__(self, x: Any) -> Any:
        """Return ``x``."""
        return x


def abs_max_quantize(
    inputs: Tensor,
    axis: Axes,
    value_range: Sequence[int] = (-127, 127),
    dtype: str = "int8",
    epsilon: float = 1e-07,
    to_numpy: bool = False,
) -> tuple[Tensor, Tensor]:
    """Return the integers round(inputs * scale), within ``value_range``, and scale = value_range[1] / (max |inputs| + epsilon).

    The maximum is taken along ``axis``, which is kept with size 1 in the scale; None is all axes. ``to_numpy`` computes on the CPU.
    """
    x = convert_to_tensor(inputs)
    source = x
    if to_numpy:  # halves, which NumPy lacks, are computed in float32
        x = torch.from_numpy(get_backend().to_numpy(x))
    axes = list(range(x.ndim)) if axis is None else [axis] if isinstance(axis, int) else list(axis)
    integers, scale = rounded(x, axes, value_range, epsilon, dtype)
    return integers.to(source.device), scale.to(source.device, source.dtype)


class AbsMaxQuantizer(Quantizer):
    """``abs_max_quantize`` with settings.

    Args:
        axis: The axis, or axes, along which the maximum is taken, where a call does not say; -1 without it.
        value_range: The least and the greatest integer.
        epsilon: What is added to the maximum before the division.
        output_dtype: The dtype of the integers. UsageError where it is int8 and ``value_range`` is beyond it.
    """

    def __init__(
        self,
        axis: Axes = None,
        value_range: Sequence[int] = (-127, 127),
        epsilon: float = 1e-07,
        output_dtype: str = "int8",
    ) -> None:
        super().__init__(output_dtype)
        self.axis = None if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.value_range, self.epsilon = tuple(value_range), epsilon
        if output_dtype == "int8" and not -128 <= value_range[0] <= value_range[1] <= 127:
            raise UsageError(f"AbsMaxQuantizer expects value_range to be within int8, got {value_range!r}")

    def __call__(self, x: Any, axis: Axes = None, to_numpy: bool = False) -> tuple[Tensor, Tensor]:
        """Return the integers and their scale."""
        axis = self.axis if axis is None else axis
        return abs_max_quantize(
            x, -1 if axis is None else axis, self.value_range, self.output_dtype, self.epsilon, to_numpy
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor, without an axis that is None."""
        config = {"value_range": self.value_range, "epsilon": self.epsilon, "output_dtype": self.output_dtype}
        return config if self.axis is None else config | {"axis": self.axis}
