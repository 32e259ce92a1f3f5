"""Guide "Writing your own callbacks": every hook in its order, early stopping at the minimum, a schedule of one's own."""

import keras
import numpy as np

from tests.keras_scripts.weights import set_weights

rng = np.random.default_rng(0)
x, y = rng.standard_normal((32, 4)).astype("float32"), rng.standard_normal((32, 1)).astype("float32")
calls = []


class EveryHook(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        calls.append(f"train begin {sorted(logs or {})}")

    def on_train_end(self, logs=None):
        calls.append(f"train end {sorted(logs)}")

    def on_epoch_begin(self, epoch, logs=None):
        calls.append(f"epoch {epoch} begin")

    def on_epoch_end(self, epoch, logs=None):
        calls.append(f"epoch {epoch} end {sorted(logs)}")

    def on_test_begin(self, logs=None):
        calls.append("test begin")

    def on_test_batch_end(self, batch, logs=None):
        calls.append(f"test batch {batch} {sorted(logs)}")

    def on_predict_batch_end(self, batch, logs=None):
        calls.append(f"predict batch {batch} {sorted(logs)} {logs['outputs'].shape}")

    def on_train_batch_begin(self, batch, logs=None):
        calls.append(f"batch {batch} begin")

    def on_train_batch_end(self, batch, logs=None):
        calls.append(f"batch {batch} end {sorted(logs)}")


class StopAtMinimum(keras.callbacks.Callback):
    def __init__(self, patience=0):
        super().__init__()
        self.patience, self.best_weights = patience, None

    def on_train_begin(self, logs=None):
        self.wait, self.stopped_epoch, self.best = 0, 0, np.inf

    def on_epoch_end(self, epoch, logs=None):
        if logs["loss"] < self.best:
            self.best, self.wait, self.best_weights = logs["loss"], 0, self.model.get_weights()
            return
        self.wait += 1
        if self.wait >= self.patience:
            self.stopped_epoch, self.model.stop_training = epoch, True
            self.model.set_weights(self.best_weights)


class Schedule(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate = float(self.model.optimizer.learning_rate) * (1.0 if epoch < 2 else 30.0)


def model():
    made = set_weights(keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]))
    made.compile(keras.optimizers.RMSprop(learning_rate=0.1), loss="mean_squared_error", metrics=["mae"])
    return made


first, second = model(), model()
fit = {"batch_size": 16, "verbose": 0, "shuffle": False}
first.fit(x, y, epochs=1, validation_split=0.5, callbacks=[EveryHook()], **fit)
first.evaluate(x, y, batch_size=16, verbose=0, callbacks=[EveryHook()])
first.predict(x, batch_size=16, verbose=0, callbacks=[EveryHook()])
stop = StopAtMinimum()
lambdas = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: calls.append(f"lambda {epoch}"))
history = second.fit(x, y, epochs=8, callbacks=[stop, Schedule(), lambdas], **fit).history
results = {"calls": calls, "history": history, "stopped": [stop.stopped_epoch, stop.best],
           "after": second.evaluate(x, y, verbose=0)}  # fmt: skip
