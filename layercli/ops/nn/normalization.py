"""Batch, layer, group, RMS, unit and spectral normalization."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from layercli.core import dims, dtypes
from layercli.core.dims import Size
from layercli.core.operation import MultiOutputOp, Op, TreeOp, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError
from layercli.lazy import F, torch
from layercli.ops.core.axes import axes_of, check_axes
from layercli.ops.core.conversion import cast, convert_to_tensor
from layercli.ops.nn.batch_norm_stats import Normalize


@dataclass(frozen=True)
class BatchNorm(TreeOp):
    """out = (x - mean) / sqrt(variance + epsilon) * gamma + beta, per channel of ``axis``.

    In ``training`` mean and variance are the batch's, and are returned too; otherwise they are inputs.
    """

    promotes = True

    axis: int = -1
    epsilon: float = 1e-3
    training: bool = False

    def spec(self, x: Spec, mean: Spec, variance: Spec, gamma: Spec | None = None, beta: Spec | None = None) -> Any:
        """Return x's spec, and in training the batch's mean and variance."""
        check_axes(x, (self.axis,))
        if x.rank < 2:
            raise ShapeError(f"expects x with at least 2 axes, got {x.rank} (x = {x})")
        channels = x.shape[self.axis]
        if not dims.may_equal(channels, mean.shape[0]):
            raise ShapeError(f"expects x with {mean.shape[0]} channels, got {channels} (x = {x})")
        return (x, mean, variance) if self.training else x

    def run(
        self, x: Tensor, mean: Tensor, variance: Tensor, gamma: Tensor | None = None, beta: Tensor | None = None
    ) -> Any:
        """Return torch's batch_norm with the channels on axis 1, a view."""
        moved = self._moved(x, self.axis, 1)
        if not self.training:
            return self._back(torch.batch_norm(moved, gamma, beta, mean, variance, False, 0.0, self.epsilon, CUDNN), x)
        mean, variance = torch.zeros_like(mean), torch.zeros_like(variance)
        out = torch.batch_norm(moved, gamma, beta, mean, variance, True, 1.0, self.epsilon, CUDNN)
        count = x.numel() // x.shape[self.axis]
        biased = variance * ((count - 1) / count) if count > 1 else torch.zeros_like(variance)
        return self._back(out, x), mean, biased

    def _back(self, out: Tensor, x: Tensor) -> Tensor:
        return self._moved(out, 1, self.axis)

    def _moved(self, x: Tensor, source: int, to: int) -> Tensor:
        return x.movedim(source, to) if x.ndim > 2 or self.axis in (0, -x.ndim) else x


CUDNN = True
"""Let torch choose cuDNN where it can."""


@dataclass(frozen=True)
class LayerNorm(Op):
    """out = (x - mean) / sqrt(variance + epsilon) * gamma + beta, with mean and variance over ``axes`` of each example.

    gamma and beta have the sizes of ``axes``, in the order of x's axes.
    """

    promotes = True

    axes: tuple[int, ...] = (-1,)
    epsilon: float = 1e-3

    def spec(self, x: Spec, gamma: Spec | None = None, beta: Spec | None = None) -> Spec:
        """Return x's spec."""
        return check_scales(x, self.axes, gamma, beta)

    def run(self, x: Tensor, gamma: Tensor | None = None, beta: Tensor | None = None) -> Tensor:
        """Return torch's layer_norm; ``axes`` are moved to the end first."""
        return along_trailing(x, self.axes, lambda x, shape: F.layer_norm(x, shape, gamma, beta, self.epsilon))


@dataclass(frozen=True)
class RmsNorm(Op):
    """out = x / sqrt(mean of x^2 over ``axes`` + epsilon) * scale, of x's dtype. Reference: Zhang and Sennrich, 2019."""

    axes: tuple[int, ...] = (-1,)
    epsilon: float = 1e-6

    def spec(self, x: Spec, scale: Spec | None = None) -> Spec:
        """Return x's spec."""
        return check_scales(x, self.axes, scale)

    def run(self, x: Tensor, scale: Tensor | None = None) -> Tensor:
        """Return torch's rms_norm; ``axes`` are moved to the end first."""
        if not x.is_floating_point():  # whose root mean square has fractions
            return self.run(x.float(), scale).to(x.dtype)
        return along_trailing(x, self.axes, lambda x, shape: F.rms_norm(x, shape, scale, self.epsilon))


@dataclass(frozen=True)
class GroupNorm(Op):
    """out = (x - mean) / sqrt(variance + epsilon) * gamma + beta, over each of ``groups`` groups of channels of each
    example.

    Channels are on ``axis``; gamma and beta have one value per channel.
    """

    groups: int
    axis: int = -1
    epsilon: float = 1e-3

    def spec(self, x: Spec, gamma: Spec | None = None, beta: Spec | None = None) -> Spec:
        """Return x's spec; ShapeError where the groups do not divide the channels."""
        check_scales(x, (self.axis,), gamma, beta)
        channels = x.shape[self.axis]
        if dims.known(channels) and channels % self.groups:
            raise ShapeError(
                f"expects x with a number of channels divisible by {self.groups} groups, got {channels} (x = {x})"
            )
        return x

    def run(self, x: Tensor, gamma: Tensor | None = None, beta: Tensor | None = None) -> Tensor:
        """Return torch's group_norm with the channels on axis 1, a view."""
        if gamma is None and beta is not None:
            gamma = torch.ones_like(beta)  # torch's kernel has no gradient for a shift without a scale
        out = F.group_norm(x.movedim(self.axis, 1), self.groups, gamma, beta, self.epsilon)
        return out.movedim(1, self.axis)


