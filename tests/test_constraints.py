import subprocess
import sys

import numpy as np
import pytest
import torch

from layercli import constraints
from layercli.errors import UsageError
from tests.keras_reference import keras

CASES = [
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 0.5, "axis": 1}),
    ("MaxNorm", {"max_value": 3, "axis": [0, 1, 2]}),
    ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 2.0, "max_value": 2.5, "rate": 0.3, "axis": [0, 1]}),
    ("MinMaxNorm", {"min_value": 0.5, "axis": -1}),
    ("NonNeg", {}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": (0, 2)}),
    ("UnitNorm", {"axis": None}),
]


@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
def test_projections_are_those_of_keras(name, settings):
    w = np.random.default_rng(0).standard_normal((3, 4, 5, 6), np.float32)
    w[0] *= 10
    w[:, 0, 0, 0] = 0  # a norm of 0
    ours = getattr(constraints, name)(**settings)(torch.from_numpy(w))
    theirs = np.asarray(getattr(keras.constraints, name)(**settings)(keras.ops.convert_to_tensor(w)))
    assert ours.dtype == torch.float32
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=2e-6, atol=2e-6 * np.abs(theirs).max())
    assert not np.array_equal(ours.numpy(), w)


def test_the_projection_keeps_the_dtype():
    for dtype in (torch.bfloat16, torch.float16, torch.float64):
        for name in ("max_norm", "min_max_norm", "non_neg", "unit_norm"):
            assert constraints.get(name)(torch.ones(3, 4, dtype=dtype)).dtype == dtype


@pytest.mark.parametrize("name", ["MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"])
def test_names_settings_and_configs_are_those_of_keras(keras, name):  # the fixture: Keras itself
    ours, theirs = getattr(constraints, name)(), getattr(keras.constraints, name)()
    assert ours.get_config() == theirs.get_config()
    for word in (name, keras.src.utils.naming.to_snake_case(name)):
        assert constraints.get(word) == ours
        assert type(keras.constraints.get(word)).__name__ == name
    assert constraints.get(constraints.serialize(ours)) == ours
    assert constraints.get(keras.constraints.serialize(theirs)) == ours
    assert type(keras.constraints.get(constraints.serialize(ours))) is type(theirs)


def test_what_a_setting_may_name():
    assert constraints.get(None) is None
    assert constraints.get(abs) is abs
    assert constraints.get(constraints.NonNeg) == constraints.NonNeg()
    assert str(constraints.MaxNorm(3)) == "max_norm(max_value=3)"
    w = torch.ones(2)
    assert constraints.Constraint()(w) is w


@pytest.mark.parametrize(
    ("identifier", "sentence", "hint"),
    [
        ("max_nrm", "there is no constraint 'max_nrm'", "did you mean max_norm or min_max_norm or unit_norm?"),
        (
            {"class_name": "MaxNorm", "config": {"max": 1}},
            "MaxNorm has no argument 'max'",
            "did you mean max_value or axis?",
        ),
        (
            {"class_name": "MinMaxNorm", "config": {"rate": None}},
            "MinMaxNorm expects rate to be a number, got None",
            None,
        ),
    ],
)
def test_what_cannot_be_meant(identifier, sentence, hint):
    with pytest.raises(UsageError) as error:
        constraints.get(identifier)
    assert (str(error.value), error.value.hint) == (sentence, hint)


def test_describing_loads_neither_numpy_nor_torch():
    program = """
import sys
sys.modules["numpy"] = sys.modules["torch"] = None
from layercli import constraints, regularizers
print(constraints.get("max_norm"), regularizers.get("l2"))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("max_norm l2\n", "")
