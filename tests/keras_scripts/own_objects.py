"""Guide "Save, serialize, and export": an initializer, constraint, regularizer, loss, metric and schedule of one's own."""

import os
import tempfile

import keras
import numpy as np
from keras import layers, ops

from tests.keras_scripts.weights import set_weights

register = keras.saving.register_keras_serializable(package="own")
rng = np.random.default_rng(0)
x, y = rng.normal(size=(16, 4)).astype("float32"), rng.normal(size=(16, 2)).astype("float32")


@register
class Steps(keras.initializers.Initializer):
    def __init__(self, step=0.1):
        self.step = step

    def __call__(self, shape, dtype=None):
        return ops.reshape(ops.arange(int(np.prod(shape)), dtype=dtype), shape) * self.step

    def get_config(self):
        return {"step": self.step}


@register
class Centered(keras.constraints.Constraint):
    def __init__(self, ref_value):
        self.ref_value = ref_value

    def __call__(self, w):
        return w - ops.mean(w) + self.ref_value

    def get_config(self):
        return {"ref_value": self.ref_value}


@register
class Power(keras.regularizers.Regularizer):
    def __init__(self, factor=0.01, power=3):
        self.factor, self.power = factor, power

    def __call__(self, w):
        return self.factor * ops.sum(ops.power(ops.abs(w), self.power))

    def get_config(self):
        return {"factor": self.factor, "power": self.power}


@register
class Pinball(keras.losses.Loss):
    def __init__(self, tau=0.3, name="pinball", reduction="sum_over_batch_size", **kwargs):
        super().__init__(name=name, reduction=reduction)
        self.tau = tau

    def call(self, y_true, y_pred):
        error = y_true - y_pred
        return ops.mean(ops.maximum(self.tau * error, (self.tau - 1) * error), axis=-1)

    def get_config(self):
        return {**super().get_config(), "tau": self.tau}


@register
class Positive(keras.metrics.Metric):
    def __init__(self, name="positive", threshold=0.0, **kwargs):
        super().__init__(name=name, **kwargs)
        self.threshold = threshold
        self.count = self.add_weight(name="count", initializer="zeros")
        self.total = self.add_weight(name="total", initializer="zeros", dtype="int32")

    def update_state(self, y_true, y_pred, sample_weight=None):
        values = ops.cast(y_pred > self.threshold, "float32")
        if sample_weight is not None:
            values = values * ops.reshape(ops.cast(sample_weight, "float32"), (-1, 1))
        self.count.assign_add(ops.sum(values))
        self.total.assign(self.total + ops.size(y_pred))

    def result(self):
        return self.count / ops.cast(self.total, "float32")

    def reset_state(self):
        self.count.assign(0.0)
        self.total.assign(0)

    def get_config(self):
        return {**super().get_config(), "threshold": self.threshold}


@register
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, peak, steps):
        self.peak, self.steps = peak, steps

    def __call__(self, step):
        step = ops.cast(step, "float32")
        return ops.where(step < self.steps, self.peak * (step + 1) / self.steps, self.peak * ops.rsqrt(step + 1))

    def get_config(self):
        return {"peak": self.peak, "steps": self.steps}


@register
def twice_relu(x):
    return 2 * ops.relu(x)


model = keras.Sequential([
    keras.Input((4,), name="rows"), layers.Dense(3, activation=twice_relu, kernel_initializer=Steps(0.05)),
    layers.Dense(2, kernel_regularizer=Power(), kernel_constraint=Centered(0.0), name="out"),
])  # fmt: skip
initial = model.layers[0].kernel.numpy()
set_weights(model)
metrics = [Positive(threshold=0.1), "mae"]
model.compile(
    keras.optimizers.SGD(WarmUp(0.01, 3)),
    loss=Pinball(0.2),
    metrics=metrics,
    weighted_metrics=[Positive(name="weighted")],
)
history = model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0, sample_weight=np.linspace(0, 1, 16)).history
path = os.path.join(tempfile.mkdtemp(), "own.keras")
model.save(path)
loaded = keras.models.load_model(path)
more = [each.fit(x, y, batch_size=8, epochs=1, shuffle=False, verbose=0).history for each in (model, loaded)]
kinds = [
    (keras.initializers, Steps(0.5)), (keras.constraints, Centered(1.0)), (keras.regularizers, Power(0.02)),
    (keras.losses, Pinball(0.4)), (keras.metrics, Positive(threshold=0.3)),
    (keras.optimizers.schedules, WarmUp(0.1, 2)),
]  # fmt: skip
written = [module.serialize(each) for module, each in kinds]
saved = [keras.saving.serialize_keras_object(each) for _, each in kinds]
labels = rng.integers(0, 2, 16)
weighted = set_weights(keras.Sequential([keras.Input((4,)), layers.Dense(2, activation="softmax")]))
weighted.compile("sgd", "sparse_categorical_crossentropy")
classes = {"class_weight": {0: 1.0, 1: 3.0}, "validation_split": 0.25}
results = {
    "initial": initial, "history": history, "more": more, "predictions": loaded.predict(x, verbose=0),
    "losses": [float(each) for each in loaded.losses], "rate": float(loaded.optimizer.learning_rate),
    "names": [keras.saving.get_registered_name(each) for each in (Steps, twice_relu, Pinball)],
    "written": [[each["class_name"], each["registered_name"], each["config"]] for each in (*written, *saved)],
    "again": [
        type(module.deserialize(each)).__name__ for (module, _), each in zip(kinds, written, strict=True)
    ],
    "weighted": weighted.fit(x, labels, shuffle=False, verbose=0, **classes).history,
    "named": loaded.predict({"rows": x}, verbose=0),
}  # fmt: skip
