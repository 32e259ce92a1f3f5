"""What a layer sees as ``training``: None, True or False, as Keras hands it on from call to call."""

from __future__ import annotations

import json

import numpy as np
import pytest

import layercli
from layercli.errors import UsageError
from tests.keras_torch import on_torch
from tests.keras_training import RECORD, classes, table

KERAS = json.loads(RECORD.read_text())


def test_a_layer_sees_what_it_sees_in_keras():
    found = table(layercli)
    assert {name: (seen, KERAS[name]) for name, seen in found.items() if seen != KERAS[name]} == {}
    assert list(found) == list(KERAS)


def test_training_by_position_says_how_to_give_it():
    layer = classes(layercli, [])[0](name="plain")
    with pytest.raises(UsageError) as raised:
        layer(np.ones((2, 3), "float32"), True)
    assert str(raised.value) == "plain (Plain) takes tensors as positional arguments, got True for training"
    assert raised.value.hint == "training=True gives it by name"


def test_a_model_whose_call_takes_no_training_is_trained_by_fit_as_in_torch():
    """Keras calls it as outside of fit: its dropout would drop nothing."""
    seen = []
    plain, *_, silent, _ = classes(layercli, seen)
    model = layercli.Sequential([silent(plain, "bare")])
    model.compile("sgd", "mse")
    model.fit(np.ones((2, 3), "float32"), np.ones((2, 1), "float32"), verbose=0)
    assert seen[-1] is True


def test_the_record_is_what_keras_says(request):
    if not request.config.getoption("--live"):
        pytest.skip("asks Keras itself: with --live")
    assert on_torch("import keras; from tests.keras_training import table; found = table(keras)") == KERAS
