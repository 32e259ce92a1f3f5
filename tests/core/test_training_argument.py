"""What a layer sees as ``training``: None, True or False, as Keras hands it on from call to call."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

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


def test_what_is_computed_again_in_the_backward_pass_trains_as_before():
    seen = []
    plain = classes(layercli, seen)[0]
    with layercli.RematScope("full"):
        model = layercli.Sequential(
            [layercli.Input((3,)), layercli.layers.Dense(2), plain(), layercli.layers.Dropout(0.5)]
        )
    x = torch.ones(8, 3)
    outputs = model(x, training=True)
    seen.clear()
    outputs.sum().backward()
    kept = (outputs != 0).sum(0)
    assert set(seen) == {True}
    assert model.layers[0].kernel.value.grad.tolist() == [(2.0 * kept).tolist()] * 3


def test_the_record_is_what_keras_says(request):
    if not request.config.getoption("--live"):
        pytest.skip("asks Keras itself: with --live")
    assert on_torch("import keras; from tests.keras_training import table; found = table(keras)") == KERAS
