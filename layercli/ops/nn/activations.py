"""Activation functions: elementwise ones, and softmax, sparsemax and GLU along an axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layercli.core import dims, dtypes
from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.lazy import F, torch
from layercli.ops.core.axes import check_axes
from layercli.ops.numpy.elementwise import broadcast_shapes

ACTIVATIONS: dict[str, Callable[..., Tensor]] = {
    "celu": lambda x, alpha: F.celu(x, alpha),
    "elu": lambda x, alpha: F.elu(x, alpha),
    "exponential": lambda x: torch.exp(x),
    "gelu": lambda x, approximate: F.gelu(x, approximate="tanh" if approximate else "none"),
    "hard_shrink": lambda x, threshold: F.hardshrink(x, threshold),
    "hard_sigmoid": lambda x: F.hardsigmoid(x),
    "hard_silu": lambda x: F.hardswish(x),
    "hard_tanh": lambda x: F.hardtanh(x),
    "leaky_relu": lambda x, negative_slope: F.leaky_relu(x, negative_slope),
    "log_sigmoid": lambda x: F.logsigmoid(x),
    "mish": lambda x: F.mish(x),
    "selu": lambda x: F.selu(x),
    "silu": lambda x: F.silu(x),
    "soft_shrink": lambda x, threshold: F.softshrink(x, threshold),
    "softplus": lambda x: F.softplus(x),
    "softsign": lambda x: F.softsign(x),
    "sparse_plus": lambda x: torch.where(x < 1, torch.square(torch.clamp_min(x + 1, 0)) / 4, x),
    "sparse_sigmoid": lambda x: torch.clamp((x + 1) / 2, 0, 1),
    "squareplus": lambda x, b: (x + torch.sqrt(torch.square(x) + b)) / 2,
    "tanh_shrink": lambda x: F.tanhshrink(x),
    "threshold": lambda x, threshold, default: F.threshold(x, threshold, default),
}
"""The activation functions by name, as functions of x and their arguments."""

MASKED_OUT = -1e9
"""The value of masked positions before a softmax."""

MASKED_OUT_HALF = -3e4
"""The same in float16, whose least value is -65504."""


KEEP_INTEGERS = {"hard_tanh", "threshold"}
"""Activations of integers in their own dtype, as in torch."""


@dataclass(frozen=True)
class ActivationFunction(Op):
    """out = function(x, *settings), elementwise; ``function`` is a key of ``ACTIVATIONS``. Integers become float32, but in
    those of ``KEEP_INTEGERS``.
    """

    function: str
    settings: tuple[float, ...] = ()

    def spec(self, x: Spec) -> Spec:
        """Return x's shape, in a floating dtype."""
        kept = dtypes.is_floating(x.dtype) or (self.function in KEEP_INTEGERS and x.dtype != "bool")
        return x if kept else Spec(x.shape, "float32")

    def run(self, x: Tensor) -> Tensor:
        """Return torch's function of x."""
        out = ACTIVATIONS[self.function](x if x.is_floating_point() else x.float(), *self.settings)
        return out.to(x.dtype) if self.function in KEEP_INTEGERS and x.dtype is not torch.bool else out


@dataclass(frozen=True)
class Relu(Op):
    """out = x where x > threshold, else negative_slope * (x - threshold), clipped to at most ``max_value`` (None: no
    limit).
    """

    negative_slope: float = 0.0
    max_value: float | None = None
    threshold: float = 0.0

    def spec(self, x: Spec) -> Spec:
        """Return x's spec; with other arguments than the defaults integers become float32."""
        return x if dtypes.is_floating(x.dtype) or self.plain else Spec(x.shape, "float32")

    def run(self, x: Tensor) -> Tensor:
        """Return torch's relu for the default arguments, else the general formula."""
        if self.plain:
            return F.relu(x)
        x = x if x.is_floating_point() else x.float()
        below = self.negative_slope * (x - self.threshold)
        out = torch.where(x > self.threshold, x, below)
        return out if self.max_value is None else torch.clamp_max(out, self.max_value)

    @property
    def plain(self) -> bool:
        """Whether this is max(x, 0)."""
        return (self.negative_slope, self.max_value, self.threshold) == (0.0, None, 0.0)


@dataclass(frozen=True)
class ReluInPlace(Op):
    """out = max(x, 0), computed in place: only for an x that is not used again, such as the output of a normalization."""

    def spec(self, x: Spec) -> Spec:
        """Return x's spec."""
        return x

    def run(self, x: Tensor) -> Tensor:
        """Return torch's relu_ of x; a leaf that requires a gradient is not modified."""
        return F.relu(x) if x.requires_grad and x.is_leaf else torch.relu_(x)


