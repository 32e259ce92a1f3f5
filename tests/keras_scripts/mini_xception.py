"""Example "Image classification from scratch": a small Xception with projected residuals."""

import keras
import numpy as np
from keras import layers

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
images, labels = rng.integers(0, 256, (8, 24, 24, 3)).astype("float32"), rng.integers(0, 2, 8)


def make_model(input_shape, num_classes):
    inputs = keras.Input(shape=input_shape)
    x = layers.Rescaling(1.0 / 255)(inputs)
    x = layers.Conv2D(8, 3, strides=2, padding="same")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    previous_block_activation = x
    for size in [8, 12]:
        x = layers.Activation("relu")(x)
        x = layers.SeparableConv2D(size, 3, padding="same")(x)
        x = layers.BatchNormalization()(x)
        x = layers.Activation("relu")(x)
        x = layers.SeparableConv2D(size, 3, padding="same")(x)
        x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        residual = layers.Conv2D(size, 1, strides=2, padding="same")(previous_block_activation)
        x = layers.add([x, residual])
        previous_block_activation = x
    x = layers.SeparableConv2D(16, 3, padding="same")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    units = 1 if num_classes == 2 else num_classes
    return keras.Model(inputs, layers.Dense(units, activation=None)(layers.Dropout(0.0)(x)))


model = set_weights(make_model((24, 24, 3), 2))
model.compile(
    optimizer=keras.optimizers.SGD(0.05, momentum=0.9),
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy(name="acc")],
)
history = model.fit(images, labels, epochs=2, batch_size=4, validation_data=(images, labels), shuffle=False, verbose=0)
results = {
    "history": history.history,
    "score": keras.ops.sigmoid(model.predict(images[:2], verbose=0)),
    "parameters": model.count_params(),
}
