"""Keras's helpers around data and settings, beside Keras's own."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from keras_parity import keras

import layercli
from layercli import config, mixed_precision, utils
from layercli.core import dtypes
from layercli.errors import DTypeError, ShapeError, UsageError


@pytest.fixture(autouse=True)
def _policy_as_it_was():
    before = dtypes.default_policy()
    yield
    dtypes.set_default_policy(before)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([0, 2, 1], None),
        ([0, 2, 1], 5),
        ([[0], [3]], None),
        ([[0, 1], [2, 0]], None),
        (np.array([1.0, 0.0]), 2),
        (2, 4),
    ],
)
def test_to_categorical(labels, classes):
    ours, theirs = utils.to_categorical(labels, classes), keras.utils.to_categorical(labels, classes)
    assert ours.dtype == theirs.dtype
    assert np.array_equal(ours, theirs)


def test_to_categorical_of_a_tensor():
    found = utils.to_categorical(torch.tensor([[0], [2]]), 3)
    assert torch.equal(found, torch.tensor([[1.0, 0, 0], [0, 0, 1]]))
    assert torch.equal(utils.to_categorical(torch.tensor([0, 2])), found)


def test_a_class_that_is_not_there():
    with pytest.raises(UsageError) as error:
        utils.to_categorical([0, 3], 3)
    assert str(error.value) == "to_categorical got the class 3, and there are 3, counted from 0"


@pytest.mark.parametrize("settings", [{}, {"order": 1}, {"axis": 1, "order": np.inf}])
def test_normalize(settings):
    x = np.random.default_rng(0).standard_normal((4, 3))
    x[1] = 0
    assert np.allclose(utils.normalize(x, **settings), keras.utils.normalize(x, **settings), rtol=1e-15)


def test_normalize_the_columns():  # Keras divides rows by the norms of columns, where it can
    x = np.random.default_rng(0).standard_normal((4, 3))
    assert np.allclose(np.linalg.norm(utils.normalize(x, axis=0), axis=0), 1)
    assert torch.allclose(utils.normalize(torch.from_numpy(x), axis=0).norm(dim=0), torch.ones(3, dtype=torch.float64))


SEQUENCES = [[1], [2, 3, 4], [], [5, 6, 7, 8, 9]]


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
@pytest.mark.parametrize("maxlen", [None, 2, 7])
def test_pad_sequences(padding, truncating, maxlen):
    settings = {"padding": padding, "truncating": truncating, "maxlen": maxlen, "value": -1}
    ours, theirs = utils.pad_sequences(SEQUENCES, **settings), keras.utils.pad_sequences(SEQUENCES, **settings)
    assert ours.dtype == theirs.dtype
    assert np.array_equal(ours, theirs)


def test_pad_sequences_of_vectors():
    sequences = [[[1.0, 2.0]], [], [[3.0, 4.0], [5.0, 6.0]]]
    ours = utils.pad_sequences(sequences, dtype="float32")
    assert np.array_equal(ours, keras.utils.pad_sequences(sequences, dtype="float32"))
    assert ours.shape == (3, 2, 2)


@pytest.mark.parametrize(
    ("sequences", "settings", "error", "message"),
    [
        ([1, 2], {}, UsageError, "pad_sequences expects a list of sequences"),
        ([[1]], {"padding": "left"}, UsageError, "pad_sequences expects padding to be pre or post, got 'left'"),
        ([[[1, 2]], [[1]]], {}, ShapeError, "pad_sequences expects steps of one shape, got (1,) beside (2,)"),
    ],
)
def test_sequences_that_cannot_be_padded(sequences, settings, error, message):
    with pytest.raises(error) as raised:
        utils.pad_sequences(sequences, **settings)
    assert str(raised.value) == message


def test_one_seed_for_every_generator():
    def drawn():
        utils.set_random_seed(5)
        layer = layercli.layers.Dense(2, name="seeded")
        layer.build((None, 3))
        return random.random(), np.random.random(), float(torch.rand(())), layer.kernel.numpy().tolist()

    first = drawn()
    assert drawn() == first
    utils.set_random_seed(0)


def test_settings_for_all():
    assert (config.backend(), config.floatx(), config.image_data_format()) == ("torch", "float32", "channels_last")
    assert config.epsilon() == keras.config.epsilon()
    config.set_floatx("float64")
    assert layercli.layers.Dense(1)(np.zeros((1, 2))).dtype is torch.float64
    mixed_precision.set_global_policy("mixed_bfloat16")
    layer = layercli.layers.Dense(1)
    assert layer(np.zeros((1, 2), "float32")).dtype is torch.bfloat16
    assert layer.kernel.dtype == "float32"
    assert mixed_precision.global_policy().name == config.dtype_policy().name == "mixed_bfloat16"
    assert layercli.layers.Dense(1, dtype=mixed_precision.Policy("float16")).compute_dtype == "float16"


@pytest.mark.parametrize(
    ("ask", "kind", "message"),
    [
        (
            lambda: config.set_floatx("int32"),
            UsageError,
            "set_floatx expects bfloat16, float16, float32 or float64, got 'int32'",
        ),
        (lambda: mixed_precision.Policy("mixed_float99"), DTypeError, "there is no dtype 'float99'"),
    ],
)
def test_settings_that_are_none(ask, kind, message):
    with pytest.raises(kind) as raised:
        ask()
    assert str(raised.value) == message


def test_a_dataset_must_say_what_it_has():
    class Nothing(utils.PyDataset):
        pass

    with pytest.raises(UsageError) as raised:
        list(Nothing())
    assert str(raised.value) == "Nothing needs a __len__ or num_batches that says how many batches there are"


def test_plot_model_writes_the_picture_of_a_built_model(tmp_path):
    model = layercli.Sequential([layercli.layers.Input((4,)), layercli.layers.Dense(3, name="d")])
    utils.plot_model(model, tmp_path / "m.dot", show_shapes=True, rankdir="LR")
    text = (tmp_path / "m.dot").read_text()
    assert "rankdir=LR" in text
    assert '"d  Dense\\n(None, 3)\\n15 · 100.0%"' in text
    with pytest.raises(UsageError, match=r"^plot_model expects rankdir TB or LR, got 'RL'$"):
        utils.plot_model(model, tmp_path / "m.dot", rankdir="RL")
