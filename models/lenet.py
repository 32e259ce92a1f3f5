"""LeNet: LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document Recognition", 1998."""

from __future__ import annotations

from layercli.core.sequential import Sequential
from layercli.layers.convolutional.conv import Conv2D
from layercli.layers.core.dense import Dense
from layercli.layers.core.input_layer import Input
from layercli.layers.pooling.average_pooling import AveragePooling2D
from layercli.layers.reshaping.flatten import Flatten
from layercli.layers.validators import Activation, PositiveInt


def lenet(classes: PositiveInt = 10, activation: Activation = "tanh") -> Sequential:
    """LeNet-5 for greyscale images of 32 x 32.

    Two convolutions, two poolings, three Dense layers.
    """
    return Sequential(
        [
            Input((32, 32, 1), name="image"),
            Conv2D(6, 5, activation=activation, name="c1"),
            AveragePooling2D(2, name="s2"),
            Conv2D(16, 5, activation=activation, name="c3"),
            AveragePooling2D(2, name="s4"),
            Flatten(),
            Dense(120, activation=activation, name="c5"),
            Dense(84, activation=activation, name="f6"),
            Dense(classes, name="logits"),
        ],
        name="lenet",
    )
