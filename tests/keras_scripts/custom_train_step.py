"""Guide "Customizing what happens in fit() with PyTorch": train_step and test_step by hand, sample weights, own metrics."""

import keras
import numpy as np
import torch

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
x, y = rng.random((32, 6)).astype("float32"), rng.random((32, 1)).astype("float32")
sample_weight = rng.random((32, 1)).astype("float32")


class CompiledModel(keras.Model):
    def train_step(self, data):
        x, y, sample_weight = data if len(data) == 3 else (*data, None)
        self.zero_grad()
        y_pred = self(x, training=True)
        loss = self.compute_loss(y=y, y_pred=y_pred, sample_weight=sample_weight)
        loss.backward()
        trainable = list(self.trainable_weights)
        gradients = [v.value.grad for v in trainable]
        with torch.no_grad():
            self.optimizer.apply(gradients, trainable)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred, sample_weight=sample_weight)
        return {m.name: m.result() for m in self.metrics}


class OwnMetrics(keras.Model):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.mae_metric = keras.metrics.MeanAbsoluteError(name="mae")
        self.loss_fn = keras.losses.MeanSquaredError()

    def train_step(self, data):
        x, y = data
        self.zero_grad()
        y_pred = self(x, training=True)
        loss = self.loss_fn(y, y_pred)
        loss.backward()
        with torch.no_grad():
            self.optimizer.apply([v.value.grad for v in self.trainable_weights], self.trainable_weights)
        self.loss_tracker.update_state(loss)
        self.mae_metric.update_state(y, y_pred)
        return {"loss": self.loss_tracker.result(), "mae": self.mae_metric.result()}

    def test_step(self, data):
        x, y = data
        self.mae_metric.update_state(y, self(x, training=False))
        return {"mae": self.mae_metric.result()}

    @property
    def metrics(self):
        return [self.loss_tracker, self.mae_metric]


def built(kind):
    inputs = keras.Input(shape=(6,))
    return set_weights(kind(inputs, keras.layers.Dense(1)(keras.layers.Dense(4, activation="tanh")(inputs))))


first, second = built(CompiledModel), built(OwnMetrics)
first.compile(optimizer="adam", loss="mse", metrics=["mae"])
second.compile(optimizer=keras.optimizers.Adam(0.01))
results = {
    "first": first.fit(x, y, sample_weight=sample_weight, epochs=2, batch_size=8, shuffle=False, verbose=0).history,
    "second": second.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0).history,
    "evaluated": second.evaluate(x, y, verbose=0),
    "predictions": [first.predict(x[:3], verbose=0), second.predict(x[:3], verbose=0)],
}
