"""Example: a layer of experts under a gate with a loss of its own, inside patches with positions, as in a vision transformer."""

import keras
import numpy as np
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
images = rng.random((8, 8, 8, 3)).astype("float32")
labels = rng.integers(3, size=8)


class Patches(layers.Layer):
    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def call(self, images):
        batch, height, width, channels = ops.shape(images)
        patches = ops.image.extract_patches(images, size=self.size)
        count = (height // self.size) * (width // self.size)
        return ops.reshape(patches, (batch, count, self.size * self.size * channels))

    def get_config(self):
        return {**super().get_config(), "size": self.size}


class Positions(layers.Layer):
    def __init__(self, count, units, **kwargs):
        super().__init__(**kwargs)
        self.count = count
        self.projection = layers.Dense(units)
        self.embedding = layers.Embedding(count, units)

    def call(self, patches):
        return self.projection(patches) + self.embedding(ops.expand_dims(ops.arange(self.count), 0))


class Experts(layers.Layer):
    def __init__(self, count, units, **kwargs):
        super().__init__(**kwargs)
        self.experts = [layers.Dense(units, activation="gelu") for _ in range(count)]
        self.gate = layers.Dense(count, activation="softmax")

    def call(self, inputs):
        gates = self.gate(inputs)
        outputs = ops.stack([expert(inputs) for expert in self.experts], axis=-2)
        self.add_loss(0.01 * ops.sum(ops.square(ops.mean(gates, axis=(0, 1)))))
        return ops.einsum("bpn,bpnu->bpu", gates, outputs)


inputs = keras.Input((8, 8, 3))
x = Positions(4, 6)(Patches(4)(inputs))
attended = layers.LayerNormalization(epsilon=1e-6)(x)
x = layers.Add()([layers.MultiHeadAttention(2, 3)(attended, attended), x])
x = layers.Add()([Experts(3, 6)(layers.LayerNormalization()(x)), x])
outputs = layers.Dense(3)(layers.GlobalAveragePooling1D()(x))
model = set_weights(keras.Model(inputs, outputs))
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.AdamW(0.01, weight_decay=0.01), loss, metrics=["accuracy"])
history = model.fit(images, labels, batch_size=4, epochs=2, shuffle=False, verbose=0)
features = keras.Model(model.inputs, model.layers[-2].output)
results = {
    "history": history.history,
    "losses": len(model.losses),
    "parameters": model.count_params(),
    "features": features.predict(images[:2], verbose=0),
    "paths": [variable.path.rpartition("/")[2] for variable in model.weights],
}
