"""Normalizations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layercli import initializers, ops
from layercli.core.layer import Layer
from layercli.core.spec import Shape, Spec
from layercli.core.variable import Variable
from layercli.errors import ShapeError, UsageError
from layercli.layers.settings import Axes, Constraint, Initializer, Number, Regularizer, Truth, WholeNumber
from layercli.ops.core.axes import axis_of
from layercli.ops.nn.batch_norm_stats import Moments, Normalize, Renormalization
from layercli.ops.nn.normalization import BatchNorm, GroupNorm, LayerNorm, RmsNorm, UnitNorm


class BatchNormalization(Layer):
    """out = (x - mean) / sqrt(variance + epsilon) * gamma + beta, per channel of ``axis``.

    In training mean and variance are the batch's, of the steps that a mask leaves, and the moving ones follow: moving = momentum
    * moving + (1 - momentum) * batch's. Otherwise, and while the layer is frozen, they are the moving ones. ``synchronized``: the
    batch is that of all ranks. ``renorm`` brings the batch's in training nearer to the moving ones, which follow with
    ``renorm_momentum``, within the limits rmin, rmax and dmax of ``renorm_clipping`` (Ioffe, 2017).
    """

    axis: WholeNumber = -1
    momentum: Number = 0.99
    epsilon: Number = 1e-3
    center: Truth = True
    scale: Truth = True
    beta_initializer: Initializer = "zeros"
    gamma_initializer: Initializer = "ones"
    moving_mean_initializer: Initializer = "zeros"
    moving_variance_initializer: Initializer = "ones"
    beta_regularizer: Regularizer = None
    gamma_regularizer: Regularizer = None
    beta_constraint: Constraint = None
    gamma_constraint: Constraint = None
    renorm: Truth = False
    renorm_clipping: Any = None
    renorm_momentum: Number = 0.99
    synchronized: Truth = False

    gamma: Variable | None
    beta: Variable | None
    moving_stddev: Variable
    renorm_mean: Variable
    renorm_stddev: Variable
    supports_masking = True

    def setup(self) -> None:
        """Make the ops; UsageError for limits that are none."""
        self.infer = BatchNorm(self.axis, self.epsilon)
        self.learn = BatchNorm(self.axis, self.epsilon, training=True)
        self.moments = Moments(self.axis, self.synchronized)
        self.normalize = Normalize(self.axis, self.epsilon)
        self.correct = Renormalization(self.epsilon, **limits(self.renorm_clipping)) if self.renorm else None

    def build(self, input_shape: Shape) -> None:
        """Make gamma, beta, moving_mean and moving_variance, one value per channel each."""
        shape = (input_shape[axis_of(Spec(tuple(input_shape)), self.axis)],)
        scale_and_shift(self, shape, autocast=False)  # torch wants them in the dtype of the statistics
        self.moving_mean = self.add_weight(
            "moving_mean", shape, self.moving_mean_initializer, trainable=False, autocast=False
        )
        self.moving_variance = self.add_weight(
            "moving_variance", shape, self.moving_variance_initializer, trainable=False, autocast=False
        )

        if self.correct is not None:
            first = Root(self.moving_variance_initializer)
            for name in ("moving_stddev", "renorm_mean", "renorm_stddev"):
                start = self.moving_mean_initializer if name == "renorm_mean" else first
                setattr(self, name, self.add_weight(name, shape, start, trainable=False, autocast=False))

    def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        """Return the outputs; in training, move the moving statistics."""
        if not training or not self.trainable:
            return self.infer(inputs, self.moving_mean, self.moving_variance, self.gamma, self.beta)
        if mask is None and not self.synchronized and self.correct is None:
            x, mean, variance = self.learn(inputs, self.moving_mean, self.moving_variance, self.gamma, self.beta)
        else:
            mean, variance = self.moments(inputs, mask)
            x = self.normalize(inputs, mean, variance, *self._renormalized(mean, variance))
        follow(self.moving_mean, mean, self.momentum)
        if self.correct is None:
            follow(self.moving_variance, variance, self.momentum)
        return x

    def _renormalized(self, mean: Any, variance: Any) -> tuple[Any, Any]:
        """Return the gamma and beta to use, and let what renormalization knows of deviations follow."""
        gamma, beta = self.gamma, self.beta
        if self.correct is None:
            return gamma, beta
        r, d, deviation = self.correct(mean, variance, self.renorm_mean, self.renorm_stddev)
        follow(self.renorm_mean, mean, self.renorm_momentum)
        follow(self.renorm_stddev, deviation, self.renorm_momentum)
        follow(self.moving_stddev, deviation, self.momentum)
        moved = self.moving_stddev * self.moving_stddev - self.epsilon
        self.moving_variance.assign(ops.relu(moved))
        shift = d if gamma is None else gamma * d
        return r if gamma is None else gamma * r, shift if beta is None else shift + beta


class LayerNormalization(Layer):
    """out = (x - mean) / sqrt(variance + epsilon) * gamma + beta, mean and variance being those over ``axis`` of one example.

    ``axis`` is one or several; gamma and beta have its sizes. ``rms_scaling`` is there for configs that hold it: UsageError
    where it is true.
    """

    axis: Axes = (-1,)
    epsilon: Number = 1e-3
    center: Truth = True
    scale: Truth = True
    beta_initializer: Initializer = "zeros"
    gamma_initializer: Initializer = "ones"
    beta_regularizer: Regularizer = None
    gamma_regularizer: Regularizer = None
    beta_constraint: Constraint = None
    gamma_constraint: Constraint = None
    rms_scaling: Truth = False

    gamma: Variable | None
    beta: Variable | None
    supports_masking = True

    def setup(self) -> None:
        """Refuse what is another layer's."""
        if self.rms_scaling:
            raise UsageError("LayerNormalization has no rms_scaling", hint="RMSNormalization is the layer for it")

    def build(self, input_shape: Shape) -> None:
        """Make gamma and beta, and the op."""
        axes = ascending(self.axis, len(input_shape))
        scale_and_shift(self, tuple(input_shape[axis] for axis in axes))
        self.op = LayerNorm(axes, self.epsilon)

    def call(self, inputs: Any) -> Any:
        """Return the outputs, of the shape of the inputs."""
        return self.op(inputs, self.gamma, self.beta)


