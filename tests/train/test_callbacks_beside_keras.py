"""Callbacks in fit against Keras's on JAX: the same data and weights, the same logs."""

from __future__ import annotations

import contextlib
import sys
import types

import numpy as np
import pytest
from keras_parity import close
from keras_parity import real_keras as keras

import layercli

RNG = np.random.default_rng(4)
X = RNG.standard_normal((32, 3)).astype("float32")
Y = (X.sum(1, keepdims=True) + RNG.standard_normal((32, 1)) / 4).astype("float32")
START = [RNG.standard_normal((3, 1)).astype("float32"), np.zeros(1, "float32")]


def made(api, **settings):
    model = api.Sequential([api.Input((3,)), api.layers.Dense(1, name="head")])
    model.compile(api.optimizers.SGD(0.05, **settings), "mse", metrics=["mae"])
    model.set_weights(START)
    return model


def fitted(api, callbacks, epochs=5, **settings):
    model = made(api, **settings)
    run = {"epochs": epochs, "batch_size": 8, "shuffle": False, "validation_data": (X[:8], Y[:8]), "verbose": 0}
    return model, model.fit(X, Y, callbacks=callbacks(api.callbacks), **run).history


CALLBACKS = {
    "a schedule": lambda c: [c.LearningRateScheduler(lambda epoch, rate: float(rate) * 0.5)],
    "a plateau": lambda c: [c.ReduceLROnPlateau("val_loss", patience=1, min_delta=0.2, factor=0.3)],
    "stopping": lambda c: [c.EarlyStopping("val_mae", patience=1, min_delta=0.3, restore_best_weights=True)],
    "functions": lambda c: [c.LambdaCallback(on_epoch_begin=lambda epoch, logs: None)],
}


@pytest.mark.parametrize("name", CALLBACKS)
def test_the_logs_are_keras_s(name):
    (ours, our_history), (theirs, their_history) = (fitted(api, CALLBACKS[name]) for api in (layercli, keras))
    assert sorted(our_history) == sorted(their_history)
    for key, values in their_history.items():
        close(our_history[key], values, 1e-5, key)
    for got, wanted in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        close(got, wanted, 1e-5)


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_averages_are_swapped_in_as_keras_does(swap_on_epoch):
    seen = {}

    def callbacks(api):
        watch = api.LambdaCallback(on_epoch_end=lambda *_: seen[api].append(seen["model"].get_weights()[0]))
        return [api.SwapEMAWeights(swap_on_epoch), watch]

    found = []
    for api in (layercli, keras):
        model = seen["model"] = made(api, use_ema=True, ema_momentum=0.8)
        seen[api.callbacks] = []
        run = {"epochs": 3, "batch_size": 8, "shuffle": False, "validation_data": (X[:8], Y[:8]), "verbose": 0}
        history = model.fit(X, Y, callbacks=callbacks(api.callbacks), **run).history
        found.append([history["loss"], history["val_loss"], model.get_weights()[0], seen[api.callbacks]])
    for got, wanted in zip(*found, strict=True):
        close(got, wanted, 1e-5)


def test_swapping_needs_an_average():
    with pytest.raises(layercli.errors.LayercliError) as raised:
        fitted(layercli, lambda c: [c.SwapEMAWeights()])
    assert str(raised.value) == "SwapEMAWeights needs an average of the weights, which sgd does not keep"
    assert raised.value.hint == "give the optimizer use_ema=True"


class Summary(types.ModuleType):
    """The part of tensorflow.summary that Keras's TensorBoard writes by; ``written`` is what it wrote."""

    def __init__(self):
        super().__init__("tensorflow.summary")
        self.written, self.writers = {}, [None]

    def create_file_writer(self, folder):
        name = folder.rpartition("/")[2]

        @contextlib.contextmanager
        def as_default(step=None):
            self.writers.append(name)
            yield
            self.writers.pop()

        return types.SimpleNamespace(as_default=as_default, close=lambda: None, flush=lambda: None)

    def record_if(self, condition):
        return contextlib.nullcontext()

    def scalar(self, tag, value, step):
        if self.writers[-1]:
            self.written.setdefault((self.writers[-1], tag), []).append((int(step), float(value)))

    def histogram(self, tag, values, step):
        self.written.setdefault((self.writers[-1], tag.split("/", 1)[1]), []).append(step)


def events(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = {}
    for part in ("train", "validation"):
        held = EventAccumulator(str(folder / part), {"histograms": 0, "scalars": 0})
        held.Reload()
        tags = held.Tags()
        found |= {(part, tag): [(event.step, event.value) for event in held.Scalars(tag)] for tag in tags["scalars"]}
        found |= {
            (part, tag.split("/", 1)[1]): [event.step for event in held.Histograms(tag)] for tag in tags["histograms"]
        }
    return found


def test_tensorboard_shows_what_keras_writes(tmp_path, monkeypatch):
    summary = Summary()
    monkeypatch.setitem(sys.modules, "tensorflow", types.SimpleNamespace(summary=summary))
    monkeypatch.setitem(sys.modules, "tensorflow.summary", summary)
    fitted(
        keras,
        lambda c: [c.TensorBoard("logs", histogram_freq=2, write_graph=False, update_freq="batch")],
        epochs=3,
    )
    monkeypatch.undo()
    settings = {"histogram_freq": 2, "update_freq": "batch", "write_images": True}
    fitted(layercli, lambda c: [c.TensorBoard(tmp_path, **settings)], epochs=3)
    found = events(tmp_path)
    assert sorted(found) == sorted(summary.written)
    for key, values in summary.written.items():
        close(found[key], values, 1e-5, key)
    assert len(found["train", "batch_loss"]) == 12
    assert [step for step, _ in found["validation", "evaluation_mae_vs_iterations"]] == [4, 8, 12]
    assert found["train", "head/kernel/histogram"] == [0, 2]


def test_tensorboard_draws_the_graph_and_traces(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    settings = {"profile_batch": "2,3", "write_steps_per_second": True, "update_freq": 3}
    fitted(layercli, lambda c: [c.TensorBoard(tmp_path, **settings)], epochs=1)
    held = EventAccumulator(str(tmp_path / "train"))
    held.Reload()
    graph = held.Tensors("keras")[0].tensor_proto.string_val[0].decode()
    assert '"name": "head"' in graph
    assert [event.step for event in held.Scalars("batch_loss")] == [3]
    assert held.Scalars("epoch_steps_per_second")[0].value > 0
    assert "aten::addmm" in (tmp_path / "train" / "batch_3.trace.json").read_text()


def test_every_hook_is_told_with_logs():
    heard = {api: [] for api in (layercli, keras)}
    for api, seen in heard.items():

        def hook(name, seen=seen):
            def told(*what, logs=None):  # Keras gives the logs by place or by name
                *number, logs = what if logs is None else (*what, logs)
                seen.append((name, *number, sorted(logs or {})))

            return told

        names = [
            name for name in dir(keras.callbacks.Callback) if name.startswith("on_") and not name.startswith("on_batch")
        ]
        everything = [api.callbacks.LambdaCallback(**{name: hook(name) for name in names})]
        model, _ = fitted(api, lambda _, given=everything: given, epochs=1)
        model.evaluate(X, Y, callbacks=everything, verbose=0)
        model.predict(X, callbacks=everything, verbose=0)
    assert heard[layercli] == heard[keras]
    assert ("on_epoch_begin", 0, []) in heard[layercli]
