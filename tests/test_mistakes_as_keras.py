"""Mistakes are errors of the class that Keras on torch raises for them, or of a subclass, each with a sentence."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import layercli as keras
from layercli import layers, ops, optimizers, utils

X, Y = np.ones((8, 4), "float32"), np.ones((8, 1), "float32")


def compiled():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def logged():
    compiled().fit(X, Y, verbose=0, callbacks=[keras.callbacks.CSVLogger("/no/such/folder/x.csv")])


MISTAKES = {
    "one array for validation": (
        lambda: compiled().fit(X, Y, validation_data=X, verbose=0), ValueError, "got one ndarray"
    ),
    "a number as a model": (lambda: keras.models.clone_model(3), ValueError, "clone_model expects a model, got 3"),
    "negative classes": (lambda: ops.one_hot([1, 2], -1), ValueError, "num_classes of at least 0, got -1"),
    "text as a tensor": (lambda: ops.convert_to_tensor("abc"), ValueError, "expects numbers, got 'abc'"),
    "no Cholesky factor": (lambda: ops.linalg.cholesky(-np.eye(3)), ValueError, "expects positive-definite matrices"),
    "no sequences": (lambda: utils.pad_sequences(3), ValueError, "expects a list of sequences"),
    "nothing to take off": (lambda: keras.Sequential().pop(), IndexError, "has no layer to take off"),
    "a class too many": (lambda: utils.to_categorical([5], 3), IndexError, "got the class 5, and there are 3"),
    "no folder for a log": (logged, FileNotFoundError, "cannot write /no/such/folder/x.csv"),
    "no folder of images": (
        lambda: utils.image_dataset_from_directory("/no/such/folder"), FileNotFoundError, "does not exist"
    ),
    "products of wrong shapes": (lambda: ops.matmul(X, X), RuntimeError, "expects y with 4 rows, got 8"),
    "a shape of other size": (lambda: ops.reshape(X, (3, 3)), RuntimeError, "expects x with 9 values, got 32"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_class_is_that_of_keras(mistake):
    call, kind, sentence = MISTAKES[mistake]
    with pytest.raises(kind) as found:
        call()
    assert isinstance(found.value, keras.errors.LayercliError)
    assert sentence in str(found.value)


def test_what_keras_takes_is_taken():
    dense = layers.Dense(3, input_dim=4)
    assert keras.Sequential([dense]).output_shape == (None, 3)
    assert layers.Embedding(5, 2).input_dim == 5
    assert len(compiled().fit(X, Y, steps_per_epoch=0, verbose=0).history["loss"]) == 1
    with pytest.warns(UserWarning, match="decay is ignored"):
        assert optimizers.Adam(decay=0.1).get_config()["learning_rate"] == pytest.approx(1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizers.Adam(0.1)
