"""A call that Keras's methods take is taken here: the same names and places, and no argument that Keras does not need."""

from __future__ import annotations

import json

import pytest

import layercli
from layercli.core.refusals import Refusal
from tests.keras_methods import RECORD, arguments, of, other_defaults, refused_calls
from tests.keras_torch import on_torch

KERAS = json.loads(RECORD.read_text())
TRACED = "a layer is called, and knows by itself whether it trains and what is masked"
REFUSED = {
    "Adadelta.update_step": "the gradient has the name that it has in the other optimizers",
    "Lambda.from_config": "safe_mode would let a file execute code",
    "TorchModuleWrapper.from_config": "safe_mode would let a file execute code",
    "build var_list": "an optimizer builds itself on its first step; build takes variables by position",
    "build variables": "an optimizer builds itself on its first step; build takes variables by position",
    "call mask": TRACED,
    "call training": TRACED,
    "compute_mask mask": "the masks of the inputs are given by position",
    "compute_output_shape": "the shapes of the inputs are given by position",
    "load_assets": "assets are read by load_model",
    "quantized_build": "the shape of the weight follows from the layer",
    "summary": "print_fn and show_trainable are given by name; the table fits the terminal",
    "InputLayer.call": "an input is not called",
    "OptimizerMap.update": "a mapping is updated by position",
    "RandomGrayscale.get_random_transformation": "the data has the name that it has in the other layers",
    "RandomGrayscale.transform_labels": "the transformation has the name that it has in the other layers",
    "RandomGrayscale.transform_segmentation_masks": "the transformation has the name that it has in the other layers",
    "RMSNormalization.call": "a layer is called, by position",
    "SimpleRNNCell.call": "a cell is called, by position",
}
"""What is refused of Keras's calls, by method and argument, by method, or by class and method, with the reason."""


DEFAULTS = {
    "add_weight initializer": "a metric's variable begins with zeros; without an initializer Keras raises",
    "call training": TRACED,
    "build input_shape": "a wrapper is built for the shape of its layer's input",
    "export format": "a SavedModel is TensorFlow's: None takes the format of the file's ending",
}
"""The defaults that differ from Keras's, by method and argument, with the reason."""


def is_refused(path, name, missing):
    kinds = [f"{path.rpartition('.')[2]}.{name}", name, *(f"{name} {argument}" for argument in missing)]
    return next((kind for kind in kinds if kind in REFUSED), None)


def test_calls_that_keras_takes_are_taken():
    wrong, used = {}, set()
    for name, signatures in KERAS.items():
        for text, paths in signatures.items():
            for path in paths:
                cls = of(layercli, path)
                method = getattr(cls, name, None)
                if method is None or isinstance(method, Refusal) or not callable(method):
                    continue  # tests/test_members.py has what is missing
                ours = arguments(method)
                missing = [] if ours is None else refused_calls(json.loads(text), ours)
                reason = is_refused(path, name, missing) if missing else None
                used.add(reason)
                if missing and reason is None:
                    wrong.setdefault(f"{name}: {', '.join(missing)}", []).append(path)
    assert wrong == {}
    assert set(REFUSED) - used == set()


def test_arguments_that_are_left_out_mean_what_they_mean_in_keras():
    wrong = {}
    for name, signatures in KERAS.items():
        for text, paths in signatures.items():
            for path in paths:
                method = getattr(of(layercli, path), name, None)
                if isinstance(method, Refusal) or not callable(method) or (ours := arguments(method)) is None:
                    continue
                for argument, both in other_defaults(json.loads(text), ours).items():
                    wrong.setdefault(f"{name} {argument}", []).append((path, *both))
    assert {key: found for key, found in wrong.items() if key not in DEFAULTS} == {}
    assert set(DEFAULTS) - set(wrong) == set()


def test_the_comparison_notices():
    given = [["config", "POSITIONAL_OR_KEYWORD", None], ["more", "POSITIONAL_OR_KEYWORD", "None"]]
    assert refused_calls(given, given) == []
    assert refused_calls(given, given[:1]) == ["more"]
    assert other_defaults(given, [given[0], [*given[1][:2], "1"]]) == {"more": ("None", "1")}
    assert other_defaults(given, [[*given[0][:2], "1"], given[1]]) == {}
    assert refused_calls(given, given[::-1]) == ["config", "more"]
    assert refused_calls(given, [["settings", "POSITIONAL_OR_KEYWORD", None], given[1]]) == ["config", "settings"]
    assert refused_calls(given, [["args", "VAR_POSITIONAL", None], ["kwargs", "VAR_KEYWORD", None]]) == []


def test_the_record_is_what_keras_says(request):
    if not request.config.getoption("--live"):
        pytest.skip("asks Keras itself: with --live")
    assert set(on_torch("from tests.keras_methods import of_keras; found = of_keras()")) == set(KERAS)
