"""The small models of TensorFlow's tutorial on custom layers, and a multilayer perceptron."""

from __future__ import annotations

from layercli import ops
from layercli.core.layer import Layer
from layercli.core.model import Model
from layercli.core.sequential import Sequential
from layercli.core.spec import Shape, Spec, with_batch_dim
from layercli.core.types import Tensor
from layercli.initializers import Constant
from layercli.layers.convolutional.conv import Conv2D
from layercli.layers.core.dense import Dense
from layercli.layers.normalization.batch_normalization import BatchNormalization
from layercli.layers.validators import Activation, PositiveInt, PositiveInts


def sequential() -> Sequential:
    """Three convolutions and normalizations of a tutorial.

    The Sequential model of TensorFlow's tutorial on custom layers.
    """
    return Sequential(
        [
            Conv2D(1, (1, 1), input_shape=(None, None, 3)),
            BatchNormalization(),
            Conv2D(2, 1, padding="same"),
            BatchNormalization(),
            Conv2D(3, (1, 1)),
            BatchNormalization(),
        ]
    )


class MyDenseLayer(Layer):
    """out = inputs @ kernel, the custom layer of a tutorial.

    The tutorial is TensorFlow's on custom layers.
    """

    num_outputs: PositiveInt = 10

    def build(self, input_shape: Shape) -> None:
        """Create the kernel for the last axis of the input."""
        self.kernel = self.add_weight("kernel", shape=[int(input_shape[-1]), self.num_outputs])

    def call(self, inputs: Tensor) -> Tensor:
        """Return the product."""
        return ops.matmul(inputs, self.kernel)

    def example_input(self) -> Spec:
        """Return the tutorial's input."""
        return Spec((10, 5))


class LinearRegression(Model):
    """out = slope * x + intercept, the model of a tutorial.

    The tutorial is TensorFlow's on custom training.
    """

    def build(self, input_shape: Shape) -> None:
        """Create slope and intercept with the tutorial's initial values, 5 and 0."""
        self.w = self.add_weight("w", (), initializer=Constant(5.0))
        self.b = self.add_weight("b", (), initializer="zeros")

    def call(self, inputs: Tensor) -> Tensor:
        """Return the line's value for each input."""
        return inputs * self.w + self.b

    def example_input(self) -> Spec:
        """Return a batch of numbers."""
        return Spec(with_batch_dim((None, 1)))


class MLP(Model):
    """A multilayer perceptron for vectors of ``features``.

    Dense layers of ``hidden`` units with an activation, then one of ``units``.
    """

    features: PositiveInt = 784
    hidden: PositiveInts = (128,)
    units: PositiveInt = 10
    activation: Activation = "relu"

    def setup(self) -> None:
        """Create the layers."""
        self.hidden_layers = [Dense(size, activation=self.activation) for size in self.hidden]
        self.head = Dense(self.units)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the logits."""
        x = inputs
        for layer in self.hidden_layers:
            x = layer(x)
        return self.head(x)

    def example_input(self) -> Spec:
        """Return a batch of feature vectors."""
        return Spec(with_batch_dim((None, self.features)))
