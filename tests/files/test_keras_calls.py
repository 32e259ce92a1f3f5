"""What a functional model's file says of ``training``, ours and Keras's, and layers whose constructor takes no ``trainable``."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from keras_parity import close
from keras_parity import real_keras as keras

import layercli
from layercli import layers

X = np.random.default_rng(0).standard_normal((8, 6)).astype("float32")


def drawn(api, **told):
    inputs = api.Input((6,))
    x = api.layers.Dropout(0.5)(inputs, **told)
    return api.Model(inputs, api.layers.BatchNormalization()(x, **told))


@pytest.mark.parametrize("told", [{}, {"training": False}, {"training": True}], ids=str)
def test_a_model_of_keras_s_is_in_training_when_it_trains_and_only_then(told, tmp_path):
    """Keras writes ``training`` of every call and lets the model's own mode decide, whatever is written there."""
    drawn(keras, **told).save(tmp_path / "theirs.keras")
    model = layercli.load_model(tmp_path / "theirs.keras")
    before = model.layers[-1].get_weights() if not told else None
    close(model(X).detach(), keras.models.load_model(tmp_path / "theirs.keras").predict(X, verbose=0))
    first, second = (model(X, training=True).detach().numpy() for _ in range(2))
    assert not np.array_equal(first, second)
    if before is not None:
        after = model.layers[-1].get_weights()
        assert not np.array_equal(before[2], after[2])


@pytest.mark.parametrize("training", [False, True])
def test_what_the_author_of_our_model_said_stays_where_a_call_says_nothing(training, tmp_path):
    drawn(layercli, training=training).save(tmp_path / "ours.keras")
    model = layercli.load_model(tmp_path / "ours.keras")
    assert np.array_equal(model(X).detach(), model(X).detach()) is not training
    for mode in (False, True):
        assert np.array_equal(model(X, training=mode).detach(), model(X, training=mode).detach()) is not mode
    config = json.loads(zipfile.ZipFile(tmp_path / "ours.keras").read("config.json"))["config"]
    assert [call["told"] for layer in config["layers"][1:] for call in layer["inbound_nodes"]] == [["training"]] * 2
    keras.models.load_model(tmp_path / "ours.keras").predict(X, verbose=0)


def test_what_nobody_said_is_not_written(tmp_path):
    drawn(layercli).save(tmp_path / "ours.keras")
    config = json.loads(zipfile.ZipFile(tmp_path / "ours.keras").read("config.json"))["config"]
    assert all(call.keys() == {"args", "kwargs"} for layer in config["layers"] for call in layer["inbound_nodes"])


@pytest.mark.parametrize(("name", "shape"), [("SpatialDropout1D", (4, 3)), ("SpatialDropout2D", (4, 4, 3))])
def test_keras_reads_layers_that_take_no_trainable(name, shape, tmp_path):
    model = layercli.Sequential([layercli.Input(shape), getattr(layers, name)(0.5)])
    model.save(tmp_path / "ours.keras")
    x = np.ones((2, *shape), "float32")
    close(keras.models.load_model(tmp_path / "ours.keras").predict(x, verbose=0), x)


def test_keras_reads_such_a_layer_inside_of_another(tmp_path):
    model = layercli.Sequential(
        [layercli.Input((5, 4, 3)), layers.TimeDistributed(layers.SpatialDropout1D(0.5)), layers.Flatten()]
    )
    model.save(tmp_path / "ours.keras")
    x = np.ones((2, 5, 4, 3), "float32")
    close(keras.models.load_model(tmp_path / "ours.keras").predict(x, verbose=0), x.reshape(2, -1))
