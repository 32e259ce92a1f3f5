"""BatchNormalization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli import ops
from layercli.core.input_spec import InputSpec
from layercli.core.layer import Layer
from layercli.core.spec import Shape, Spec
from layercli.core.types import Tensor
from layercli.core.variable import Variable
from layercli.layers.normalization.scale_and_shift import SqrtInitializer, limits, scale_and_shift
from layercli.layers.validators import Bool, Constraint, Initializer, NonNegativeInt, Number, Regularizer
from layercli.ops.core.axes import axis_of
from layercli.ops.nn.batch_norm_stats import BatchMoments, Normalize, Renormalization
from layercli.ops.nn.normalization import BatchNorm


class BatchNormalization(Layer):
    """out = (x - mean) / sqrt(variance + epsilon) * gamma + beta, for each channel.

    In training, mean and variance are those of the batch (without masked steps), and the moving averages are updated: moving =
    momentum * moving + (1 - momentum) * batch. In inference, and while the layer is not trainable, they are the moving averages.
    References: Ioffe and Szegedy 2015, arXiv:1502.03167; Ioffe 2017, arXiv:1702.03275 (renorm).

    Args:
        axis: The axis of the channels.
        momentum: The momentum of the moving averages.
        moving_mean_initializer: The initializer of the moving mean.
        moving_variance_initializer: The initializer of the moving variance.
        renorm: Whether to correct the batch statistics towards the moving ones (batch renormalization).
        renorm_clipping: A dict of the limits "rmin", "rmax" and "dmax" of that correction; None for no limits.
        renorm_momentum: The momentum of the moving averages of renorm.
        synchronized: Whether the statistics are those of the batches of all ranks.
    """

    axis: NonNegativeInt = -1
    momentum: Number = 0.99
    epsilon: Number = 1e-3
    center: Bool = True
    scale: Bool = True
    beta_initializer: Initializer = "zeros"
    gamma_initializer: Initializer = "ones"
    moving_mean_initializer: Initializer = "zeros"
    moving_variance_initializer: Initializer = "ones"
    beta_regularizer: Regularizer = None
    gamma_regularizer: Regularizer = None
    beta_constraint: Constraint = None
    gamma_constraint: Constraint = None
    renorm: Bool = False
    renorm_clipping: Any = None
    renorm_momentum: Number = 0.99
    synchronized: Bool = False

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.gamma: Variable | None
            self.beta: Variable | None
            self.moving_stddev: Variable
            self.renorm_mean: Variable
            self.renorm_stddev: Variable

    supports_masking = True

    def setup(self) -> None:
        """Make the ops; UsageError for limits that are none."""
        self.infer = BatchNorm(self.axis, self.epsilon)
        self.learn = BatchNorm(self.axis, self.epsilon, training=True)
        self.moments = BatchMoments(self.axis, self.synchronized)
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
            first = SqrtInitializer(self.moving_variance_initializer)
            for name in ("moving_stddev", "renorm_mean", "renorm_stddev"):
                start = self.moving_mean_initializer if name == "renorm_mean" else first
                setattr(self, name, self.add_weight(name, shape, start, trainable=False, autocast=False))

    def _expected_input(self, shape: Shape | None) -> InputSpec | None:
        return InputSpec(ndim=len(shape), axes={self.axis: shape[self.axis]}) if shape else None

    def call(self, inputs: Tensor, training: bool = False, mask: Tensor | None = None) -> Any:
        """Return the outputs; in training, move the moving statistics."""
        if not training or not self.trainable:
            return self.infer(inputs, self.moving_mean, self.moving_variance, self.gamma, self.beta)
        if mask is None and not self.synchronized and self.correct is None:
            x, mean, variance = self.learn(inputs, self.moving_mean, self.moving_variance, self.gamma, self.beta)
        else:
            mean, variance = self.moments(inputs, mask)
            x = self.normalize(inputs, mean, variance, *self._renormalized(mean, variance))
        update_moving_average(self.moving_mean, mean, self.momentum)
        if self.correct is None:
            update_moving_average(self.moving_variance, variance, self.momentum)
        return x

    def _renormalized(self, mean: Tensor, variance: Tensor) -> tuple[object, object]:
        """Return the gamma and beta to use, and let what renormalization knows of deviations follow."""
        gamma, beta = self.gamma, self.beta
        if self.correct is None:
            return gamma, beta
        r, d, deviation = self.correct(mean, variance, self.renorm_mean, self.renorm_stddev)
        update_moving_average(self.renorm_mean, mean, self.renorm_momentum)
        update_moving_average(self.renorm_stddev, deviation, self.renorm_momentum)
        update_moving_average(self.moving_stddev, deviation, self.momentum)
        moved = self.moving_stddev * self.moving_stddev - self.epsilon
        self.moving_variance.assign(ops.relu(moved))
        shift = d if gamma is None else gamma * d
        return r if gamma is None else gamma * r, shift if beta is None else shift + beta


def update_moving_average(moving: Variable, value: Tensor, momentum: float) -> None:
    """Bring a moving average nearer to ``value``."""
    moving.assign(moving * momentum + value * (1 - momentum))
