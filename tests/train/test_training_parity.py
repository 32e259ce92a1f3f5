"""Training against Keras on JAX: the same data, weights and order, the same losses and weights after 20 steps."""

from __future__ import annotations

import numpy as np
import pytest
from keras_parity import close
from keras_parity import real_keras as keras

import layercli
from tests.keras_reference import asked

RNG = np.random.default_rng(7)
SAMPLES, BATCH = 80, 16
X = RNG.standard_normal((SAMPLES, 6)).astype("float32")
IMAGES = RNG.standard_normal((SAMPLES, 8, 8, 1)).astype("float32")
LABELS = RNG.integers(0, 3, SAMPLES)
LINE = RNG.standard_normal((SAMPLES, 2)).astype("float32")
WEIGHTS = RNG.uniform(0.1, 2.0, SAMPLES).astype("float32")


def mlp(api, regularized=False):
    own = {"kernel_regularizer": "l2", "activity_regularizer": "l1"} if regularized else {}
    inputs = api.Input((6,))
    x = api.layers.Dense(8, activation="relu", **own)(inputs)
    return api.Model(inputs, api.layers.Dense(3)(x))


def cnn(api):
    return api.Sequential(
        [
            api.Input((8, 8, 1)),
            api.layers.Conv2D(4, 3, padding="same", activation="relu"),
            api.layers.BatchNormalization(),
            api.layers.MaxPooling2D(2),
            api.layers.Dropout(0.0),
            api.layers.Flatten(),
            api.layers.Dense(3, activation="softmax"),
        ]
    )


def two_outputs(api):
    a, b = api.Input((6,), name="a"), api.Input((6,), name="b")
    x = api.layers.Dense(8, activation="tanh", name="joined")(api.layers.Add()([a, b]))
    return api.Model([a, b], [api.layers.Dense(3, name="kind")(x), api.layers.Dense(2, name="place")(x)])


def crossentropy(api):
    return api.losses.SparseCategoricalCrossentropy(from_logits=True)


def adam(api):
    return api.optimizers.Adam(0.01)


def momentum(api):
    return api.optimizers.SGD(0.05, momentum=0.9)


CASES = {
    "adam": (mlp, adam, {"loss": crossentropy, "metrics": ["accuracy"]}, X, LABELS, {}),
    "momentum": (mlp, momentum, {"loss": crossentropy}, X, LABELS, {}),
    "penalties": (lambda api: mlp(api, True), adam, {"loss": crossentropy}, X, LABELS, {}),
    "cnn": (
        cnn,
        adam,
        {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]},
        IMAGES,
        LABELS,
        {"validation_split": 0.2, "epochs": 5},
    ),
    "sample weights": (
        mlp,
        adam,
        {"loss": crossentropy, "metrics": ["accuracy"], "weighted_metrics": ["sparse_categorical_accuracy"]},
        X,
        LABELS,
        {"sample_weight": WEIGHTS},
    ),
    "class weights": (
        mlp,
        adam,
        {"loss": crossentropy, "weighted_metrics": ["accuracy"]},
        X,
        LABELS,
        {"class_weight": {0: 0.5, 2: 3.0}},
    ),
    "accumulation": (
        mlp,
        lambda api: api.optimizers.Adam(0.01, gradient_accumulation_steps=3),
        {"loss": crossentropy},
        X,
        LABELS,
        {},
    ),
    "a last batch that is smaller": (
        mlp,
        adam,
        {"loss": crossentropy, "metrics": ["accuracy"]},
        X,
        LABELS,
        {"batch_size": 24},
    ),
    "two outputs": (
        two_outputs,
        momentum,
        {
            "loss": lambda api: [crossentropy(api), "mse"],
            "loss_weights": [1.0, 0.3],
            "metrics": [["accuracy"], ["mae"]],
        },
        [X, X[::-1].copy()],
        [LABELS, LINE],
        {},
    ),
    "two outputs by name": (
        two_outputs,
        momentum,
        {"loss": lambda api: {"kind": crossentropy(api), "place": "mse"}, "loss_weights": {"kind": 2.0, "place": 0.3}},
        {"a": X, "b": X[::-1].copy()},
        {"kind": LABELS, "place": LINE},
        {},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_twenty_steps(name):
    make, optimizer, settings, x, y, fitting = CASES[name]
    run = {"epochs": 4, "batch_size": BATCH, "shuffle": False, "verbose": 0, **fitting}
    theirs = asked("trained", make, optimizer, settings, x, y, run)
    ours = make(layercli)
    ours.compile(optimizer(layercli), **{k: v(layercli) if callable(v) else v for k, v in settings.items()})
    ours.set_weights(theirs["start"])

    history = ours.fit(x, y, **run).history

    assert ours.optimizer.iterations == theirs["iterations"] > 5
    assert sorted(history) == sorted(theirs["history"])
    for key, values in theirs["history"].items():
        close(history[key], values, 1e-5, key)
    moved = False
    for variable, got, wanted, before in zip(
        ours.variables, ours.get_weights(), theirs["weights"], theirs["start"], strict=True
    ):
        close(got, wanted, 1e-5, variable.path)
        moved |= bool(np.abs(wanted - before).max() > 1e-3)
    assert moved
    close(ours.evaluate(x, y, verbose=0), theirs["evaluated"], 1e-5, "evaluate")


def test_a_mask_leaves_steps_out_of_the_loss():
    def make(api):
        return api.Sequential(
            [api.Input((4,), dtype="int32"), api.layers.Embedding(5, 3, mask_zero=True), api.layers.Dense(2)]
        )

    ids = np.array([[1, 2, 0, 0], [3, 4, 1, 0]] * 4, "int32")
    y = RNG.standard_normal((8, 4, 2)).astype("float32")
    found = []
    start = None
    for api in (keras, layercli):
        model = make(api)
        model.compile("sgd", "mse", metrics=["mae"])
        start = start or model.get_weights()
        model.set_weights(start)
        model.fit(ids, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
        found.append([*model.evaluate(ids, y, verbose=0), *map(np.sum, model.get_weights())])
    close(found[1], found[0], 1e-5)
