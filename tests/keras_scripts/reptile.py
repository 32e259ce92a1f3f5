"""Example "Few-Shot learning with Reptile": get_weights and set_weights around an inner loop of train_on_batch."""

import keras
import numpy as np
from keras import layers

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
tasks = rng.random((3, 10, 8, 8, 1)).astype("float32")
targets = rng.integers(0, 5, (3, 10))


def conv_bn(x):
    x = layers.Conv2D(filters=4, kernel_size=3, strides=2, padding="same")(x)
    x = layers.BatchNormalization()(x)
    return layers.ReLU()(x)


inputs = layers.Input(shape=(8, 8, 1))
x = layers.Flatten()(conv_bn(conv_bn(inputs)))
model = set_weights(keras.Model(inputs=inputs, outputs=layers.Dense(5, activation="softmax")(x)))
model.compile(optimizer=keras.optimizers.SGD(learning_rate=0.003), loss=keras.losses.SparseCategoricalCrossentropy())
losses = []
for iteration in range(3):
    fraction = 1 - iteration / 3
    old = model.get_weights()
    for images, labels in zip(np.split(tasks[iteration], 2), np.split(targets[iteration], 2), strict=True):
        losses.append(model.train_on_batch(images, labels))
    new = model.get_weights()
    model.set_weights([w + (n - w) * fraction * 0.25 for w, n in zip(old, new, strict=True)])
results = {
    "losses": losses, "predictions": model.predict_on_batch(tasks[0]), "test": model.test_on_batch(tasks[0], targets[0]),
    "iterations": int(model.optimizer.iterations),
}  # fmt: skip
