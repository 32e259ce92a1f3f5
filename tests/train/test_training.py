"""fit, evaluate and predict: what they take, what they give, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from keras_parity import real_keras as keras
from torch.utils.data import DataLoader, TensorDataset

import layercli
from layercli import Input, Layer, Model, Sequential, config, layers, losses, metrics, ops
from layercli.errors import LayercliError

RNG = np.random.default_rng(5)
X = RNG.standard_normal((40, 3)).astype("float32")
Y = X @ np.array([[1.0], [-2.0], [0.5]], "float32") + 1
QUIET = {"verbose": 0}


def line(loss="mse", **settings):
    layercli.random.set_seed(0)
    model = Sequential([Input((3,)), layers.Dense(1, name="head")], name="line")
    model.compile(settings.pop("optimizer", "sgd"), loss, **settings)
    return model


def trained(x, y=None, model=None, **settings):
    model = model or line()
    model.fit(x, y, **{"epochs": 2, "batch_size": 8, "shuffle": False, **QUIET, **settings})
    return model.get_weights()


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def pairs(times=1):
    for _ in range(times):
        for i in range(0, 40, 8):
            yield X[i : i + 8], Y[i : i + 8]


LOADED = DataLoader(TensorDataset(torch.from_numpy(X), torch.from_numpy(Y)), batch_size=8)
SOURCES = {
    "tensors": lambda: trained(torch.from_numpy(X), torch.from_numpy(Y)),
    "lists": lambda: trained(X.tolist(), Y.tolist()),
    "float64": lambda: trained(X.astype("float64"), Y.astype("float64")),
    "reversed in memory": lambda: trained(X[::-1].copy()[::-1], Y),
    "Dataset": lambda: trained(TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))),
    "DataLoader": lambda: trained(LOADED),
    "generator": lambda: trained(pairs(2), steps_per_epoch=5),
    "weights of one": lambda: trained(X, Y, sample_weight=np.ones(40)),
}


@pytest.mark.parametrize("name", SOURCES)
def test_data_of_any_kind_trains_alike(name):
    assert same(SOURCES[name](), trained(X, Y))


def test_a_mapped_file_is_read_batch_by_batch(tmp_path):
    np.save(tmp_path / "x.npy", X.astype("float64"))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    from layercli.runtime.training.data_adapters import source_of

    source = source_of(mapped)
    assert source.x.data_ptr() == mapped.ctypes.data
    assert same(trained(mapped, Y), trained(X, Y))


def test_a_generator_weighs_classes_too():
    labels = (Y[:, 0] > 1).astype("int64")[:, None]
    batches = ((X[i : i + 8], labels[i : i + 8]) for i in range(0, 40, 8))
    by_generator = trained(batches, epochs=1, class_weight={1: 4.0})
    assert same(by_generator, trained(X, labels, epochs=1, class_weight={1: 4.0}))
    assert not same(by_generator, trained(X, labels, epochs=1))


def test_shuffling_is_a_permutation_that_follows_from_the_seed():
    seen = []

    class Spy(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            seen.append(data[0][:, 0].tolist())
            return super().train_step(data)

    numbers = np.arange(40, dtype="float32")[:, None]

    def orders():
        seen.clear()
        layercli.random.set_seed(3)
        model = Spy()
        model.compile("sgd", "mse")
        model.fit(numbers, numbers * 0, epochs=2, batch_size=16, **QUIET)
        assert [len(batch) for batch in seen] == [16, 16, 8] * 2
        return [x for part in seen[:3] for x in part], [x for part in seen[3:] for x in part]

    first, second = orders()
    assert sorted(first) == sorted(second) == numbers[:, 0].tolist()
    assert first != second
    assert first != numbers[:, 0].tolist()
    assert orders() == (first, second)


def test_fit_leaves_the_callers_random_state_alone():
    model = line()
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    trained(X, Y, model, shuffle=True)
    assert torch.equal(torch.rand(3), expected)


def test_the_history_holds_every_epoch():
    model = line(metrics=["mae"])
    history = model.fit(X, Y, epochs=5, initial_epoch=2, validation_data=(X[:8], Y[:8]), validation_freq=2, **QUIET)
    assert history.epoch == [2, 3, 4]
    assert {name: len(values) for name, values in history.history.items()} == {
        "loss": 3, "mae": 3, "val_loss": 1, "val_mae": 1,
    }  # fmt: skip
    assert model.history is history
    assert history.history["loss"][2] < history.history["loss"][0]


def test_validation_is_the_last_part_and_is_not_trained_on():
    model = line()
    before = model.get_weights()
    y = Y.copy()
    y[30:] = 1000
    history = model.fit(X, y, validation_split=0.25, epochs=1, batch_size=30, **QUIET)
    expected = float(np.mean((X[:30] @ before[0] + before[1] - y[:30]) ** 2))
    assert history.history["loss"][0] == pytest.approx(expected, rel=1e-5)
    assert history.history["val_loss"][0] == pytest.approx(
        float(np.mean((model.predict(X[30:]) - 1000) ** 2)), rel=1e-5
    )


def test_evaluate_gives_a_number_a_list_or_a_dict():
    assert isinstance(line().evaluate(X, Y, **QUIET), float)
    model = line(metrics=["mae", "mse"])
    loss, mae, mse = model.evaluate(X, Y, batch_size=7, **QUIET)
    errors = model.predict(X) - Y
    assert (loss, mae, mse) == pytest.approx((np.mean(errors**2), np.mean(abs(errors)), np.mean(errors**2)), rel=1e-5)
    assert model.evaluate(X, Y, return_dict=True, batch_size=7, **QUIET) == {"loss": loss, "mae": mae, "mse": mse}


def test_predict_gives_arrays_shaped_as_the_outputs():
    inputs = Input((3,))
    model = Model(inputs, {"sum": layers.Dense(1)(inputs), "same": [ops.relu(inputs)]})
    found = model.predict(X, batch_size=7)
    assert found["sum"].shape == (40, 1)
    assert np.array_equal(found["same"][0], np.maximum(X, 0))
    assert np.array_equal(model.predict_on_batch(X)["same"][0], found["same"][0])
    assert model.predict(pairs(), steps=2)["sum"].shape == (16, 1)


def test_batches_by_hand_train_as_fit_does():
    model = line(metrics=["mae"])
    for _ in range(2):
        logs = [model.train_on_batch(X[i : i + 8], Y[i : i + 8], return_dict=True) for i in range(0, 40, 8)]
    fitted = line(metrics=["mae"])
    history = fitted.fit(X, Y, epochs=2, batch_size=8, shuffle=False, **QUIET).history
    assert same(model.get_weights(), fitted.get_weights())
    for name, values in history.items():  # each batch's own
        assert np.mean([each[name] for each in logs]) == pytest.approx(values[-1])
    assert model.test_on_batch(X, Y) == pytest.approx(model.evaluate(X, Y, batch_size=40, **QUIET))


def test_steps_of_your_own():
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)
            self.tracker = metrics.Mean(name="doubled")

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            x, y = data
            loss = 2 * ((self(x, training=True) - y) ** 2).mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.tracker.update_state(loss)
            return {"doubled": self.tracker.result()}

        def test_step(self, data):
            return {"nothing": 0.0}

    model = Own()
    model.compile("sgd")
    history = model.fit(X, Y, batch_size=len(X), epochs=3, validation_data=(X, Y), **QUIET).history
    assert list(history) == ["doubled", "val_nothing"]
    assert history["doubled"][2] < history["doubled"][1] < history["doubled"][0]  # of the same samples in each epoch
    assert model.metrics[1:] == [model.tracker]
    assert model.evaluate(X, Y, return_dict=True) == {"nothing": 0.0}


def test_losses_that_layers_add_are_minimised():
    class Adds(Layer):
        def call(self, inputs):
            self.add_loss(ops.mean(inputs * inputs) if hasattr(ops, "mean") else (inputs * inputs).mean())
            return inputs

    inputs = Input((3,))
    model = Model(inputs, Adds()(layers.Dense(2)(inputs)))
    model.compile("sgd")
    history = model.fit(X, epochs=3, **QUIET).history
    assert history["loss"][2] < history["loss"][0] * 0.99
    assert model.evaluate(X, **QUIET) == pytest.approx(float(np.mean(model.predict(X) ** 2)), rel=1e-5)


def test_interrupted_it_evaluates_again_and_gives_the_terminal_back(monkeypatch):
    closed = []
    monkeypatch.setattr(layercli.callbacks.ProgbarLogger, "close", lambda self: closed.append(self))

    def interrupt(step, logs):
        raise KeyboardInterrupt

    model = line()
    with pytest.raises(KeyboardInterrupt):
        trained(X, Y, model, verbose=2, callbacks=[layercli.callbacks.LambdaCallback(on_train_batch_end=interrupt)])
    assert not model.module.training
    assert len(closed) == 1


def test_what_training_keeps_on_a_model_is_no_setting_of_it():
    class Wide(Model):
        units: int = 3

    assert list(Wide._fields) == ["units"]
    assert Wide(5).units == 5


def test_frozen_layers_stay_as_they_are():
    inputs = Input((3,))
    frozen, head = layers.Dense(4, name="frozen"), layers.Dense(1, name="head")
    frozen.trainable = False
    model = Model(inputs, head(frozen(inputs)))
    model.compile("adam", "mse")
    before = model.get_weights()
    after = trained(X, Y, model)
    assert [np.array_equal(a, b) for a, b in zip(before, after, strict=True)] == [True, True, False, False]


def test_gradients_are_accumulated_over_steps():
    whole = trained(X, Y, line(), batch_size=16, epochs=1)
    parts = trained(X, Y, line(gradient_accumulation=2), batch_size=8, epochs=1)
    # the last of the five steps of 8 waits for a sixth; the two updates before are those of batches of 16
    assert not same(whole, parts)
    assert all(
        np.allclose(a, b, atol=1e-6)
        for a, b in zip(trained(X[:32], Y[:32], line(), batch_size=16, epochs=1), parts, strict=True)
    )


def test_callbacks_hear_of_every_so_many_steps():
    heard = []
    model = line(steps_per_execution=2)
    trained(
        X,
        Y,
        model,
        epochs=1,
        callbacks=[layercli.callbacks.LambdaCallback(on_train_batch_end=lambda step, logs: heard.append(step))],
    )
    assert heard == [1, 3]


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16"])
def test_low_precision_learns(policy):
    layercli.random.set_seed(0)
    model = Sequential(
        [Input((3,)), layers.Dense(8, activation="relu", dtype=policy), layers.Dense(1, dtype=policy)], dtype=policy
    )
    model.compile(layercli.optimizers.Adam(0.02), "mse")
    history = model.fit(X, Y, epochs=40, batch_size=8, **QUIET).history["loss"]
    assert history[-1] < 0.1 * history[0]
    scaled = isinstance(model.optimizer, layercli.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
    assert {variable.dtype for variable in model.variables} == {"float32" if "mixed" in policy else "bfloat16"}


def test_the_loss_is_not_scaled_where_that_is_not_wanted():
    model = Sequential([Input((3,)), layers.Dense(1)], dtype="mixed_float16")
    model.compile("sgd", "mse", auto_scale_loss=False)
    assert isinstance(model.optimizer, layercli.optimizers.SGD)


LABELS = losses.SparseCategoricalCrossentropy(from_logits=True)
REFUSED = [
    (lambda: Sequential([layers.Dense(1)], name="s").fit(X, Y), "s is not compiled, which fit needs"),
    (lambda: Sequential([layers.Dense(1)], name="s").evaluate(X, Y), "s is not compiled, which evaluate needs"),
    (lambda: line("mean_squared_eror").fit(X, Y), "there is no loss 'mean_squared_eror'"),
    (lambda: line(optimizer="adamm"), "there is no optimizer 'adamm'"),
    (lambda: line(optimizer=None), "compile needs an optimizer, got None"),
    (lambda: line(metrics=["acuracy"]).fit(X, Y), "there is no metric 'acuracy'"),
    (lambda: line(steps_per_execution=0), "steps_per_execution is an integer from 1 up, got 0"),
    (lambda: line().fit(X, Y[:39]), "fit expects as many samples everywhere, got x 40, y 39"),
    (
        lambda: line().fit(X, Y, sample_weight=np.ones(3)),
        "fit expects as many samples everywhere, got x 40, y 40, sample_weight 3",
    ),
    (lambda: line().fit(X), "the output 'head' has a loss or metrics, and no targets"),
    (lambda: line(None, metrics=["mae"]).evaluate(X), "the output 'head' has a loss or metrics, and no targets"),
    (lambda: line().fit(X, Y, epochs="3"), "epochs must be an integer >= 0, got '3'"),
    (lambda: line().fit(X, Y, callbacks=[3]), "callbacks are Callback objects, got 3"),
    (lambda: line(optimizer=3), "3 is no optimizer: give its name, its config, or the object"),
    (
        lambda: line().fit(X, Y, validation_data=(X, Y, Y, Y)),
        "validation_data is (x, y) or (x, y, sample_weight), got 4 values",
    ),
    (
        lambda: line().fit(iter([(X, Y, Y, Y)]), verbose=0),
        "a batch is x, (x, y) or (x, y, sample_weight), got a tuple of 4",
    ),
    (lambda: trained({"a": X, "b": X}, Y), "line (Sequential) expects one input, got a dict of 'a', 'b'"),
    (
        lambda: trained(X, Y * 0 + 3, line("binary_crossentropy")),
        "binary_crossentropy expects targets from 0 to 1, got 3",
    ),
    (lambda: trained(X, Y * np.nan, line(LABELS)), "labels must be from 0 to 0, the 1 classes predicted, got nan"),
    (lambda: line().fit(X[:0], Y[:0]), "fit got no data: x has 0 samples"),
    (lambda: line().fit(None), "fit got no data: x is None"),
    (lambda: line().predict(X[:0]), "predict got no data: x has 0 samples"),
    (lambda: line().fit(np.float32(3), Y), "fit expects x to have an axis of samples, got a single number"),
    (lambda: line().fit(X[:1], np.array(["a"])), "the data holds text, which is not numeric"),
    (lambda: line().fit(iter([]), verbose=0), "there is no data: the first batch is missing"),
    (lambda: line().fit(LOADED, Y), "fit takes no y and no sample_weight beside DataLoader: its batches hold them"),
    (
        lambda: line().fit(pairs(), validation_split=0.1),
        "validation_split needs arrays: batches of a loader or generator cannot be split",
    ),
    (lambda: line().fit(X, Y, validation_split=0.999), "validation_split=0.999 of 40 samples leaves none on one side"),
    (lambda: line().fit(X, Y, verbose="foo"), "verbose is 0, 1, 2 or 'auto', got 'foo'"),
    (lambda: line().fit(X, Y, batch_size=-1), "batch_size must be an integer >= 1, got -1"),
    (
        lambda: line().fit(X, Y, class_weight={0: 1.0}, sample_weight=np.ones(40)),
        "class_weight and sample_weight cannot both be given",
    ),
    (
        lambda: trained(X, np.ones((40, 2, 2))),
        "mean_squared_error expects y_true and y_pred of one shape, got (8, 2, 2) and (8, 1)",
    ),
    (lambda: trained(X, np.full(40, 3), line(LABELS)), "labels must be from 0 to 0, the 1 classes predicted, got 3"),
    (lambda: trained(X, [Y, Y]), "expects targets for 1 outputs (head), got 2"),
    (lambda: trained(X, Y, line(["mse", "mse"])), "loss has 2 entries for 1 outputs (head)"),
    (lambda: trained(X, Y, line({"hed": "mse"})), "loss names the output 'hed', there are 'head'"),
    (lambda: trained(X, Y, line(None)), "line has no loss to minimise"),
    (lambda: trained(X[:, :2], Y), "head (Dense) expects x with 3 features, got 2 (x = float32[8, 2])"),
]


@pytest.mark.parametrize(("act", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_does_not_fit_is_said_in_a_sentence(act, message):
    with pytest.raises(LayercliError) as raised:
        act()
    assert str(raised.value) == message


def test_nothing_to_train_is_said():
    model = line()
    model.trainable = False
    with pytest.warns(UserWarning, match="^line has no trainable variables: fit changes nothing$") as warned:
        model.fit(X, Y, verbose=0)
    assert warned[0].filename == __file__


def test_outputs_without_a_loss_need_no_targets():
    def net(api):
        inputs = api.Input((3,), name="x")
        first, second = api.layers.Dense(1, name="first")(inputs), api.layers.Dense(2, name="second")(inputs)
        made = api.Model(inputs, [first, second])
        made.set_weights([np.full(weight.shape, 0.1) for weight in made.get_weights()])
        return made

    def after(model, loss, y):
        model.compile("sgd", loss)
        model.fit(X, y, epochs=2, batch_size=8, shuffle=False, **QUIET)
        return model.get_weights()

    expected = after(net(layercli), ["mse", None], [Y, np.zeros((40, 2))])
    assert same(after(net(layercli), ["mse", None], Y), expected)
    assert same(after(net(layercli), {"first": "mse"}, {"first": Y}), expected)
    for ours, theirs in zip(expected, after(net(keras), ["mse", None], Y), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    with pytest.raises(LayercliError) as error:
        after(net(layercli), ["mse", "mse"], Y)
    assert str(error.value) == "expects targets for 2 outputs (first, second), got 1"
    with pytest.raises(LayercliError) as error:
        after(net(layercli), {"first": "mse"}, {"second": Y})
    assert str(error.value) == "expects targets for the output 'first', got them for 'second'"


def test_limits_of_the_configuration_hold_for_fit_evaluate_and_predict(monkeypatch):
    """As a test of a script sets them, by functions or by Keras's environment variables."""
    model = Sequential([Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((12, 2), "float32"), np.ones((12, 1), "float32")
    config.set_max_epochs(2)
    config.set_max_steps_per_epoch(1)
    try:
        history = model.fit(x, y, epochs=5, batch_size=4, verbose=0)
        assert history.epoch == [0, 1]
        assert model.optimizer.step_count == 2
        assert model.predict(x, batch_size=4, verbose=0).shape == (4, 1)
        assert (config.max_epochs(), config.max_steps_per_epoch()) == (2, 1)
        for wrong in (0, "3", 1.5):
            with pytest.raises(LayercliError, match="max_epochs must be an integer above 0 or None"):
                config.set_max_epochs(wrong)
    finally:
        config.set_max_epochs(None)
        config.set_max_steps_per_epoch(None)
    assert model.predict(x, batch_size=4, verbose=0).shape == (12, 1)
    monkeypatch.setenv("KERAS_MAX_EPOCHS", "3")
    monkeypatch.delitem(config._most, "KERAS_MAX_EPOCHS")
    assert model.fit(x, y, epochs=5, verbose=0).epoch == [0, 1, 2]
    monkeypatch.delitem(config._most, "KERAS_MAX_EPOCHS")


def test_an_epoch_goes_on_in_the_data_where_the_last_one_stopped():
    whole = line()
    whole.fit(X, Y, batch_size=8, epochs=2, shuffle=False, **QUIET)
    parts = line()  # 5 batches in epochs of 2, 2 and 1, twice; the values of Keras 3.15.1 are the same
    history = parts.fit(X, Y, batch_size=8, steps_per_epoch=2, epochs=6, shuffle=False, **QUIET).history
    assert same(whole.get_weights(), parts.get_weights())
    assert len(history["loss"]) == 6
    seen = []
    once = line()
    once.train_step = lambda data: seen.append(data[0]) or {"loss": torch.zeros(())}
    once.fit(X, Y, batch_size=8, steps_per_epoch=2, epochs=3, **QUIET)
    assert sorted(map(tuple, torch.cat(seen).tolist())) == sorted(map(tuple, X.tolist()))  # shuffled once in a pass
