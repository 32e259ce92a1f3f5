"""Products in float8: scales that follow the largest magnitudes of the last steps."""

from __future__ import annotations

from functools import cache
from typing import Any

from layercli.core import dtypes
from layercli.core.dims import Size
from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.lazy import torch
from layercli.ops.core.conversion import convert_to_tensor
from layercli.ops.numpy.einsum import Einsum

FORWARD, BACKWARD = "float8_e4m3fn", "float8_e5m2"
"""The dtypes of what is multiplied and of gradients."""


def compute_float8_scale(amax: object, scale: Tensor, dtype_max: object, margin: int = 0) -> Tensor:
    """Return the new scale, amax * 2**margin / dtype_max; the old one where ``amax`` is 0 or not finite.

    The delayed scaling of NVIDIA's Transformer Engine, whose scale is the reciprocal of this one.
    """
    amax, scale, most = (convert_to_tensor(x) for x in (amax, scale, dtype_max))
    known = (amax > 0) & torch.isfinite(amax)
    return torch.reciprocal(torch.where(known, most / amax / 2**margin, torch.reciprocal(scale)))


def compute_float8_amax_history(x: Tensor, amax_history: object) -> Tensor:
    """Return the history moved on by one step, max |x| in its first place."""
    x, history = convert_to_tensor(x), convert_to_tensor(amax_history)
    moved = history.roll(-1)
    return torch.cat([x.abs().max().to(history.dtype).reshape(1), moved[1:]])


def quantize_and_dequantize(inputs: Tensor, scale: Tensor, quantized_dtype: str, compute_dtype: str) -> Tensor:
    """Return inputs as ``quantized_dtype`` holds inputs / scale, within its range, times the scale, in ``compute_dtype``."""
    compute = getattr(torch, dtypes.name_of(compute_dtype))
    by = convert_to_tensor(scale).to(compute)
    most = torch.tensor(dtypes.finfo_range(quantized_dtype)[1], dtype=compute, device=by.device)
    x = (convert_to_tensor(inputs) / by).clamp(-most, most)
    return x.to(getattr(torch, quantized_dtype)).to(compute) * by


@dataclass(frozen=True)
class Float8Einsum(Op):
    """out = einsum(x, kernel), both as float8 holds them; the gradient of out is rounded to float8 likewise.

    After x and kernel come a scale and a history of largest magnitudes for x, for kernel and for the gradient of out. What they
    become in the next step is what the backward pass leaves as their gradients, as in Keras.
    """

    equation: str

    def spec(self, x: Spec, kernel: Spec, *scales: Spec) -> Spec:
        """Return the shape by the letters; ShapeError where they do not fit the shapes."""
        return Einsum(self.equation).spec(x, kernel)

    def macs(self, x: Spec, kernel: Spec, *scales: Spec) -> Size:
        """Return those of the einsum."""
        return Einsum(self.equation).macs(x, kernel)

    def run(self, x: Tensor, kernel: Tensor, *scales: Tensor) -> Any:
        """Return torch's einsum."""
        rounded, keeping = _functions()
        of_x, of_kernel, of_out = zip(scales[::2], scales[1::2], strict=True)
        return keeping.apply(
            torch.einsum(self.equation, rounded.apply(x, *of_x), rounded.apply(kernel, *of_kernel)), *of_out
        )


def _next(amax: Tensor, scale: Tensor, history: Tensor, dtype: str) -> tuple[Tensor, Tensor]:
    """Return the scale and the history of the next step."""
    most = torch.tensor(dtypes.finfo_range(dtype)[1], dtype=torch.float32, device=scale.device)
    return compute_float8_scale(history.max(), scale, most), compute_float8_amax_history(amax, history)


@cache
def _functions() -> tuple[Any, Any]:
    """Return torch's functions that round a tensor, and that round the gradient of one."""

    class Rounded(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, scale: Tensor, history: Any) -> Any:
            ctx.save_for_backward(x.abs().amax(), scale, history)
            return quantize_and_dequantize(x, scale, FORWARD, dtypes.name_of(x.dtype))

        @staticmethod
        def backward(ctx: Any, *upstream: object) -> Any:
            amax, scale, history = ctx.saved_tensors
            return (*upstream, *_next(amax, scale, history, FORWARD))

    class RoundedGradient(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, scale: Tensor, history: Any) -> Any:
            ctx.save_for_backward(scale, history)
            return x.view_as(x)

        @staticmethod
        def backward(ctx: Any, *upstream: Any) -> Any:
            ([gradient], (scale, history)) = upstream, ctx.saved_tensors
            rounded = quantize_and_dequantize(gradient, scale, BACKWARD, dtypes.name_of(gradient.dtype))
            return (rounded, *_next(gradient, scale, history, BACKWARD))

    return Rounded, RoundedGradient
