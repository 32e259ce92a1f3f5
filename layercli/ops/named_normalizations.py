"""Normalizations as Keras names them, with its arguments; the moments of batch_normalization are given."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from layercli.core.op import spec_of
from layercli.errors import UsageError
from layercli.ops.axes import axes_of
from layercli.ops.batch_statistics import Normalize
from layercli.ops.normalization import LayerNorm, RmsNorm, over

Axes = int | Iterable[int]


def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3
) -> Any:
    """Return (x - mean) / sqrt(variance + epsilon) * scale + offset, per channel of ``axis``; gradients flow into all of them."""
    over(spec_of(x), (axis,), *map(spec_of, (mean, variance, scale, offset)))
    return Normalize(axis, epsilon)(x, mean, variance, scale, offset)


def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Axes = -1, epsilon: float | None = None, **kwargs: Any
) -> Any:
    """Return (x - mean) / sqrt(variance + epsilon) * gamma + beta, mean and variance being those over ``axis``: one or several.

    gamma and beta have the sizes of the axes; epsilon is 1e-7 unless told otherwise. UsageError for ``rms_scaling``.
    """
    if kwargs.pop("rms_scaling", False) or kwargs:
        raise UsageError(
            f"layer_normalization has no {next(iter(kwargs), 'rms_scaling')}",
            hint="rms_normalization is the function for it",
        )
    axes = tuple(sorted(axes_of(spec_of(x), axis)))
    return LayerNorm(axes, 1e-7 if epsilon is None else epsilon)(x, gamma, beta)


def rms_normalization(x: Any, scale: Any = None, axis: Axes = -1, epsilon: float | None = None) -> Any:
    """Return x / sqrt(mean of x^2 over ``axis`` + epsilon) * scale; epsilon is 1e-7 unless told otherwise."""
    axes = tuple(sorted(axes_of(spec_of(x), axis)))
    return RmsNorm(axes, 1e-7 if epsilon is None else epsilon)(x, scale)
