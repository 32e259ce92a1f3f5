"""Example "Convolutional autoencoder for image denoising"."""

import keras
import numpy as np
from keras import layers

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
clean = rng.random((16, 8, 8, 1)).astype("float32")
noisy = np.clip(clean + 0.4 * rng.normal(size=clean.shape), 0.0, 1.0).astype("float32")
inputs = layers.Input(shape=(8, 8, 1))
x = layers.Conv2D(6, (3, 3), activation="relu", padding="same")(inputs)
x = layers.MaxPooling2D((2, 2), padding="same")(x)
x = layers.Conv2D(6, (3, 3), activation="relu", padding="same")(x)
x = layers.MaxPooling2D((2, 2), padding="same")(x)
x = layers.Conv2DTranspose(6, (3, 3), strides=2, activation="relu", padding="same")(x)
x = layers.Conv2DTranspose(6, (3, 3), strides=2, activation="relu", padding="same")(x)
x = layers.Conv2D(1, (3, 3), activation="sigmoid", padding="same")(x)
autoencoder = set_weights(keras.models.Model(inputs, x))
autoencoder.compile(optimizer="adam", loss="binary_crossentropy")
first = autoencoder.fit(
    x=clean, y=clean, epochs=1, batch_size=8, shuffle=False, validation_data=(clean, clean), verbose=0
)
second = autoencoder.fit(x=noisy, y=clean, epochs=2, batch_size=8, shuffle=False, verbose=0)
results = {"first": first.history, "second": second.history, "predictions": autoencoder.predict(noisy[:2], verbose=0)}
