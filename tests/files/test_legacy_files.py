"""Files of Keras 1.2 and tf.keras 2.12 and 2.15, made by the scripts in legacy/ with what the models gave there."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import layercli
from layercli import layers
from layercli.core import tree
from layercli.errors import FormatError, LayercliError
from layercli.runtime.execution.model_saving import load_model, load_weights
from layercli.saving.legacy_keras_config import converted
from layercli.saving.objects import deserialize_keras_object
from tests.keras_parity import keras
from tests.keras_reference import value_of

ARCHIVES = Path(__file__).parent / "legacy"
KERAS_1 = [
    "branches",
    "cnn",
    "deconvolution",
    "graph",
    "mlp",
    "nested",
    "recurrent",
    "recurrent_gpu",
    "steps",
    "volume",
]
NAMES = ["activations", "attention", "cells", "cnn", "images", "mlp", "nested", "operations", "recurrent", "volumes"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The fixtures, by release."""
    folder = tmp_path_factory.mktemp("legacy")
    for release, archive_name in (("1.2", "keras_1.2"), ("2.12", "tf_keras_2.12"), ("2.15", "tf_keras_2.15")):
        with zipfile.ZipFile(ARCHIVES / f"{archive_name}.zip") as archive:
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


@pytest.mark.parametrize("name", KERAS_1)
def test_keras_1(files, name, tmp_path):
    """Its arguments, merges and axes are converted; without a version, as before 1.2, the file is read as well."""
    path, (inputs, held) = files / "1.2" / f"{name}.h5", record(files / "1.2", name)
    model = load_model(path)
    same(model.predict(fed(model, inputs), verbose=0), held)
    model.save(tmp_path / "again.keras")
    with h5py.File(path, "a") as file:
        del file.attrs["keras_version"]
    for again in (path, tmp_path / "again.keras"):
        same(load_model(again, compile=False).predict(fed(model, inputs), verbose=0), held)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"mode": "cos", "dot_axes": [2, 2]},
            "the layer 'merge_1' is a Merge by 'cos' over the axes [2, 2]; only one of vectors is read",
        ),
        (
            {"mode": "norm", "mode_type": "function"},
            "the layer 'merge_1' is a Merge by 'norm', which has no counterpart",
        ),
        (
            {"mode": "sum", "layers": [{"class_name": "Model"}]},
            "the layer 'merge_1' merges models that are not Sequential",
        ),
    ],
)
def test_what_keras_1_alone_has_is_refused(change, message):
    merge = {"class_name": "Merge", "config": {"name": "merge_1", "layers": [], **change}}
    with pytest.raises(FormatError) as caught:
        converted({"class_name": "Sequential", "config": [merge]})
    assert str(caught.value) == message


X = [[[3.0, 4], [0, 2], [1, 1]]]
Y = [[[4.0, 3], [1, 0], [2, 2]]]


@pytest.mark.parametrize(
    ("arguments", "x", "y", "wanted"),
    [
        ({"mode": "sum"}, X, Y, [[[7, 7], [1, 2], [3, 3]]]),
        ({"mode": "mul"}, X, Y, [[[12, 12], [0, 0], [2, 2]]]),
        ({"mode": "ave"}, X, Y, [[[3.5, 3.5], [0.5, 1], [1.5, 1.5]]]),
        ({"mode": "max"}, X, Y, [[[4, 4], [1, 2], [2, 2]]]),
        ({"mode": "concat", "concat_axis": 1}, X, Y, [X[0] + Y[0]]),
        ({"mode": "concat", "concat_axis": -1}, X, Y, [[[3, 4, 4, 3], [0, 2, 1, 0], [1, 1, 2, 2]]]),
        ({"mode": "dot", "dot_axes": [2, 2]}, X, Y, [[[24, 3, 14], [6, 0, 4], [7, 1, 4]]]),
        ({"mode": "dot", "dot_axes": [1, 1]}, X, Y, [[[14, 11], [20, 14]]]),
        ({"mode": "dot", "dot_axes": [1, 1]}, [[3, 4]], [[4, 3]], [[24]]),
        ({"mode": "cos", "dot_axes": [1, 1]}, [[3, 4], [0, 0]], [[4, 3], [1, 0]], [[[24 / 25]], [[0]]]),
        ({"mode": "cos", "dot_axes": -1}, [[1, 0]], [[-2, 0]], [[[-1]]]),
    ],
)
def test_merges_of_keras_1(arguments, x, y, wanted):
    given = [np.array(each, "float32") for each in (x, y)]
    branches = [
        {"class_name": "Sequential", "config": [{"class_name": "Activation", "config": {
            "name": name, "activation": "linear", "batch_input_shape": [None, *each.shape[1:]]}}]}
        for name, each in zip("xy", given, strict=True)
    ]  # fmt: skip
    merge = {"class_name": "Merge", "config": {"name": "merge_1", "mode_type": "raw", "layers": branches, **arguments}}
    model = deserialize_keras_object(converted({"class_name": "Sequential", "config": [merge]}))
    got = np.asarray(model(given))
    assert got.shape == np.shape(wanted)
    np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_the_cosine_of_more_axes_is_refused():
    """Keras 1 divided each of its products by norms of others."""
    branch = {"class_name": "Activation", "config": {"activation": "linear", "batch_input_shape": [None, 3, 2]}}
    branches = [
        {"class_name": "Sequential", "config": [{**branch, "config": {**branch["config"], "name": name}}]}
        for name in "xy"
    ]
    merge = {
        "class_name": "Merge",
        "config": {"name": "merge_1", "mode": "cos", "dot_axes": [1, 1], "layers": branches},
    }
    with pytest.raises(LayercliError) as caught:
        deserialize_keras_object(converted({"class_name": "Sequential", "config": [merge]}))
    assert str(caught.value) == (
        "the config: merge_1 (Reshape) expects x with 1 values in each sample, got 4 (x = float32[None, 2, 2])"
    )


