"""Normalizations."""

from __future__ import annotations

from typing import Any

from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.core.variable import Variable
from layercli.errors import ShapeError, UsageError
from layercli.layers.settings import Axes, Constraint, Initializer, Number, Regularizer, Truth, WholeNumber
from layercli.ops.normalization import BatchNorm, GroupNorm, LayerNorm, RmsNorm, UnitNorm


class BatchNormalization(Layer):
    """out = (x - mean) / sqrt(variance + epsilon) * gamma + beta, per channel of ``axis``.

    In training mean and variance are the batch's, and the moving ones follow: moving = momentum * moving + (1 - momentum) *
    batch's. Otherwise, and while the layer is frozen, they are the moving ones. UsageError for ``renorm``, ``synchronized``.
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
    supports_masking = True

    def setup(self) -> None:
        """Make the two ops: from the moving statistics, and from the batch's."""
        for name in ("renorm", "synchronized"):
            if getattr(self, name):
                raise UsageError(
                    f"BatchNormalization has no {name} yet: layercli computes with each batch's own statistics"
                )
        self.infer = BatchNorm(self.axis, self.epsilon)
        self.learn = BatchNorm(self.axis, self.epsilon, training=True)

    def build(self, input_shape: Shape) -> None:
        """Make gamma, beta, moving_mean and moving_variance, one value per channel each."""
        shape = (input_shape[self.axis],)
        scale_and_shift(self, shape, autocast=False)  # torch wants them in the dtype of the statistics
        self.moving_mean = self.add_weight(
            "moving_mean", shape, self.moving_mean_initializer, trainable=False, autocast=False
        )
        self.moving_variance = self.add_weight(
            "moving_variance", shape, self.moving_variance_initializer, trainable=False, autocast=False
        )

    def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        """Return the outputs; in training, move the moving statistics."""
        state = (self.moving_mean, self.moving_variance, self.gamma, self.beta)
        if not training or not self.trainable:
            return self.infer(inputs, *state)
        x, mean, variance = self.learn(inputs, *state)
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + batch * (1 - self.momentum))
        return x


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
