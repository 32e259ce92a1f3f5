"""Guide "Hyperparameter search": models built by a function of named values, the best of which is kept and saved."""

import json
import os
import tempfile

import keras
import numpy as np
from keras import layers

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
x = rng.normal(size=(24, 6)).astype("float32")
y = (x.sum(1) > 0).astype("int32")
folder = tempfile.mkdtemp()


def build_model(values):
    keras.backend.clear_session()
    model = keras.Sequential(name="hyper")
    model.add(keras.Input(shape=(6,)))
    for i in range(values["layers"]):
        model.add(layers.Dense(values[f"units_{i}"], activation=values["activation"]))
        if values["batch"]:
            model.add(layers.BatchNormalization(momentum=0.9))
        model.add(layers.Dropout(rate=0.0))
    model.add(layers.Dense(2, activation="softmax"))
    optimizer = keras.optimizers.get({"class_name": values["optimizer"], "config": {"learning_rate": values["lr"]}})
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return set_weights(model)


class Keep(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.epochs = []

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append([epoch, *(logs[key] for key in sorted(logs))])


space = [
    {"layers": 1, "units_0": 8, "activation": "relu", "batch": False, "optimizer": "adam", "lr": 1e-2},
    {"layers": 2, "units_0": 8, "units_1": 4, "activation": "tanh", "batch": True, "optimizer": "SGD", "lr": 1e-1},
    {"layers": 1, "units_0": 4, "activation": "leaky_relu", "batch": True, "optimizer": "Nadam", "lr": 1e-2},
]
trials = []
for index, values in enumerate(space):
    model, keep = build_model(values), Keep()
    path = os.path.join(folder, f"trial-{index}.weights.h5")
    saved = keras.callbacks.ModelCheckpoint(
        path, save_best_only=True, save_weights_only=True, monitor="val_accuracy", mode="max"
    )
    stop = keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True, start_from_epoch=1)
    history = model.fit(
        x,
        y,
        epochs=4,
        batch_size=8,
        validation_data=(x[:8], y[:8]),
        shuffle=False,
        verbose=0,
        callbacks=[keep, saved, stop],
    )
    model.load_weights(path)
    trials.append(
        {
            "epochs": keep.epochs,
            "params": history.params,
            "stopped": stop.stopped_epoch,
            "score": model.evaluate(x, y, verbose=0),
        }
    )
best = int(np.argmax([each["score"][1] for each in trials]))
model = build_model(space[best])
model.load_weights(os.path.join(folder, f"trial-{best}.weights.h5"))
model.save(os.path.join(folder, "best.keras"))
again = keras.saving.load_model(os.path.join(folder, "best.keras"))
config = json.loads(again.to_json())
results = {
    "trials": trials,
    "best": best,
    "again": again.predict(x, verbose=0),
    "class": config["class_name"],
    "names": [each["config"]["name"] for each in config["config"]["layers"]],
    "compiled": again.get_compile_config()["loss"],
    "optimizer": again.optimizer.get_config()["name"],
    "rate": float(again.optimizer.learning_rate),
}