@pytest.mark.parametrize(("release", "ending"), [("2.12", "keras"), ("2.15", "h5")])
@pytest.mark.parametrize("name", ["attention", "cells", "mlp", "nested", "recurrent"])
def test_weights_h5_of_tf_keras(files, release, ending, name):
    """2.12 called layers otherwise; where hard_sigmoid depends on who wrote the file, that is assumed, and said."""
    folder = files / release
    model, (inputs, held) = load_model(folder / f"{name}.{ending}", compile=False), record(folder, name)
    for variable in model.variables:
        variable.assign(np.full(variable.sizes, 0.5, "float32"))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        load_weights(model, folder / f"{name}.weights.h5")
    assert len(said) == (release == "2.15" and name in ("cells", "recurrent"))
    same(model.predict(fed(model, inputs), verbose=0), held)


def test_state_of_optimizers_before_2_11(files):
    """The values of one kind, then of the next; a flat list of metrics was for every output."""
    model, (inputs, held) = load_model(files / "2.15" / "nested.h5"), record(files / "2.15", "nested")
    assert model.optimizer.step_count == 1
    model.train_on_batch(inputs, [held[f"goal{i}"] for i in range(3)])
    same(model.predict(inputs, verbose=0), held, "next")
    model = load_model(files / "2.15" / "nested.keras")
    model.train_on_batch(inputs, [held[f"goal{i}"] for i in range(3)])
    assert [each for each in model.get_metrics_result() if each.endswith("mae")] == [
        "concatenate_mae",
        "dot_mae",
        "frozen_mae",
    ]


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


def of_ones(units, names):
    """A model of two layers whose variables are all 1."""
    model = layercli.Sequential([layercli.Input((4,)), *(layers.Dense(units, name=name) for name in names)])
    model.set_weights([np.ones(each.shape) for each in model.get_weights()])
    return model


def means(model):
    """The means of a model's variables."""
    return [float(each.mean()) for each in model.get_weights()]


def test_layers_are_loaded_by_their_names(tmp_path):
    source = of_ones(3, "ab")
    source.set_weights([2 * each for each in source.get_weights()])
    source.save(tmp_path / "made" / "m.hdf5")
    renamed, wider = of_ones(3, "ca"), of_ones(4, "ab")
    with pytest.raises(FormatError, match="has the shape"):
        renamed.load_weights(tmp_path / "made" / "m.hdf5", by_name=True)
    assert means(renamed) == [1, 1, 1, 1]
    with pytest.warns(UserWarning, match="a keeps what does not fit"):
        renamed.load_weights(tmp_path / "made" / "m.hdf5", skip_mismatch=True, by_name=True)
    assert means(renamed) == [1, 1, 1, 2]  # the bias alone has the shape
    with pytest.warns(UserWarning, match="keeps what does not fit"):
        wider.load_weights(tmp_path / "made" / "m.hdf5", skip_mismatch=True)
    assert means(wider) == [1, 1, 1, 1]
    alike = of_ones(3, "az")
    alike.load_weights(tmp_path / "made" / "m.hdf5", by_name=True)
    assert means(alike) == [2, 2, 1, 1]
