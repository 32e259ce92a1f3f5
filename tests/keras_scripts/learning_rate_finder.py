"""A learning rate finder and a schedule of one's own: callbacks that set the rate and stop the training."""

import keras
import numpy as np
from keras import layers

from tests.keras_scripts.weights import set_weights


class LRFinder(keras.callbacks.Callback):
    def __init__(self, lo, hi, n):
        super().__init__()
        self.lo, self.hi, self.n = lo, hi, n
        self.rates, self.losses = [], []

    def on_train_begin(self, logs=None):
        self.w = self.model.get_weights()
        self.model.optimizer.learning_rate = self.lo
        self.mult = (self.hi / self.lo) ** (1 / self.n)

    def on_train_batch_end(self, batch, logs=None):
        lr = float(self.model.optimizer.learning_rate)
        self.rates.append(lr)
        self.losses.append(float(logs["loss"]))
        self.model.optimizer.learning_rate.assign(lr * self.mult)
        if len(self.losses) > 6:
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        self.model.set_weights(self.w)


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, base, warm):
        super().__init__()
        self.base, self.warm = base, warm

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        return keras.ops.where(
            step < self.warm, self.base * step / self.warm, self.base * keras.ops.exp(-(step - self.warm) / 10)
        )

    def get_config(self):
        return {"base": self.base, "warm": self.warm}


m = set_weights(keras.Sequential([keras.Input((5,)), layers.Dense(7, "tanh"), layers.Dense(1)]))
m.compile(keras.optimizers.SGD(1e-3, momentum=0.9, nesterov=True), "mae")
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 5))
y = rng.normal(size=40)
f = LRFinder(1e-4, 1.0, 10)
h = m.fit(X, y, batch_size=4, epochs=2, shuffle=False, callbacks=[f], verbose=0)
m.compile(
    keras.optimizers.Nadam(WarmUp(0.01, 5)),
    keras.losses.Huber(0.5),
    metrics=[keras.metrics.R2Score(), "cosine_similarity"],
)
h2 = m.fit(
    X,
    y,
    batch_size=8,
    epochs=2,
    shuffle=False,
    verbose=0,
    callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda e, l: None)],
)
c = m.optimizer.get_config()
results = {
    "rates": f.rates,
    "losses": f.losses,
    "hist": h.history,
    "h2": h2.history,
    "lr": float(m.optimizer.learning_rate),
    "cfg": sorted(c),
}
