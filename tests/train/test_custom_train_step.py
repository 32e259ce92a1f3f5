"""Models with a train_step of their own that call their parts one by one."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import layercli
from layercli.errors import UsageError

RNG = np.random.default_rng(5)


class Autoencoder(layercli.Model):
    """A model that computes nothing itself: its step calls its parts, as Keras's examples of VAEs and GANs do."""

    def __init__(self, coder, decoder):
        super().__init__(name="autoencoder")
        self.coder, self.decoder = coder, decoder
        self.tracker = layercli.metrics.Mean(name="error")

    @property
    def metrics(self):
        return [self.tracker]

    def train_step(self, data):
        self.zero_grad()
        error = layercli.ops.mean(layercli.ops.square(self.decoder(self.coder(data)) - data))
        error.backward()
        weights = list(self.trainable_weights)
        with torch.no_grad():
            self.optimizer.apply([weight.value.grad for weight in weights], weights)
        self.tracker.update_state(error)
        return {"error": self.tracker.result()}


def parts(known):
    first = [layercli.Input((4, 4, 1))] if known else []
    coder = layercli.Sequential([*first, layercli.layers.Conv2D(3, 3, padding="same", activation="tanh")])
    return coder, layercli.Sequential([layercli.layers.Conv2DTranspose(1, 3, padding="same")])


@pytest.mark.parametrize("known", [True, False], ids=["built before", "built by the first step"])
@pytest.mark.filterwarnings("error:The .grad attribute")
def test_a_model_that_only_holds_its_parts_is_trained(known):
    layercli.utils.set_random_seed(1)
    x = RNG.standard_normal((32, 4, 4, 1)).astype("float32")
    coder, decoder = parts(known)
    model = Autoencoder(coder, decoder)
    model.compile(layercli.optimizers.Adam(0.05))
    errors = model.fit(x, epochs=6, batch_size=8, verbose=0).history["error"]
    assert errors[-1] < 0.5 * errors[0]
    assert len(model.trainable_variables) == 4
    assert sum(p.numel() for p in model.parameters()) == model.count_params() == 58
    assert {name for name, _ in model.module.named_children()} == {"coder", "decoder"}


def test_what_holds_only_parts_cannot_be_called():
    model = Autoencoder(*parts(True))
    with pytest.raises(UsageError) as error:
        model(np.zeros((1, 4, 4, 1), "float32"))
    assert str(error.value) == "autoencoder (Autoencoder) does not say what it computes: it has no call method"


class Distiller(layercli.Model):
    """Its loss is its own, asks not whether it is trained, and nothing of compile's."""

    def __init__(self, student, teacher):
        super().__init__()
        self.student, self.teacher = student, teacher

    def compile(self, optimizer, metrics, temperature):
        super().compile(optimizer=optimizer, metrics=metrics)
        self.temperature = temperature

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, allow_empty=False):
        wanted = layercli.ops.softmax(self.teacher(x, training=False) / self.temperature)
        return layercli.losses.kl_divergence(wanted, layercli.ops.softmax(y_pred / self.temperature)).mean()

    def call(self, x):
        return self.student(x)


def test_a_loss_of_ones_own_beside_metrics_of_compile():
    def dense(name):
        return layercli.Sequential([layercli.Input((3,)), layercli.layers.Dense(4)], name=name)

    layercli.utils.set_random_seed(2)
    x, y = RNG.standard_normal((64, 3)).astype("float32"), RNG.integers(0, 4, 64)
    model = Distiller(dense("student"), dense("teacher"))
    model.compile(layercli.optimizers.Adam(0.05), ["sparse_categorical_accuracy"], temperature=2.0)
    model.teacher.trainable = False  # else it learns as well, in Keras too
    before = model.teacher.get_weights()
    history = model.fit(x, y, epochs=8, verbose=0, batch_size=16).history
    assert list(history) == ["loss", "sparse_categorical_accuracy"]
    assert history["loss"][-1] < 0.2 * history["loss"][0]
    found = model.evaluate(x, y, verbose=0, return_dict=True)
    right = (model.predict(x, verbose=0).argmax(-1) == y).mean()
    assert found["sparse_categorical_accuracy"] == pytest.approx(right)
    assert found["loss"] == pytest.approx(model.compute_loss(torch.from_numpy(x), y, model(x)).item(), rel=1e-5)
    for a, b in zip(before, model.teacher.get_weights(), strict=True):
        assert np.array_equal(a, b)


def test_a_step_may_call_the_loss_of_compile():
    model = layercli.Sequential([layercli.Input((3,)), layercli.layers.Dense(1)])
    assert model.loss is None
    model.compile("sgd", layercli.losses.mean_absolute_error)
    assert model.loss(np.ones((2, 1)), np.zeros((2, 1))).tolist() == [1.0, 1.0]


class Penalized(layercli.Layer):
    def call(self, x):
        self.add_loss(layercli.ops.mean(layercli.ops.square(x)))
        return x


class Summing(layercli.Model):
    """Its step minimises what its parts add to the losses, each in its last call."""

    def __init__(self):
        super().__init__()
        dense = layercli.layers.Dense(4, activity_regularizer="l2", kernel_regularizer="l1")
        self.first = layercli.Sequential([layercli.Input((3,)), dense, Penalized()])
        self.second = layercli.Sequential([layercli.layers.Dense(2), Penalized()])
        self.counts = []

    def train_step(self, data):
        self.zero_grad()
        self.second(self.first(data))
        self.counts.append(len(self.losses))
        loss = sum(self.losses)
        loss.backward()
        weights = self.trainable_weights
        self.optimizer.apply([weight.value.grad for weight in weights], weights)
        return {"loss": loss}