@dataclass(frozen=True)
class UnitNormalize(Op):
    """out = x / max(sqrt(sum of x^2 over ``axes``), 1e-12)."""

    axes: tuple[int, ...] = (-1,)

    def spec(self, x: Spec) -> Spec:
        """Return x's spec, with float32 for integers."""
        shape = check_scales(x, self.axes).shape
        return Spec(shape, x.dtype if dtypes.is_floating(x.dtype) else "float32")

    def run(self, x: Tensor) -> Tensor:
        """Return x divided by torch's norm."""
        x = x if x.is_floating_point() else x.float()
        out: Tensor = x / torch.linalg.vector_norm(x, dim=self.axes, keepdim=True).clamp_min(1e-12)
        return out


@dataclass(frozen=True)
class SpectralNorm(MultiOutputOp):
    """out = kernel / sigma, sigma an estimate of the largest singular value of the kernel as a matrix (..., last axis).

    The estimate takes ``iterations`` steps of the power method from the vector u (1, last axis); the new u is returned
    too. A kernel of zeros is returned unchanged. Reference: Miyato et al., 2018.
    """

    iterations: int = 1

    def spec(self, kernel: Spec, u: Spec) -> tuple[Spec, Spec]:
        """Return the specs of the kernel and of u."""
        return kernel, u

    def macs(self, kernel: Spec, u: Spec) -> Size:
        """Return two products of a vector and the kernel per iteration, one more for sigma, and a product of two
        vectors.
        """
        return (2 * self.iterations + 1) * kernel.size + u.size

    def run(self, kernel: Tensor, u: Tensor) -> tuple[Tensor, ...]:
        """Return the kernel and u after the power method."""
        weights = kernel.reshape(-1, kernel.shape[-1])
        start = u
        for _ in range(self.iterations):
            v = F.normalize(u @ weights.T, dim=None, eps=1e-12)  # type: ignore[arg-type]  # None is all axes
            u = F.normalize(v @ weights, dim=None, eps=1e-12)  # type: ignore[arg-type]  # None is all axes
        sigma = v.detach() @ weights @ u.detach().T
        zero = (weights == 0).all()
        return torch.where(zero, kernel, kernel / sigma), torch.where(zero, start, u.detach())


def check_scales(x: Spec, axes: tuple[int, ...], *scales: Spec | None) -> Spec:
    """Return x; ShapeError where one of ``axes`` does not exist, or a scale has other sizes."""
    check_axes(x, axes)
    sizes = [x.shape[axis] for axis in axes]
    for scale in scales:
        if scale is not None and not all(map(dims.may_equal, sizes, scale.shape)):
            wanted = " x ".join(map(str, scale.shape))
            raise ShapeError(f"expects x with {wanted} features, got {' x '.join(map(str, sizes))} (x = {x})")
    return x


def along_trailing(x: Tensor, axes: tuple[int, ...], function: Callable[..., Tensor]) -> Tensor:
    """Return ``function(x, sizes)`` computed with ``axes`` (ascending) moved to the end, and moved back."""
    last = tuple(range(-len(axes), 0))
    sizes = tuple(x.shape[axis] for axis in axes)
    if all(axis % x.ndim == position % x.ndim for axis, position in zip(axes, last, strict=True)):
        return function(x, sizes)
    return function(x.movedim(axes, last), sizes).movedim(last, axes)


Axes = int | Iterable[int]


def batch_normalization(
    x: TensorLike,
    mean: TensorLike,
    variance: TensorLike,
    axis: int,
    offset: TensorLike | None = None,
    scale: TensorLike | None = None,
    epsilon: float = 1e-3,
) -> Tensor:
    """Return (x - mean) / sqrt(variance + epsilon) * scale + offset, per channel of ``axis``, with gradients of all
    inputs.
    """
    x = x if hasattr(x, "shape") else convert_to_tensor(x)
    x = x if dtypes.is_floating(spec_of(x).dtype) else cast(x, "float32")
    check_scales(spec_of(x), (axis,), *map(spec_of, (mean, variance, scale, offset)))
    return Normalize(axis, epsilon)(x, mean, variance, scale, offset)


def layer_normalization(
    x: TensorLike,
    gamma: TensorLike | None = None,
    beta: TensorLike | None = None,
    axis: Axes = -1,
    epsilon: float | None = None,
    **kwargs: object,
) -> Tensor:
    """Return (x - mean) / sqrt(variance + epsilon) * gamma + beta, with mean and variance over ``axis``: one or several
    axes.

    gamma and beta have the sizes of the axes; epsilon is 1e-7 by default. Raises UsageError for ``rms_scaling``.
    """
    if kwargs.pop("rms_scaling", False) or kwargs:
        raise UsageError(
            f"layer_normalization has no {next(iter(kwargs), 'rms_scaling')}",
            hint="rms_normalization is the function for it",
        )
    axes = tuple(sorted(axes_of(spec_of(x), axis)))
    return LayerNorm(axes, 1e-7 if epsilon is None else epsilon)(x, gamma, beta)


def rms_normalization(
    x: TensorLike, scale: TensorLike | None = None, axis: Axes = -1, epsilon: float | None = None
) -> Tensor:
    """Return x / sqrt(mean of x^2 over ``axis`` + epsilon) * scale; epsilon is 1e-7 by default."""
    axes = tuple(sorted(axes_of(spec_of(x), axis)))
    return RmsNorm(axes, 1e-7 if epsilon is None else epsilon)(x, scale)
