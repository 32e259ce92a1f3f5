"""Example "Image classification with ConvMixer": depthwise convolutions with shortcuts, AdamW, a rate that is reduced."""

import keras
import numpy as np
from keras import layers

from tests.keras_scripts.weights import set_weights


def activation_block(x):
    x = layers.Activation("gelu")(x)
    return layers.BatchNormalization()(x)


def block(x, filters, k):
    x0 = x
    x = layers.DepthwiseConv2D(kernel_size=k, padding="same")(x)
    x = layers.Add()([activation_block(x), x0])
    x = layers.Conv2D(filters, kernel_size=1)(x)
    return activation_block(x)


inputs = keras.Input((16, 16, 3))
x = layers.Rescaling(scale=1.0 / 255)(inputs)
x = layers.Conv2D(8, kernel_size=2, strides=2)(x)
x = activation_block(x)
for _ in range(2):
    x = block(x, 8, 5)
x = layers.GlobalAvgPool2D()(x)
model = set_weights(keras.Model(inputs, layers.Dense(4, activation="softmax")(x)))
model.compile(
    optimizer=keras.optimizers.AdamW(learning_rate=0.001, weight_decay=0.0001),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2, name="top2")],
)
rng = np.random.default_rng(0)
x = rng.integers(0, 256, (24, 16, 16, 3)).astype("uint8")
y = rng.integers(0, 4, (24, 1))
h = model.fit(
    x,
    y,
    batch_size=8,
    epochs=2,
    validation_split=0.25,
    shuffle=False,
    verbose=0,
    callbacks=[keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=0, factor=0.5, min_delta=10)],
)
results = {
    "history": h.history,
    "eval": model.evaluate(x, y, verbose=0, return_dict=True),
    "lr": float(model.optimizer.learning_rate),
    "params": model.count_params(),
    "epoch": h.epoch,
    "hp": str(sorted(h.params.items())),
}
