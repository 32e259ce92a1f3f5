"""LeNet: LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document Recognition", 1998."""

from __future__ import annotations

from layercli.core.sequential import Sequential
from layercli.layers.convolution import Conv2D
from layercli.layers.dense import Dense
from layercli.layers.input import Input
from layercli.layers.pooling import AveragePooling2D
from layercli.layers.reshaping import Flatten
from layercli.layers.settings import Activation, PositiveInt


def lenet(classes: PositiveInt = 10, activation: Activation = "tanh") -> Sequential:
    """LeNet-5 for images of 32 x 32 in grey: two convolutions, two poolings, three Dense layers."""
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
