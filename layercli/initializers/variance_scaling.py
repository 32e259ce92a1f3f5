"""Initializers whose variance depends on the numbers of inputs and outputs of a kernel (fans).

References: Glorot and Bengio, 2010; He et al., 2015; LeCun et al., 1998.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from layercli.dataclass import dataclass
from layercli.errors import UsageError
from layercli.initializers.initializer import Shape
from layercli.initializers.random_initializers import (
    RandomInitializer,
    scaled,
    standard_normal,
    truncated_normal,
    uniform,
)

if TYPE_CHECKING:
    import numpy as np

#: The standard deviation of a standard normal distribution truncated to [-2, 2].
TRUNCATED_STDDEV = 0.87962566103423978
CHOICES = {
    "mode": ("fan_in", "fan_out", "fan_avg"),
    "distribution": ("truncated_normal", "untruncated_normal", "uniform"),
}


def compute_fans(
    shape: Shape, input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """Return (fan_in, fan_out) of a kernel: the products of the sizes of ``input_axes`` and ``output_axes``.

    By default the last axis counts outputs and the one before it inputs, both times the sizes of all other axes (the
    window of a convolution); a vector counts as both, a scalar as 1.

    >>> compute_fans((5, 7)), compute_fans((3, 3, 16, 32)), compute_fans((2, 3, 5), [0], [1, 2])
    ((5, 7), (144, 288), (2, 15))
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)
    if len(shape) < 2:
        return math.prod(shape), math.prod(shape)
    *window, inputs, outputs = shape
    return inputs * math.prod(window), outputs * math.prod(window)


@dataclass(frozen=True)
class VarianceScaling(RandomInitializer):
    """Values of mean 0 and variance scale / n, with n by ``mode``.

    Raises UsageError for a scale that is not positive, or another mode or distribution.

    Arguments:
        scale: the factor of the variance, positive.
        mode: fan_in, fan_out, or fan_avg, their mean.
        distribution: truncated_normal (or normal), untruncated_normal or uniform.
        seed: an integer for the same values at every call, or None.
        input_axes: the axes of the kernel that count inputs; by default as in ``compute_fans``.
        output_axes: the axes of the kernel that count outputs.
    >>> VarianceScaling(2.0, "fan_out", "uniform")((4, 3)).shape
    (4, 3)
    """

    scale: float = 1.0
    mode: str = "fan_in"
    distribution: str = "truncated_normal"
    seed: int | None = None
    input_axes: Sequence[int] | None = None
    output_axes: Sequence[int] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        distribution = str(self.distribution).lower()
        object.__setattr__(self, "distribution", "truncated_normal" if distribution == "normal" else distribution)
        if not self.scale > 0:
            raise UsageError(f"VarianceScaling expects scale to be positive, got {self.scale!r}")
        for name, choices in CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                raise UsageError(f"VarianceScaling expects {name} to be one of {', '.join(choices)}, got {value!r}")

    def draw(self, rng: np.random.Generator, shape: Shape, dtype: np.dtype) -> np.ndarray:
        """Return values of that variance; the bounds of the uniform distribution are +-sqrt(3 * variance)."""
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        stddev = math.sqrt(self.scale / max(1.0, fan))
        if self.distribution == "uniform":
            limit = math.sqrt(3) * stddev
            return uniform(rng, shape, dtype, -limit, limit)
        if self.distribution == "untruncated_normal":
            return scaled(standard_normal(rng, shape, dtype), stddev)
        return scaled(truncated_normal(rng, shape, dtype), stddev / TRUNCATED_STDDEV)


@dataclass(frozen=True)
class FixedScaling(RandomInitializer):
    """Base of the ``VarianceScaling`` initializers with a name; seed and axes are their arguments."""

    scaling: ClassVar[VarianceScaling]

    seed: int | None = None
    input_axes: Sequence[int] | None = None
    output_axes: Sequence[int] | None = None

    @property
    def scale(self) -> float:
        """The factor of the variance."""
        return self.scaling.scale

    @property
    def mode(self) -> str:
        """What the variance is divided by: fan_in, fan_out, or fan_avg."""
        return self.scaling.mode

    @property
    def distribution(self) -> str:
        """The distribution: truncated_normal or uniform."""
        return self.scaling.distribution

    def draw(self, rng: np.random.Generator, shape: Shape, dtype: np.dtype) -> np.ndarray:
        """Return the values of ``scaling``."""
        scaling = replace(self.scaling, input_axes=self.input_axes, output_axes=self.output_axes)
        return scaling.draw(rng, shape, dtype)


def with_axes(
    initializer: object, input_axes: Sequence[int], output_axes: Sequence[int]
) -> VarianceScaling | FixedScaling | object:
    """Return ``initializer`` with these axes, if its variance depends on fans and it has no axes of its own.

    >>> with_axes(GlorotUniform(), [0], [1, 2]).output_axes, with_axes(GlorotUniform(), [0], [1])((2, 3)).shape
    ([1, 2], (2, 3))
    """
    if not isinstance(initializer, (VarianceScaling, FixedScaling)):
        return initializer
    if initializer.input_axes is not None and initializer.output_axes is not None:
        return initializer
    return replace(initializer, input_axes=input_axes, output_axes=output_axes)


@dataclass(frozen=True)
class GlorotUniform(FixedScaling):
    """Uniform in +-sqrt(6 / (fan_in + fan_out)), which preserves the variance of outputs and gradients (Glorot,
    Xavier).

    >>> GlorotUniform(seed=1)((3, 3, 16, 32)).shape
    (3, 3, 16, 32)
    """

    scaling = VarianceScaling(1.0, "fan_avg", "uniform")


@dataclass(frozen=True)
class GlorotNormal(FixedScaling):
    """Truncated normal with stddev sqrt(2 / (fan_in + fan_out)) (Glorot, Xavier).

    >>> GlorotNormal(seed=1)((3, 3, 16, 32)).shape
    (3, 3, 16, 32)
    """

    scaling = VarianceScaling(1.0, "fan_avg")


@dataclass(frozen=True)
class HeUniform(FixedScaling):
    """Uniform in +-sqrt(6 / fan_in), which preserves the variance through layers with relu (He, Kaiming).

    >>> HeUniform(seed=1)((3, 3, 16, 32)).shape
    (3, 3, 16, 32)
    """

    scaling = VarianceScaling(2.0, "fan_in", "uniform")


@dataclass(frozen=True)
class HeNormal(FixedScaling):
    """Truncated normal with stddev sqrt(2 / fan_in) (He, Kaiming).

    >>> HeNormal(seed=1)((3, 3, 16, 32)).shape
    (3, 3, 16, 32)
    """

    scaling = VarianceScaling(2.0, "fan_in")


@dataclass(frozen=True)
class LecunUniform(FixedScaling):
    """Uniform in +-sqrt(3 / fan_in), which preserves the variance of the inputs (LeCun).

    >>> LecunUniform(seed=1)((3, 3, 16, 32)).shape
    (3, 3, 16, 32)
    """

    scaling = VarianceScaling(1.0, "fan_in", "uniform")


@dataclass(frozen=True)
class LecunNormal(FixedScaling):
    """Truncated normal with stddev sqrt(1 / fan_in), for selu (LeCun).

    >>> LecunNormal(seed=1)((3, 3, 16, 32)).shape
    (3, 3, 16, 32)
    """

    scaling = VarianceScaling(1.0, "fan_in")
