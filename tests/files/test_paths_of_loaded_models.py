"""The paths of the variables of a model made again are those of the model it was made from, whatever number it had."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import layercli
from layercli import Input, Model, Sequential, layers, models


def nested():
    """A model with a stack and a graph in it that are not the first of their process."""
    Sequential([Input((2,)), layers.Dense(2)])
    first = Input((3,))
    Model(first, layers.Dense(1)(first))
    inside, inputs = Input((3,)), Input((4,))
    graph = Model(inside, layers.Dense(2, name="named")(inside))
    return Model(inputs, graph(Sequential([layers.Dense(3), layers.Dense(3)])(inputs)))


def loaded(model, folder):
    model.save(folder / "m.keras")
    return layercli.load_model(folder / "m.keras")


def loaded_h5(model, folder):
    model.save(folder / "m.h5")
    return layercli.load_model(folder / "m.h5")


@pytest.mark.parametrize(
    "again",
    [
        loaded, loaded_h5, lambda model, _: models.clone_model(model), lambda model, _: models.clone_model(model, recursive=True),
        lambda model, _: models.model_from_json(model.to_json()), lambda model, _: Model.from_config(model.get_config()),
    ],
    ids=["keras", "h5", "clone", "recursive clone", "json", "config"],
)  # fmt: skip
def test_weights_by_path_fit_a_model_made_again(again, tmp_path):
    model = nested()
    assert [*model.named_variables()] == [
        "sequential/dense/kernel", "sequential/dense/bias", "sequential/dense_1/kernel", "sequential/dense_1/bias",
        "functional/named/kernel", "functional/named/bias",
    ]  # fmt: skip
    made = again(model, tmp_path)
    assert [*made.named_variables()] == [*model.named_variables()]
    assert [layer.name for layer in made.layers] == [layer.name for layer in model.layers]
    x = np.ones((1, 4), "float32")
    wanted = model(x)
    model.save_weights(tmp_path / "m.safetensors")
    made.load_weights(tmp_path / "m.safetensors")
    assert torch.equal(made(x), wanted)
