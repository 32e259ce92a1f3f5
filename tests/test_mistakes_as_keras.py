"""Mistakes are errors of the class that Keras on torch raises for them, or of a subclass, each with a sentence."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

import layercli as keras
from layercli import layers, ops, optimizers, utils
from tests.keras_mistakes import RECORD, error_of, names_for
from tests.keras_torch import on_torch

EVERYDAY = json.loads(RECORD.read_text())
EARLIER = "refused when the layer is made, where Keras refuses it when the layer is called"
DIFFERENT = {
    "WithoutSuper()": "layers may be set before super().__init__()",
    "built(layers.Dense(2)).add_weight(shape=(2,))": "variables may be added to a built layer",
    "compiled().fit(X, Y, verbose='x')": "Keras draws a bar for any text",
    "fit(compiled(), [[1.0, 2.0, 3.0, 4.0]], [[1.0]])": "nested lists of numbers are data",
    "fit(compiled(3, 'sparse_categorical_crossentropy'), X, CLASSES, class_weight='balanced')": "a sentence about the argument",
    "fit(compiled(3, 'sparse_categorical_crossentropy'), X, CLASSES, class_weight={0: None})": "Keras trains on a loss of nan",
    "keras.metrics.CategoricalAccuracy().update_state(np.ones((2, 3)), np.ones((2, 4)))": "Keras compares what cannot be equal",
    "keras.models.clone_model(3)": "Keras returns None",
    "keras.models.model_from_json('{')": "a FormatError is no JSONDecodeError; both are ValueErrors",
    "keras.models.model_from_json('{}')": "Keras returns a dict",
    "layers.Dense(True)": "True is no number of units",
    "layers.RandomFlip('x')": EARLIER,
    "layers.Rescaling('a')": EARLIER,
    "layers.Resizing(2, 2, interpolation='x')": EARLIER,
    "layers.UpSampling2D(2, interpolation='x')": EARLIER,
    "mlp().predict(X[:0], verbose=0)": "a sentence, where Keras fails on a variable of its own",
    "ops.one_hot(CLASSES, -1)": "the number of classes is not guessed, as in Keras on JAX",
    "ops.squeeze(X, 0)": "refused, as in Keras on JAX and for symbolic tensors",
}
"""The mistakes that are answered otherwise than by Keras on torch, with the reason."""
OF_LIBRARIES = {
    "keras.utils.normalize(X, axis=3)",
    "layers.MultiHeadAttention(2, 3)(Input(4, 4))",
    "ops.convert_to_tensor([[1], [1, 2]])",
    "ops.linalg.inv(np.zeros((2, 2)))",
    "ops.take(X, 9, axis=0)",
}
"""The mistakes whose sentence is that of Python, NumPy or torch, as in Keras."""

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
    "text as a class": (lambda: utils.to_categorical(["a"], 3), ValueError, "expects integers, the classes, got ['a']"),
    "no classes": (lambda: utils.to_categorical([]), ValueError, "expects num_classes where there are no labels"),
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


def test_everyday_mistakes_raise_what_keras_raises(tmp_path):
    names, found = names_for(keras, str(tmp_path)), {}
    for each, wanted in EVERYDAY.items():
        error = error_of(each, names)
        if (error is not None) if not wanted else wanted not in [kind.__name__ for kind in type(error).__mro__]:
            found[each] = f"{type(error).__name__}: {error}, Keras: {wanted or 'nothing'}"
        assert each in OF_LIBRARIES or isinstance(error, keras.errors.LayercliError | None), (each, error)
    assert {each: answer for each, answer in found.items() if each not in DIFFERENT} == {}
    assert set(DIFFERENT) - set(found) == set()


def test_the_record_of_mistakes_is_what_keras_says(request):
    if not request.config.getoption("--live"):
        pytest.skip("asks Keras itself: with --live")
    assert on_torch("from tests.keras_mistakes import of_keras; found = of_keras()") == EVERYDAY