@dataclass(frozen=True)
class PRelu(Op):
    """out = x where x > 0, else alpha * x; alpha broadcasts to the shape of x without the batch axis."""

    def spec(self, x: Spec, alpha: Spec) -> Spec:
        """Return x's spec; ShapeError where alpha does not broadcast."""
        fits = len(alpha.shape) == x.rank - 1 and all(map(_fits, x.shape[1:], alpha.shape))
        if not fits:
            raise ShapeError(f"expects x with the sizes of alpha after the batch (x = {x}, alpha = {alpha})")
        return x

    def run(self, x: Tensor, alpha: Any) -> Tensor:
        """Return relu(x) - alpha * relu(-x)."""
        out: Tensor = F.relu(x) - alpha * F.relu(-x)
        return out


@dataclass(frozen=True)
class SoftmaxActivation(Op):
    """out = exp(x) / sum(exp(x)) along ``axes``; with ``mask`` (true: keep) over the kept values only.

    Masked values are 0, even where all are masked.
    """

    axes: tuple[int, ...] = (-1,)

    def spec(self, x: Spec, mask: Spec | None = None) -> Spec:
        """Return x's spec; ShapeError where x lacks an axis or the mask does not broadcast to it."""
        check_axes(x, self.axes)
        if mask is not None and not masks(mask, x):
            raise ShapeError(f"expects a mask that broadcasts to x (x = {x}, mask = {mask})")
        return x if len(self.axes) == 1 or dtypes.rank(x.dtype) >= 2 else Spec(x.shape, "float32")

    def run(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return torch's softmax; several axes are treated as one."""
        if mask is not None:
            mask = mask.bool()
            x = torch.where(mask, x, torch.full_like(x, MASKED_OUT_HALF if x.dtype is torch.float16 else MASKED_OUT))
        one = len(self.axes) == 1
        out = torch.softmax(x, self.axes[0]) if one else torch.exp(x - torch.logsumexp(x, self.axes, keepdim=True))
        return out if mask is None else torch.where(mask, out, torch.zeros_like(out))


@dataclass(frozen=True)
class LogSoftmax(Op):
    """out = x - log(sum(exp(x))) along ``axis``."""

    axis: int = -1

    def spec(self, x: Spec) -> Spec:
        """Return x's spec."""
        return check_axes(x, (self.axis,))

    def run(self, x: Tensor) -> Tensor:
        """Return torch's log_softmax."""
        return torch.log_softmax(x, self.axis)


@dataclass(frozen=True)
class Sparsemax(Op):
    """out = max(x - tau, 0) along ``axis``, with tau such that the sum is 1. Reference: Martins and Astudillo, 2016."""

    axis: int = -1

    def spec(self, x: Spec) -> Spec:
        """Return x's shape, in a floating dtype."""
        check_axes(x, (self.axis,))
        return x if dtypes.is_floating(x.dtype) else Spec(x.shape, "float32")

    def run(self, x: Tensor) -> Tensor:
        """Return max(x - tau, 0), with tau computed from the sorted values."""
        x = x if x.is_floating_point() else x.float()
        ordered = torch.sort(x, self.axis, descending=True).values
        size = x.shape[self.axis]
        shape = [1] * x.ndim
        shape[self.axis] = size
        rank = torch.arange(1, size + 1, device=x.device, dtype=x.dtype).reshape(shape)
        sums = torch.cumsum(ordered, self.axis)
        kept = (1 + rank * ordered > sums).sum(self.axis, keepdim=True)
        tau = (torch.gather(sums, self.axis, kept - 1) - 1) / kept
        return torch.clamp_min(x - tau, 0)


@dataclass(frozen=True)
class Glu(Op):
    """out = a * sigmoid(b), where a and b are the halves of x along ``axis``."""

    axis: int = -1

    def spec(self, x: Spec) -> Spec:
        """Return x's shape with half the size along ``axis``; ShapeError for an odd size."""
        check_axes(x, (self.axis,))
        size = x.shape[self.axis]
        if dims.known(size) and size % 2:
            raise ShapeError(f"expects x with an even size on axis {self.axis}, got {size} (x = {x})")
        shape = list(x.shape)
        shape[self.axis] = size // 2
        return Spec(tuple(shape), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's glu."""
        return F.glu(x, self.axis)


def masks(mask: Spec, x: Spec) -> bool:
    """Return whether ``mask`` broadcasts to x."""
    try:
        return len(broadcast_shapes(mask.shape, x.shape)) == x.rank
    except ShapeError:
        return False


def _fits(size: dims.Size, of_alpha: dims.Size) -> bool:
    return of_alpha == 1 or dims.may_equal(size, of_alpha)
