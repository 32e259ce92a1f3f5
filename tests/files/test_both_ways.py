"""Every layer and every optimizer in a file: Keras on torch loads ours and computes the same, and we load what it saves of it."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from layercli import Input, Model, Sequential, layers, load_model, optimizers
from tests.keras_files import SHARD, leaves, trained
from tests.layers.test_config import CELLS, TEXT, simple, small

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(18)
X, Y = RNG.standard_normal((8, 3)).astype("float32"), RNG.standard_normal((8, 2)).astype("float32")
SEQUENCE = ((6, 4), np.linspace(-1, 1, 48, dtype="float32").reshape(2, 6, 4))
WRAPPED = {
    "Bidirectional": lambda: layers.Bidirectional(layers.LSTM(3, return_sequences=True), merge_mode="sum"),
    "GRUCell": lambda: layers.RNN(layers.GRUCell(3), return_sequences=True),
    "LSTMCell": lambda: layers.RNN(layers.LSTMCell(3)),
    "Pipeline": lambda: layers.Pipeline([layers.Rescaling(0.5), layers.Rescaling(2.0, offset=1.0)]),
    "SimpleRNNCell": lambda: layers.RNN(layers.SimpleRNNCell(3), go_backwards=True),
    "SpectralNormalization": lambda: layers.SpectralNormalization(layers.Dense(3), power_iterations=2),
    "StackedRNNCells": lambda: layers.RNN([layers.GRUCell(3), layers.LSTMCell(2)]),
    "TimeDistributed": lambda: layers.TimeDistributed(layers.Dense(3, activation="tanh")),
}
"""The layers that hold others, and the cells."""
TENSORFLOW = TEXT | {"Hashing", "IntegerLookup"}
"""What Keras makes with TensorFlow only."""
UNDRAWN = {"Equalization"}
"""What Keras cannot have in a model: it takes the symbolic output for the input."""
NONE = {"Lambda", "TorchModuleWrapper", "InputLayer", "Wrapper", "Layer", "RNN"}
"""What a file holds no code of; that are no layers by themselves; and RNN, which is above by its cells."""
LAYERS = [*(name for name in simple() if name not in CELLS | TENSORFLOW | UNDRAWN), *WRAPPED]
OPTIMIZERS = [
    name
    for name in optimizers.__all__
    if inspect.isclass(made := getattr(optimizers, name))
    and name not in ("Optimizer", "MultiOptimizer", "OptimizerMap")
]


def of_layer(name):
    """Return a model of one layer, and its inputs."""
    if name not in WRAPPED:
        return small(name)
    shape, x = SEQUENCE
    inputs = Input(shape)
    return Model(inputs, WRAPPED[name]()(inputs)), [x]


def of_optimizer(name):
    """Return a model that an optimizer trained for an epoch."""
    kind = getattr(optimizers, name)
    model = Sequential([Input((3,)), layers.Dense(4, name="a"), layers.Dense(2, name="b")])
    model.compile(kind(optimizers.Adam()) if name == "LossScaleOptimizer" else kind(), "mse")
    trained(model, X, Y)
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder of our files, of Keras's answers and of its files."""
    found = tmp_path_factory.mktemp("files")
    for name in [*LAYERS, *OPTIMIZERS]:
        model, inputs = of_layer(name) if name in LAYERS else (of_optimizer(name), [X, Y])
        model.save(found / f"{name}.keras")
        np.savez(found / f"{name}.npz", *inputs)
        if name == "Adam":
            model.save_weights(found / f"{name}.weights.json", max_shard_size=SHARD)
    command = [sys.executable, "-W", "ignore", "-m", "tests.keras_files", str(found)]
    subprocess.run(command, check=True, env={**os.environ, "KERAS_BACKEND": "torch"}, cwd=ROOT)
    return found


def arrays(file):
    with np.load(file) as held:
        return [held[name] for name in held.files]


def equal(found, wanted):
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", [*LAYERS, *OPTIMIZERS])
def test_keras_reads_ours_and_we_read_keras_s(name, folder):
    assert json.loads((folder / "errors.json").read_text()).get(name) is None
    ours, theirs = load_model(folder / f"{name}.keras"), load_model(folder / f"{name}.theirs.keras")
    inputs, wanted = arrays(folder / f"{name}.npz"), arrays(folder / f"{name}.theirs.npz")
    if name in LAYERS:
        equal(leaves(ours(inputs, training=False)), wanted)
        equal(leaves(theirs(inputs, training=False)), wanted)
    else:
        equal(trained(ours, *inputs), wanted)
        equal(theirs.get_weights(), wanted)
        equal(trained(theirs, *inputs), trained(ours, *inputs))


def test_weights_in_several_files_go_both_ways(folder):
    weights = load_model(folder / "Adam.keras").get_weights()
    model = of_optimizer("Adam")
    model.set_weights([np.zeros_like(weight) for weight in weights])
    model.load_weights(folder / "Adam.theirs.weights.json")
    assert len(list(folder.glob("Adam.theirs_*.weights.h5"))) == len(list(folder.glob("Adam_*.weights.h5"))) > 1
    equal(model.get_weights(), weights)


def test_none_is_left_out():
    kinds = {name for name in layers.__all__ if inspect.isclass(getattr(layers, name))}
    assert kinds == {*LAYERS, *TENSORFLOW, *UNDRAWN, *NONE}
