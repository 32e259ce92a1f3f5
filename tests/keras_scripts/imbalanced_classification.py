"""Example "Imbalanced classification: credit card fraud detection": counts and rates as metrics, class weights."""

import keras
import numpy as np

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
x = rng.standard_normal((48, 6)).astype("float32")
y = (rng.random((48, 1)) < 0.2).astype("uint8")
counts = np.bincount(y[:, 0])
model = keras.Sequential(
    [
        keras.Input(shape=x.shape[1:]),
        keras.layers.Dense(8, activation="relu"),
        keras.layers.Dense(8, activation="relu"),
        keras.layers.Dropout(0.0),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
set_weights(model)
metrics = [
    keras.metrics.FalseNegatives(name="fn"),
    keras.metrics.FalsePositives(name="fp"),
    keras.metrics.TrueNegatives(name="tn"),
    keras.metrics.TruePositives(name="tp"),
    keras.metrics.Precision(name="precision"),
    keras.metrics.Recall(name="recall"),
    keras.metrics.AUC(name="prc", curve="PR"),
]
model.compile(optimizer=keras.optimizers.Adam(1e-2), loss="binary_crossentropy", metrics=metrics)
history = model.fit(
    x, y, batch_size=16, epochs=2, shuffle=False, verbose=0,
    class_weight={0: 1.0 / counts[0], 1: 1.0 / counts[1]},
)  # fmt: skip
results = {"history": history.history, "evaluated": model.evaluate(x, y, verbose=0, return_dict=True),
           "predictions": model.predict(x[:5], verbose=0), "counts": counts}  # fmt: skip
