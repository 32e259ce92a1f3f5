"""Initializers whose spread depends on how many inputs and outputs a kernel has.

Glorot and Bengio, 2010; He et al., 2015; LeCun et al., 1998.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

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

#: The standard deviation of a standard normal distribution cut off at 2 on either side.
TRUNCATED_STDDEV = 0.87962566103423978
CHOICES = {
    "mode": ("fan_in", "fan_out", "fan_avg"),
    "distribution": ("truncated_normal", "untruncated_normal", "uniform"),
}


def compute_fans(
    shape: Shape, input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """Return the numbers of inputs and of outputs of a kernel: products of the sizes of these axes, given together.

    Without them the last axis counts outputs and the one before it inputs, both times the sizes of all others (a
    convolution's window); a vector counts as both, a scalar as 1.

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
    """Values of mean 0 and variance ``scale`` / n, n by ``mode``: ``fan_in``, ``fan_out``, or their mean ``fan_avg``.

    ``distribution`` is ``truncated_normal`` (also ``normal``), ``untruncated_normal`` or ``uniform``. ``input_axes``
    and ``output_axes`` say which axes of a kernel count inputs and outputs, where ``compute_fans`` cannot tell.
    Raises UsageError for a scale that is not positive or a word that is none of these.

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
        """Return values of that variance; a uniform distribution ends at sqrt(3 * variance) on either side."""
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
    """A ``VarianceScaling`` known by a name of its own, of which only the seed and the axes are left to set."""

    scaling: ClassVar[VarianceScaling]

    seed: int | None = None
    input_axes: Sequence[int] | None = None
    output_axes: Sequence[int] | None = None

    def draw(self, rng: np.random.Generator, shape: Shape, dtype: np.dtype) -> np.ndarray:
        """Return values as ``scaling`` draws them."""
        scaling = replace(self.scaling, input_axes=self.input_axes, output_axes=self.output_axes)
        return scaling.draw(rng, shape, dtype)


@dataclass(frozen=True)
class GlorotUniform(FixedScaling):
    """Uniform within +-sqrt(6 / (fan_in + fan_out)): keeps the variance of outputs and of gradients (Glorot, Xavier).

    >>> GlorotUniform(seed=1)((3, 3, 16, 32)).shape
    (3, 3, 16, 32)
    """

    scaling = VarianceScaling(1.0, "fan_avg", "uniform")


@dataclass(frozen=True)
class GlorotNormal(FixedScaling):
    """Truncated normal of stddev sqrt(2 / (fan_in + fan_out)), by Glorot (Xavier).

    >>> GlorotNormal(seed=1)((3, 3, 16, 32)).shape
    (3, 3, 16, 32)
    """

    scaling = VarianceScaling(1.0, "fan_avg")


@dataclass(frozen=True)
class HeUniform(FixedScaling):
    """Uniform within +-sqrt(6 / fan_in): keeps the variance through layers of relu (He, Kaiming).

    >>> HeUniform(seed=1)((3, 3, 16, 32)).shape
    (3, 3, 16, 32)
    """

    scaling = VarianceScaling(2.0, "fan_in", "uniform")


@dataclass(frozen=True)
class HeNormal(FixedScaling):
    """Truncated normal of stddev sqrt(2 / fan_in), by He (Kaiming).

    >>> HeNormal(seed=1)((3, 3, 16, 32)).shape
    (3, 3, 16, 32)
    """

    scaling = VarianceScaling(2.0, "fan_in")


@dataclass(frozen=True)
class LecunUniform(FixedScaling):
    """Uniform within +-sqrt(3 / fan_in): keeps the variance of the inputs (LeCun).

    >>> LecunUniform(seed=1)((3, 3, 16, 32)).shape
    (3, 3, 16, 32)
    """

    scaling = VarianceScaling(1.0, "fan_in", "uniform")


@dataclass(frozen=True)
class LecunNormal(FixedScaling):
    """Truncated normal of stddev sqrt(1 / fan_in), as selu needs it (LeCun).

    >>> LecunNormal(seed=1)((3, 3, 16, 32)).shape
    (3, 3, 16, 32)
    """

    scaling = VarianceScaling(1.0, "fan_in")
