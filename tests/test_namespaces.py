"""Every public name of every namespace of Keras's is here, or is refused with its reason."""

from __future__ import annotations

import importlib
import json
from types import ModuleType

import pytest

import layercli
from layercli.core.refusals import REFUSED, Refusal, reason_for
from layercli.errors import UsageError
from tests.keras_signatures import NAMES_RECORD, names_of_keras

KERAS = json.loads(NAMES_RECORD.read_text())
PATHS = [f"{path}.{name}".removeprefix("keras.") for path, names in KERAS.items() for name in names]
MODULES = {"version": "a module here; layercli.__version__ is the text that Keras's version() returns"}
"""Functions of Keras's that are modules here, with the reason."""


def found(path):
    """Return what a script gets that imports the namespace of a name, and takes the name from it."""
    namespace, _, name = f"layercli.{path}".rpartition(".")
    try:
        return getattr(importlib.import_module(namespace), name)
    except ModuleNotFoundError:  # a namespace that is refused, or is a module's attribute
        outer = found(namespace.removeprefix("layercli."))
        return getattr(outer, name)


def test_every_name_is_there_or_refused():
    wrong = {}
    for path in PATHS:
        try:
            value = found(path)
        except AttributeError as error:
            wrong[path] = str(error)
            continue
        if isinstance(value, ModuleType) and path not in MODULES:
            wrong[path] = value
        if isinstance(value, Refusal) != (reason_for(path) is not None):
            wrong[path] = value
    assert not wrong


def test_only_keras_s_names_are_refused():
    namespaces = {path.removeprefix("keras.") for path in KERAS}
    assert {path for path in REFUSED if path not in PATHS and path not in namespaces} == set()


def test_a_refused_name_says_why():
    from layercli.layers import JaxLayer

    with pytest.raises(UsageError) as raised:
        JaxLayer(len)
    message = "layercli has no layers.JaxLayer: it is JAX's, and layercli computes with PyTorch"
    assert str(raised.value) == message
    with pytest.raises(UsageError) as raised:

        class Own(JaxLayer):
            pass

    assert str(raised.value) == message
    with pytest.raises(UsageError) as raised:
        layercli.callbacks.OrbaxCheckpoint(None)
    assert str(raised.value).startswith("layercli has no callbacks.OrbaxCheckpoint: ")
    assert not isinstance(layercli.layers.Dense(1), JaxLayer)
    with pytest.raises(AttributeError) as missing:
        layercli.layers.JaxLayers  # noqa: B018
    assert str(missing.value) == "layercli.layers has no 'JaxLayers'"


def test_the_record_is_what_keras_says(request):
    if not request.config.getoption("--live"):
        pytest.skip("asks Keras itself: with --live")
    assert names_of_keras() == KERAS
