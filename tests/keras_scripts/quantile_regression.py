"""Example: a loss and a metric of one's own for a quantile, with sample weights, a schedule and early stopping."""

import keras
import numpy as np
from keras import ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
x = rng.random((24, 3)).astype("float32")
y = x.sum(1, keepdims=True) + rng.normal(size=(24, 1)).astype("float32") * x[:, :1]


class QuantileLoss(keras.losses.Loss):
    def __init__(self, quantile=0.5, **kwargs):
        super().__init__(**kwargs)
        self.quantile = quantile

    def call(self, y_true, y_pred):
        error = y_true - y_pred
        return ops.mean(ops.maximum(self.quantile * error, (self.quantile - 1) * error), axis=-1)

    def get_config(self):
        return {**super().get_config(), "quantile": self.quantile}


class Coverage(keras.metrics.Metric):
    def __init__(self, name="coverage", **kwargs):
        super().__init__(name=name, **kwargs)
        self.below = self.add_weight(name="below", initializer="zeros")
        self.total = self.add_weight(name="total", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        below = ops.cast(y_true <= y_pred, "float32")
        weight = ops.ones_like(below) if sample_weight is None else ops.reshape(sample_weight, (-1, 1))
        self.below.assign_add(ops.sum(below * ops.cast(weight, "float32")))
        self.total.assign_add(ops.sum(ops.cast(weight, "float32")))

    def result(self):
        return self.below / (self.total + 1e-7)


model = set_weights(keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(1)]))
rate = keras.optimizers.schedules.CosineDecay(0.05, 20)
model.compile(
    keras.optimizers.SGD(rate, momentum=0.9, clipnorm=1.0),
    QuantileLoss(0.9),
    metrics=[Coverage()],
    weighted_metrics=[Coverage(name="weighted")],
)
stopping = keras.callbacks.EarlyStopping(monitor="val_loss", patience=2, restore_best_weights=True)
history = model.fit(
    x[:16],
    y[:16],
    sample_weight=np.linspace(0, 1, 16),
    batch_size=4,
    steps_per_epoch=3,
    epochs=6,
    shuffle=False,
    verbose=0,
    validation_data=(x[16:], y[16:]),
    callbacks=[stopping],
)
again = QuantileLoss.from_config(QuantileLoss(0.7).get_config())
results = {
    "history": history.history,
    "epochs": len(history.epoch),
    "evaluate": model.evaluate(x[16:], y[16:], verbose=0, return_dict=True),
    "loss of a config": again(y[:2], np.zeros((2, 1), "float32")),
    "prediction": model.predict(x[:3], verbose=0),
}
