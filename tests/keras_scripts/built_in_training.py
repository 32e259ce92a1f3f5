"""Guide "Training and evaluation with the built-in methods": own losses and metrics, weights, several outputs, schedules."""

import keras
import numpy as np
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
x = rng.standard_normal((48, 6)).astype("float32")
y = rng.integers(0, 3, 48)


class HuberOfOneHot(keras.losses.Loss):
    def __init__(self, delta=0.5, name="huber_of_one_hot"):
        super().__init__(name=name)
        self.delta = delta

    def call(self, y_true, y_pred):
        error = ops.one_hot(ops.cast(ops.reshape(y_true, (-1,)), "int32"), 3) - y_pred
        small = ops.abs(error) < self.delta
        return ops.mean(ops.where(small, 0.5 * ops.square(error), self.delta * ops.abs(error)), axis=-1)


class TruePositives(keras.metrics.Metric):
    def __init__(self, name="positives", **kwargs):
        super().__init__(name=name, **kwargs)
        self.count = self.add_variable(shape=(), initializer="zeros", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        right = ops.equal(ops.cast(ops.reshape(y_true, (-1,)), "int32"), ops.cast(ops.argmax(y_pred, axis=1), "int32"))
        self.count.assign_add(ops.sum(ops.cast(right, "float32")))

    def result(self):
        return self.count.value

    def reset_state(self):
        self.count.assign(0)


class ActivityPenalty(layers.Layer):
    def call(self, inputs):
        self.add_loss(ops.mean(inputs) * 0.1)
        return inputs


inputs = keras.Input(shape=(6,), name="digits")
h = layers.Dense(8, activation="relu", name="dense_1")(inputs)
h = ActivityPenalty()(h)
outputs = layers.Dense(3, activation="softmax", name="predictions")(h)
model = set_weights(keras.Model(inputs, outputs))
schedule = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=4, decay_rate=0.96, staircase=True)
model.compile(keras.optimizers.RMSprop(schedule), loss=HuberOfOneHot(), metrics=[TruePositives(), "accuracy"])
plain = model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
model.compile("sgd", loss=HuberOfOneHot(), metrics=["accuracy"])
split = model.fit(x, y, batch_size=8, validation_split=0.25, shuffle=False, verbose=0).history

model.compile("adam", loss="sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
weighted = model.fit(x, y, class_weight={0: 1.0, 1: 1.0, 2: 2.0}, batch_size=16, shuffle=False, verbose=0).history
sampled = model.fit(x, y, sample_weight=np.linspace(0, 2, 48), batch_size=16, shuffle=False, verbose=0).history
early = keras.callbacks.EarlyStopping(monitor="val_loss", min_delta=10.0, patience=1, verbose=0)
stopped = model.fit(x, y, epochs=9, validation_data=(x, y), callbacks=[early], shuffle=False, verbose=0).history

results = {
    "split": split,
    "plain": plain, "weighted": weighted, "sampled": sampled, "stopped": stopped,
    "evaluated": model.evaluate(x, y, verbose=0, return_dict=True), "predictions": model.predict(x[:4], verbose=0),
}  # fmt: skip