def test_what_parts_add_to_the_losses_is_of_their_last_call():
    model = Summing()
    model.compile(layercli.optimizers.SGD(0.1))
    losses = model.fit(RNG.standard_normal((16, 3)), batch_size=4, epochs=3, verbose=0).history["loss"]
    assert model.counts == [4] * 12
    assert losses[-1] < losses[0]
    x = torch.ones(2, 3)
    dense = model.first.layers[0]
    values = dense(x)
    outputs = model.second(model.first(x))
    added = [0.01 * values.square().sum() / 2, values.square().mean(), outputs.square().mean()]
    expected = torch.stack([*added, 0.01 * dense.kernel.value.abs().sum()])
    assert torch.allclose(torch.stack(model.losses), expected)
    model.compile("sgd", "mse")
    assert torch.allclose(model.compute_loss(y=torch.zeros(2, 2), y_pred=outputs), expected.sum() + added[2])


class OwnMetrics(layercli.Sequential):
    @property
    def metrics(self):
        return [self.count]


def test_a_class_with_its_own_metrics_logs_these_alone():
    model = OwnMetrics([layercli.Input((2,)), layercli.layers.Dense(1)])
    model.count = layercli.metrics.Mean(name="count")
    model.compile("sgd", "mse", metrics=["mae"])
    x, y = np.ones((4, 2)), np.ones((4, 1))
    assert list(model.fit(x, y, validation_data=(x, y), verbose=0).history) == ["count", "val_count"]
    assert model.evaluate(x, y, verbose=0) == 0.0


def compiled(**given):
    inputs = layercli.Input((2,))
    model = layercli.Model(inputs, [layercli.layers.Dense(1, name=name)(inputs) for name in "ab"])
    model.compile("adam", "mse", **given)
    model.fit(np.ones((4, 2)), [np.ones((4, 1))] * 2, verbose=0)
    return model


def test_the_loss_is_a_mean_whose_state_can_be_set():
    model = compiled()
    paths = [f"{name}/{sum_}" for name in ("loss", "a_loss", "b_loss") for sum_ in ("total", "count")]
    assert [variable.path for variable in model.metrics_variables] == paths
    assert float(model.metrics[0].count) == 4
    model.metrics_variables[0].assign(6.0)
    model.metrics_variables[1].assign(4.0)
    assert float(model.get_metrics_result()["loss"]) == 1.5
    model.metrics[0].update_state(3.0)
    assert float(model.metrics[0].result()) == pytest.approx(9 / 5)
    _, (_, _, after) = model.stateless_compute_loss(
        model.trainable_variables, [], [*[0.0] * 6], np.ones((1, 2)), [np.ones((1, 1))] * 2, model(np.ones((1, 2)))
    )
    assert [float(value) for value in after[:2]] == [0, 0]
    assert model.get_state_tree("numpy_array")["metrics_variables"]["loss"] == {"total": 9, "count": 5}


def test_a_metric_keeps_its_name_whatever_the_logs_call_it():
    own = layercli.metrics.MeanSquaredError(name="own")
    model = compiled(metrics={"a": [own, "mae"], "b": "mae"})
    assert sorted(model.history.history) == ["a_loss", "a_mae", "a_own", "b_loss", "b_mae", "loss"]
    assert own.name == "own"
    assert repr(own) == "<MeanSquaredError name=own>"
    assert [variable.path for variable in model.metrics_variables[2:]] == [
        *("own/total", "own/count"), *["mean_absolute_error/total", "mean_absolute_error/count"] * 2,
        *("a_loss/total", "a_loss/count", "b_loss/total", "b_loss/count"),
    ]  # fmt: skip
    assert [layercli.optimizers.Adam().name, layercli.optimizers.Adam(name="adam").name] == ["adam_1", "adam"]


def test_evaluate_lists_what_keras_lists_in_its_order():
    """As the metrics are given; of outputs in a dict the losses as in the dict of losses, after the metrics."""
    one = layercli.Sequential([layercli.Input((2,)), layercli.layers.Dense(1, kernel_initializer="ones")])
    one.compile("sgd", "mse", metrics=["mae", layercli.metrics.CosineSimilarity(name="a")], weighted_metrics=["mape"])
    assert one.evaluate(np.ones((2, 2)), np.full((2, 1), 4.0), verbose=0) == [4, 2, 1, 50]
    inputs = layercli.Input((2,))
    outputs = {name: layercli.layers.Dense(1, kernel_initializer="ones")(inputs) for name in "ba"}
    two = layercli.Model(inputs, outputs)
    two.compile("sgd", {"b": "mse", "a": "mae"}, metrics={"a": ["mse"]})
    y = {"a": np.full((2, 1), 5.0), "b": np.full((2, 1), 4.0)}
    assert two.evaluate(np.ones((2, 2)), y, verbose=0) == [7, 4, 3, 9]
    assert list(two.get_metrics_result()) == ["loss", "a_mse", "b_loss", "a_loss"]


def test_a_weighted_metric_of_the_name_of_another_is_called_weighted():
    assert sorted(compiled(metrics=["mse", "mae"], weighted_metrics=["mse", "mape"]).history.history) == [
        *("a_loss", "a_mse", "a_weighted_mse", "b_loss", "b_mae", "b_mape", "loss"),
    ]  # fmt: skip


def test_the_json_of_a_compiled_model_compiles_another():
    model = compiled(metrics=["mse", "mae"])
    described = json.loads(model.to_json())
    assert described["compile_config"]["loss"] == "mse"
    again = layercli.models.model_from_json(model.to_json())
    assert again.get_compile_config() == model.get_compile_config()
    assert layercli.saving.deserialize_keras_object(described).compiled