class RMSNormalization(Layer):
    """out = x / sqrt(mean of x^2 over ``axis`` + epsilon) * scale; ``axis`` is one or several, scale has its sizes."""

    axis: Axes = (-1,)
    epsilon: Number = 1e-6

    supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Make scale, and the op."""
        axes = ascending(self.axis, len(input_shape))
        self.scale = self.add_weight("scale", tuple(input_shape[axis] for axis in axes), "ones")
        self.op = RmsNorm(axes, self.epsilon)

    def call(self, inputs: Any) -> Any:
        """Return the outputs, of the shape of the inputs."""
        return self.op(inputs, self.scale)


class GroupNormalization(Layer):
    """out = (x - mean) / sqrt(variance + epsilon) * gamma + beta, over each of ``groups`` of channels of one example.

    The channels are on ``axis``; -1 groups are as many as there are channels. ShapeError where they do not divide them.
    """

    groups: WholeNumber = 32
    axis: WholeNumber = -1
    epsilon: Number = 1e-3
    center: Truth = True
    scale: Truth = True
    beta_initializer: Initializer = "zeros"
    gamma_initializer: Initializer = "ones"
    beta_regularizer: Regularizer = None
    gamma_regularizer: Regularizer = None
    beta_constraint: Constraint = None
    gamma_constraint: Constraint = None

    gamma: Variable | None
    beta: Variable | None
    supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Make gamma and beta, one value per channel, and the op."""
        [axis] = ascending((self.axis,), len(input_shape))
        channels = input_shape[axis]
        scale_and_shift(self, (channels,))
        self.op = GroupNorm(int(channels) if self.groups == -1 else self.groups, axis, self.epsilon)

    def call(self, inputs: Any) -> Any:
        """Return the outputs, of the shape of the inputs."""
        return self.op(inputs, self.gamma, self.beta)


class UnitNormalization(Layer):
    """out = x / max(sqrt(sum of x^2 over ``axis``), 1e-12); ``axis`` is one or several."""

    axis: Axes = (-1,)

    supports_masking = True

    def setup(self) -> None:
        """Make the op."""
        self.op = UnitNorm(self.axis)

    def call(self, inputs: Any) -> Any:
        """Return the outputs, of the shape of the inputs."""
        return self.op(inputs)


@dataclass(frozen=True)
class Root:
    """An initializer that gives the square roots of what another gives."""

    of: Any

    def __call__(self, shape: tuple[int, ...], dtype: str, rng: Any = None) -> Any:
        """Return them as an array."""
        return initializers.values(self.of, shape, dtype, rng) ** 0.5


def follow(moving: Variable, value: Any, momentum: float) -> None:
    """Bring a moving average nearer to ``value``."""
    moving.assign(moving * momentum + value * (1 - momentum))


def limits(given: Any) -> dict[str, float]:
    """Return the limits of a renormalization; UsageError where they are not rmin <= rmax and dmax >= 0."""
    found = dict(given or {})
    if found.keys() - {"rmin", "rmax", "dmax"}:
        raise UsageError(f"BatchNormalization expects renorm_clipping of rmin, rmax and dmax, got {given!r}")
    low, high, most = (found.get(name) for name in ("rmin", "rmax", "dmax"))
    if (low is not None and high is not None and low > high) or (most is not None and most < 0):
        raise UsageError(f"BatchNormalization expects rmin <= rmax and dmax >= 0 in renorm_clipping, got {given!r}")
    return {name: value for name, value in found.items() if value is not None}


def scale_and_shift(layer: Any, shape: Shape, autocast: bool = True) -> None:
    """Make gamma and beta of ``shape``, each where the layer's settings want it."""
    for name, wanted in (("gamma", layer.scale), ("beta", layer.center)):
        settings = {key: getattr(layer, f"{name}_{key}") for key in ("initializer", "regularizer", "constraint")}
        setattr(layer, name, layer.add_weight(name, shape, autocast=autocast, **settings) if wanted else None)


def ascending(axes: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """Return ``axes`` counted from 0, in order; ShapeError where an input of ``rank`` lacks one."""
    for axis in axes:
        if not -rank <= axis < rank:
            raise ShapeError(f"expects x with an axis {axis}, got one with {rank} axes")
    return tuple(sorted(axis % rank for axis in axes))
