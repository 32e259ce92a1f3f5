"""Example "Timeseries anomaly detection using an Autoencoder": 1-D convolutions and their transposes, a threshold of errors."""

import keras
import numpy as np
from keras import layers

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
series = np.sin(np.arange(80) / 3.0) + 0.05 * rng.standard_normal(80)
windows = np.stack([series[i : i + 16] for i in range(64)])[..., None].astype("float32")
model = keras.Sequential(
    [
        layers.Input(shape=(windows.shape[1], windows.shape[2])),
        layers.Conv1D(filters=8, kernel_size=7, padding="same", strides=2, activation="relu"),
        layers.Dropout(rate=0.0),
        layers.Conv1D(filters=4, kernel_size=7, padding="same", strides=2, activation="relu"),
        layers.Conv1DTranspose(filters=4, kernel_size=7, padding="same", strides=2, activation="relu"),
        layers.Dropout(rate=0.0),
        layers.Conv1DTranspose(filters=8, kernel_size=7, padding="same", strides=2, activation="relu"),
        layers.Conv1DTranspose(filters=1, kernel_size=7, padding="same"),
    ]
)
set_weights(model)
model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.001), loss="mse")
history = model.fit(
    windows, windows, epochs=2, batch_size=16, validation_split=0.1, shuffle=False, verbose=0,
    callbacks=[keras.callbacks.EarlyStopping(monitor="val_loss", patience=5, mode="min")],
)  # fmt: skip
errors = np.mean(np.abs(model.predict(windows, verbose=0) - windows), axis=1)
results = {"history": history.history, "threshold": np.max(errors), "errors": errors[:5], "shape": list(errors.shape)}
