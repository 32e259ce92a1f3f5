"""A layer of your own by ``__init__``, ``build`` and ``call``, and a model that nests layers.

python examples/custom_layer.py
layercli summary examples/custom_layer.py:ResidualBlock --input-shape N,8,8,16
"""

import layercli
from layercli import layers, ops


class ScaledDense(layercli.Layer):
    """outputs = scale * (inputs @ kernel)."""

    def __init__(self, units, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.scale = scale

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")

    def call(self, inputs):
        return self.scale * ops.matmul(inputs, self.kernel)


class ResidualBlock(layercli.Model):
    """outputs = relu(inputs + conv(relu(conv(inputs))))."""

    def __init__(self, filters=16, **kwargs):
        super().__init__(**kwargs)
        self.first = layers.Conv2D(filters, 3, padding="same", activation="relu")
        self.second = layers.Conv2D(filters, 3, padding="same")

    def call(self, inputs):
        return ops.relu(inputs + self.second(self.first(inputs)))


def main():
    layer = ScaledDense(4, scale=2.0)
    outputs = layer(ops.ones((2, 3)))
    print(layer.name, tuple(outputs.shape), [variable.path for variable in layer.variables])
    block = ResidualBlock()
    block(ops.ones((1, 8, 8, 16)))
    block.summary()


if __name__ == "__main__":
    main()
