"""Example "Image Super-Resolution using an Efficient Sub-Pixel CNN": depth to space, PSNR logged by a callback."""

import math

import keras
import numpy as np
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
high = rng.random((8, 12, 12, 1)).astype("float32")
low = ops.convert_to_numpy(ops.image.resize(high, (4, 4), interpolation="bilinear", antialias=True))


class DepthToSpace(layers.Layer):
    def __init__(self, block_size):
        super().__init__()
        self.block_size = block_size

    def call(self, input):
        batch, height, width, depth = ops.shape(input)
        depth = depth // (self.block_size**2)
        x = ops.reshape(input, [batch, height, width, self.block_size, self.block_size, depth])
        x = ops.transpose(x, [0, 1, 3, 2, 4, 5])
        return ops.reshape(x, [batch, height * self.block_size, width * self.block_size, depth])


def get_model(upscale_factor=3, channels=1):
    conv_args = {"activation": "relu", "kernel_initializer": "orthogonal", "padding": "same"}
    inputs = keras.Input(shape=(None, None, channels))
    x = layers.Conv2D(8, 5, **conv_args)(inputs)
    x = layers.Conv2D(6, 3, **conv_args)(x)
    x = layers.Conv2D(channels * (upscale_factor**2), 3, **conv_args)(x)
    return keras.Model(inputs, DepthToSpace(upscale_factor)(x))


class Quality(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.psnr = []

    def on_epoch_end(self, epoch, logs=None):
        logs["psnr"] = float(np.mean(self.psnr))

    def on_test_batch_end(self, batch, logs=None):
        self.psnr.append(10 * math.log10(1 / logs["loss"]))


model = set_weights(get_model())
model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.001), loss=keras.losses.MeanSquaredError())
history = model.fit(
    low, high, epochs=2, batch_size=4, validation_data=(low, high), callbacks=[Quality()], shuffle=False, verbose=0
)
results = {"low": low[0], "history": history.history, "larger": model.predict(low[:1, :3], verbose=0)}
