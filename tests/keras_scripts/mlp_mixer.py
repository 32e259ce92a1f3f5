"""Example "Image classification with modern MLP models": a mixer block, a Fourier block and a gated block."""

import keras
import numpy as np
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

x = np.random.default_rng(0).standard_normal((6, 4, 8)).astype("float32")
y = np.random.default_rng(1).integers(0, 3, 6)


class MLPMixerLayer(layers.Layer):
    def __init__(self, num_patches, hidden_units):
        super().__init__()
        self.mlp1 = keras.Sequential(
            [layers.Dense(units=num_patches, activation="gelu"), layers.Dense(units=num_patches)]
        )
        self.mlp2 = keras.Sequential(
            [layers.Dense(units=num_patches, activation="gelu"), layers.Dense(units=hidden_units)]
        )
        self.normalize = layers.LayerNormalization(epsilon=1e-6)

    def build(self, input_shape):
        return super().build(input_shape)

    def call(self, inputs):
        channels = ops.transpose(self.normalize(inputs), axes=(0, 2, 1))
        x = ops.transpose(self.mlp1(channels), axes=(0, 2, 1)) + inputs
        return x + self.mlp2(self.normalize(x))


class FNetLayer(layers.Layer):
    def __init__(self, embedding_dim):
        super().__init__()
        self.ffn = keras.Sequential([layers.Dense(units=embedding_dim, activation="gelu"), layers.Dense(embedding_dim)])
        self.normalize1 = layers.LayerNormalization(epsilon=1e-6)
        self.normalize2 = layers.LayerNormalization(epsilon=1e-6)

    def call(self, inputs):
        real_part = ops.fft2((inputs, ops.zeros_like(inputs)))[0]
        x = self.normalize1(real_part + inputs)
        return self.normalize2(self.ffn(x) + x)


class GatedLayer(layers.Layer):
    def __init__(self, num_patches, embedding_dim):
        super().__init__()
        self.projection1, self.projection2 = layers.Dense(embedding_dim * 2, "gelu"), layers.Dense(embedding_dim)
        self.spatial = layers.Dense(units=num_patches, bias_initializer="Ones")
        self.normalize1, self.normalize2 = (layers.LayerNormalization(epsilon=1e-6) for _ in range(2))

    def call(self, inputs):
        u, v = ops.split(self.projection1(self.normalize1(inputs)), indices_or_sections=2, axis=2)
        v = ops.transpose(self.spatial(ops.transpose(self.normalize2(v), (0, 2, 1))), (0, 2, 1))
        return inputs + self.projection2(u * v)


inputs = layers.Input((4, 8))
blocks = keras.Sequential([MLPMixerLayer(4, 8), FNetLayer(8), GatedLayer(4, 8)])
outputs = layers.Dense(3)(layers.GlobalAveragePooling1D()(blocks(inputs)))
model = set_weights(keras.Model(inputs, outputs))
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["acc"])
reduce_lr = keras.callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1, min_delta=9.0)
history = model.fit(x, y, epochs=4, batch_size=3, callbacks=[reduce_lr], shuffle=False, verbose=0).history
results = {"history": history, "predictions": model.predict(x, verbose=0), "weights": len(model.weights)}
