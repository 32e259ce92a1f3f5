"""Example "Timeseries classification from scratch": ModelCheckpoint, ReduceLROnPlateau and EarlyStopping together."""

import tempfile
from pathlib import Path

import keras
import numpy as np

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
x = rng.standard_normal((32, 20, 1)).astype("float32")
y = (x.mean((1, 2)) > 0).astype("int64")


def make_model(input_shape):
    input_layer = h = keras.layers.Input(input_shape)
    for _ in range(3):
        h = keras.layers.Conv1D(filters=6, kernel_size=3, padding="same")(h)
        h = keras.layers.BatchNormalization()(h)
        h = keras.layers.ReLU()(h)
    gap = keras.layers.GlobalAveragePooling1D()(h)
    return keras.models.Model(inputs=input_layer, outputs=keras.layers.Dense(2, activation="softmax")(gap))


model = set_weights(make_model(input_shape=x.shape[1:]))
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "best_model.keras"
    callbacks = [
        keras.callbacks.ModelCheckpoint(str(path), save_best_only=True, monitor="val_loss"),
        keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=1, min_lr=0.0001),
        keras.callbacks.EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True),
    ]
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["sparse_categorical_accuracy"])
    fit = {"batch_size": 8, "epochs": 4, "validation_split": 0.25, "shuffle": False, "verbose": 0}
    history = model.fit(x, y, callbacks=callbacks, **fit)
    best = keras.models.load_model(path)
loss, accuracy = best.evaluate(x, y, verbose=0)
results = {"history": history.history, "loss": loss, "accuracy": accuracy, "epochs": history.epoch,
           "predictions": best.predict(x[:4], verbose=0)}  # fmt: skip
