"""Files of tf.keras 2.12 and 2.15, made by legacy/make_fixtures.py with what the models gave there."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from layercli.core import tree
from layercli.runtime.execution.model_saving import load_model, load_weights
from tests.keras_reference import value_of
from tests.oracle import keras

ARCHIVES = Path(__file__).parent / "legacy"
NAMES = ["activations", "attention", "cells", "cnn", "images", "mlp", "nested", "operations", "recurrent", "volumes"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The fixtures, by release."""
    folder = tmp_path_factory.mktemp("legacy")
    for release in ("2.12", "2.15"):
        with zipfile.ZipFile(ARCHIVES / f"tf_keras_{release}.zip") as archive:
            archive.extractall(folder / release)
    return folder


def record(folder, name):
    """The inputs and outputs of a model."""
    held = np.load(folder / f"{name}.npz")
    return [held[key] for key in sorted(held) if key.startswith("in")], held


def fed(model, inputs):
    """The inputs as the model takes them."""
    if isinstance(model.input, dict):
        return dict(zip(model.input, inputs, strict=True))
    return inputs if len(inputs) > 1 else inputs[0]


def same(got, held, kind="out", tolerance=2e-6):
    wanted = [held[key] for key in sorted(held) if key.startswith(kind)]
    for ours, theirs in zip(tree.flatten(got), wanted, strict=True):
        assert np.abs(np.asarray(ours) - theirs).max() <= tolerance * max(1, np.abs(theirs).max())


@pytest.mark.parametrize("name", NAMES)
def test_whole_model_in_hdf5(files, name):
    folder = files / "2.15"
    model, (inputs, held) = load_model(folder / f"{name}.h5", compile=False), record(folder, name)
    same(model.predict(fed(model, inputs), verbose=0), held)


@pytest.mark.parametrize("name", NAMES)
def test_hdf5_named_keras(files, name):
    folder = files / "2.12"
    model, (inputs, held) = load_model(folder / f"{name}.keras", compile=False), record(folder, name)
    same(model.predict(fed(model, inputs), verbose=0), held)


@pytest.mark.parametrize("name", NAMES)
def test_saved_again_it_is_what_keras_3_reads(files, name, tmp_path):
    folder = files / "2.15"
    model, (inputs, held) = load_model(folder / f"{name}.h5", compile=False), record(folder, name)
    model.save(tmp_path / "again.keras")
    theirs = keras.models.load_model(tmp_path / "again.keras")
    same(value_of(theirs(fed(model, inputs), training=False)), held)


@pytest.mark.parametrize("name", NAMES)
def test_weights_alone(files, name):
    folder = files / "2.15"
    model, (inputs, held) = load_model(folder / f"{name}.h5", compile=False), record(folder, name)
    for variable in model.variables:
        variable.assign(np.full(variable.sizes, 0.5, "float32"))
    load_weights(model, folder / f"{name}.old.h5")
    same(model.predict(fed(model, inputs), verbose=0), held)


@pytest.mark.parametrize("name", NAMES)
def test_archive_of_tf_keras(files, name):
    folder = files / "2.15"
    model, (inputs, held) = load_model(folder / f"{name}.keras", compile=False), record(folder, name)
    same(model.predict(fed(model, inputs), verbose=0), held)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_training_goes_on_as_in_tf_keras(files, ending):
    model, (inputs, held) = load_model(files / "2.15" / f"mlp.{ending}"), record(files / "2.15", "mlp")
    model.train_on_batch(inputs[0], held["goal0"])
    # Adam makes steps of what rounding leaves of the gradient of a bias before batch normalization
    same(model.predict(inputs[0], verbose=0), held, "next", 1e-4)


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize(("name", "rates"), [("nested", (0.01, 0.01 / 1.1)), ("volumes", (0.01, 0.01 * 0.9**0.1))])
def test_rates_that_decay_are_schedules(files, name, rates, ending):
    schedule = load_model(files / "2.15" / f"{name}.{ending}").optimizer.get_config()["learning_rate"]
    said = {key: value for key, value in schedule["config"].items() if value is not None}
    rate = keras.optimizers.schedules.deserialize({**schedule, "config": said})
    assert [float(rate(step)) for step in (0, 1)] == pytest.approx(rates)
