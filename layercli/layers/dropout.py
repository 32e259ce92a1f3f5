"""Dropouts and noises: random in training, the identity otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli.core.layer import Layer
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Shape
from layercli.errors import ShapeError, UsageError
from layercli.layers.settings import DataFormat, Fraction, Number, Seed
from layercli.ops.random import dropout


class Random(Layer):
    """A layer that draws in training. A whole ``seed`` gives it a stream of its own."""

    stateless = True

    if TYPE_CHECKING:  # not declared as settings here: each layer has them in Keras's order
        op: Op | None
        seed: int | None

    def build(self, input_shape: Shape) -> None:
        """Make the count of draws, where the layer has a stream of its own."""
        self.draws = None
        if self.seed is not None and self.op is not None:
            self.draws = self.add_weight("draws", (), "zeros", dtype="int64", trainable=False, listed=False)

    def drawn(self, inputs: Any) -> Any:
        """Return what the random op gives, and count the draw."""
        assert self.op is not None
        if self.draws is None:
            return self.op(inputs)
        out = self.op(inputs, self.draws)
        self.draws.assign(self.draws + 1)
        return out


class Noise(Random):
    """A layer that applies a random ``op`` in training."""

    supports_masking = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the inputs, in training with noise."""
        return self.drawn(inputs) if training and self.op is not None else inputs


class Dropout(Noise):
    """In training, out = x / (1 - rate) with probability 1 - rate, else 0, for each place of ``noise_shape``.

    ``noise_shape`` is x's shape (batch first) with 1 for an axis that shares its decisions, None for x's own size.
    """

    rate: Fraction
    noise_shape: Any = None
    seed: Seed = None

    def setup(self) -> None:
        """Make the op, none for a rate of 0."""
        self.op = dropout.Dropout(self.rate, _sizes(self.noise_shape), self.seed) if self.rate else None


class SpatialDropout(Noise):
    """Dropout of whole channels: one decision per example and channel."""

    axes = 1

    if TYPE_CHECKING:
        rate: float

    def setup(self) -> None:
        """Make the op, none for a rate of 0."""
        places = (1,) * self.axes
        first = getattr(self, "data_format", None) == "channels_first"
        shape = (None, None, *places) if first else (None, *places, None)
        self.op = dropout.Dropout(self.rate, shape, self.seed) if self.rate else None

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the inputs, in training without the channels dropped; ShapeError for another rank."""
        if len(inputs.shape) != self.axes + 2:
            raise ShapeError(f"expects x with {self.axes + 2} axes, got {len(inputs.shape)} (x = {spec_of(inputs)})")
        return super().call(inputs, training)


class SpatialDropout1D(SpatialDropout):
    """Dropout of whole channels of x (batch, steps, channels)."""

    rate: Fraction
    seed: Seed = None


class SpatialDropout2D(SpatialDropout):
    """Dropout of whole channels of x (batch, height, width, channels), or channels first."""

    rate: Fraction
    data_format: DataFormat = None
    seed: Seed = None

    axes = 2


class SpatialDropout3D(SpatialDropout2D):
    """Dropout of whole channels of x (batch, depth, height, width, channels), or channels first."""

    axes = 3


class AlphaDropout(Noise):
    """Dropout for SELU: dropped values become -1.7581, then all are scaled and shifted back to mean 0 and variance 1.

    UsageError for a rate of 1, after which nothing is left to scale.
    """

    rate: Fraction
    noise_shape: Any = None
    seed: Seed = None

    def setup(self) -> None:
        """Make the op, none for a rate of 0."""
        _check_below_one(self)
        self.op = dropout.AlphaDropout(self.rate, _sizes(self.noise_shape), self.seed) if self.rate else None


class GaussianDropout(Noise):
    """In training, out = x * n, n being normal with mean 1 and standard deviation sqrt(rate / (1 - rate)).

    UsageError for a rate of 1, whose deviation is infinite.
    """

    rate: Fraction
    seed: Seed = None

    def setup(self) -> None:
        """Make the op, none for a rate of 0."""
        _check_below_one(self)
        self.op = dropout.GaussianDropout(self.rate, self.seed) if self.rate else None


class GaussianNoise(Noise):
    """In training, out = x + n, n being normal with mean 0 and standard deviation ``stddev``."""

    stddev: Number
    seed: Seed = None

    def setup(self) -> None:
        """Make the op, none for a deviation of 0."""
        if self.stddev < 0:
            raise UsageError(f"GaussianNoise expects stddev to be at least 0, got {self.stddev}")
        self.op = dropout.GaussianNoise(self.stddev, self.seed) if self.stddev else None


def _sizes(noise_shape: Any) -> Any:
    return None if noise_shape is None else tuple(noise_shape)


def _check_below_one(layer: Any) -> None:
    if layer.rate == 1:
        raise UsageError(f"{type(layer).__name__} expects rate to be below 1, got {layer.rate}")
