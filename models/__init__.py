"""The named models: readable examples of the framework, with default arguments and an example input.

A model is a class (or a function that returns a Layer) whose arguments all have defaults. Another package adds its own
through the entry-point group ``layercli.models``: ``my-net = "my_package.nets:MyNet"``.

Keras's names in this module are available too: ``Model``, ``Sequential``, ``load_model``, ``clone_model`` and others.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

NAMED = {
    "resnet-block": "layercli.models.resnet:ResnetIdentityBlock",
    "sequential": "layercli.models.basics:sequential",
    "my-dense": "layercli.models.basics:MyDenseLayer",
    "linear-regression": "layercli.models.basics:LinearRegression",
    "mlp": "layercli.models.basics:MLP",
    "lenet": "layercli.models.lenet:lenet",
    "lstm": "layercli.models.lstm:LSTMClassifier",
    "resnet50": "layercli.models.resnet:ResNet50",
    "transformer-encoder": "layercli.models.transformer:TransformerEncoder",
    "decoder": "layercli.models.decoder:decoder",
}
"""The location of each model: module and name."""

OF_KERAS = {
    "Model": "layercli.core.model",
    "Sequential": "layercli.core.sequential",
    "clone_model": "layercli.core.cloning",
    "load_model": "layercli.saving",
    "model_from_json": "layercli.saving.deserialization",
    "save_model": "layercli.saving",
}
"""The location of Keras's names."""


def __getattr__(name: str) -> Any:
    if name in OF_KERAS:
        return getattr(import_module(OF_KERAS[name]), name)
    raise AttributeError(f"layercli.models has no {name!r}")
