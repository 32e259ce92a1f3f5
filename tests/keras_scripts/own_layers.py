"""Guide "Making new layers and models via subclassing": lazy weights, nested layers, losses, training flags, a VAE of layers."""

import keras
import numpy as np
from keras import layers, ops

x = np.random.default_rng(0).standard_normal((6, 4)).astype("float32")


class Linear(layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True)
        self.b = self.add_weight(shape=(self.units,), initializer="random_normal", trainable=True)

    def call(self, inputs):
        return ops.matmul(inputs, self.w) + self.b

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class ComputeSum(layers.Layer):
    def __init__(self, input_dim):
        super().__init__()
        self.total = self.add_weight(initializer="zeros", shape=(input_dim,), trainable=False)

    def call(self, inputs):
        self.total.assign_add(ops.sum(inputs, axis=0))
        return self.total


class Block(layers.Layer):
    def __init__(self):
        super().__init__()
        self.first, self.second = Linear(5), Linear(3)
        self.dense = layers.Dense(2, kernel_regularizer=keras.regularizers.l2(1e-3))

    def call(self, inputs, training=None):
        h = ops.relu(self.second(ops.relu(self.first(inputs))))
        if training:
            h = h * 2.0
        self.add_loss(1e-2 * ops.sum(h))
        return self.dense(h)


class Whole(keras.Model):
    def __init__(self, classes=2, **kwargs):
        super().__init__(**kwargs)
        self.block, self.last = Block(), Linear(classes)

    def call(self, inputs, training=False):
        return self.last(self.block(inputs, training=training))


total = ComputeSum(4)
sums = [ops.convert_to_numpy(total(x)).copy() for _ in range(2)]
model = Whole()
model(x)
for variable in model.weights:
    variable.assign(np.cos(np.arange(np.prod(variable.shape))).reshape(variable.shape))
model(x)
losses = [float(each) for each in model.losses]
model(x, training=True)
losses += [float(each) for each in model.losses]
model.compile(keras.optimizers.Adam(1e-2), loss="mse")
history = model.fit(x, x[:, :2], epochs=3, batch_size=3, shuffle=False, verbose=0).history
copy = Linear.from_config(Linear(7, name="seven").get_config())
results = {
    "sums": sums, "counts": [len(total.weights), len(total.trainable_weights), len(model.weights)], "losses": losses,
    "history": history, "copy": [copy.units, copy.name], "predictions": model.predict(x, verbose=0),
    "names": [each.path.split("/")[-1] for each in model.block.dense.weights],
}  # fmt: skip
