"""Normalizations."""

from __future__ import annotations

from typing import Any

from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.layers.settings import Initializer, Number, Truth, WholeNumber
from layercli.ops.normalization import BatchNorm


class BatchNormalization(Layer):
    """out = (x - mean) / sqrt(variance + epsilon) * gamma + beta, per channel of ``axis``.

    In training mean and variance are the batch's, and the moving ones follow: moving = momentum * moving + (1 - momentum) *
    batch's. Otherwise, and while the layer is frozen, they are the moving ones.
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
    beta_regularizer: Any = None
    gamma_regularizer: Any = None
    beta_constraint: Any = None
    gamma_constraint: Any = None

    supports_masking = True

    def setup(self) -> None:
        """Make the two ops: from the moving statistics, and from the batch's."""
        self.infer = BatchNorm(self.axis, self.epsilon)
        self.learn = BatchNorm(self.axis, self.epsilon, training=True)

    def build(self, input_shape: Shape) -> None:
        """Make gamma, beta, moving_mean and moving_variance, one value per channel each."""
        shape = (input_shape[self.axis],)
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(
                "gamma",
                shape,
                self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
            )
        if self.center:
            self.beta = self.add_weight(
                "beta", shape, self.beta_initializer, regularizer=self.beta_regularizer, constraint=self.beta_constraint
            )
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
