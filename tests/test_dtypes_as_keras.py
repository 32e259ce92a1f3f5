"""The dtypes of results are those of Keras on torch, eager and symbolic; what differs is listed with its reason."""

from __future__ import annotations

import json

import pytest

from layercli import Input, ops
from tests.keras_dtypes import RECORD, answers
from tests.keras_torch import on_torch

KERAS = json.loads(RECORD.read_text())

CUT = (
    "Keras cuts int64 to int32, and float64 to float32, here and not in add or multiply: 2**40 would be another number"
)
CUTTING = {
    "cross", "cumprod", "cumsum", "dot", "floor_divide", "fmax", "fmin", "inner", "matmul", "maximum", "minimum",
    "nancumprod", "nancumsum", "nanprod", "prod", "tensordot", "unravel_index", "vander",
}  # fmt: skip
"""Functions that keep the 64 bits which Keras cuts."""
WIDE = "Keras computes these in float64 for int64; no layer of either needs it"
SUMS = "sums of int8 do not fit into int8"
SHIFTED = "a boolean beside a Python integer is int32 everywhere"
DIFFERENT = {
    "bitwise_left_shift(x, 1)": SHIFTED,
    "bitwise_right_shift(x, 1)": SHIFTED,
    "cbrt(x)": WIDE,
    "corrcoef(x)": WIDE,
    "deg2rad(x)": WIDE,
    "dot(x, x)": SUMS,
    "dot(x, y)": SUMS,
    "heaviside(x, x)": "float32 for booleans as for integers",
    "i0(x)": WIDE,
    "layer_normalization(x)": "refused: normalized values have fractions",
    "left_shift(x, 1)": SHIFTED,
    "matmul(x, y)": SUMS,
    "polar(x, x)": "torch has few kernels for complex32",
    "rad2deg(x)": WIDE,
    "right_shift(x, 1)": SHIFTED,
    "size(x)": "a number that costs and shapes are computed with, where Keras has a tensor of it",
    "vander(x[0])": "refused: torch has no powers of booleans",
}
"""The expressions with other dtypes than Keras's, with the reason."""


def kept(name, wanted, found):
    """Whether ``found`` is ``wanted`` but for the 64 bits that Keras cuts."""
    return wanted == found or (name in CUTTING and (wanted, found) in {("int32", "int64"), ("float32", "float64")})


def differences(kind):
    """Return the expressions of a kind with dtypes that are not Keras's, where Keras has an answer."""
    found, out = answers(ops, kind, KERAS[kind]), {}
    for each, wanted in KERAS[kind].items():
        pairs = zip(wanted.split(), found[each].split(), strict=True)
        if not all(a == "-" or kept(each.split("(")[0], a, b) for a, b in pairs):
            out[each] = found[each]
    return out


@pytest.mark.parametrize("kind", KERAS)
def test_dtypes_are_those_of_keras(kind):
    assert differences(kind).keys() == {each for each in DIFFERENT if each in KERAS[kind]}


def symbolic(names):
    return {
        name: Input(batch_shape=tuple(x.shape), dtype=str(x.dtype).removeprefix("torch.")) for name, x in names.items()
    }


@pytest.mark.parametrize("kind", ["alone", "pairs"])
def test_symbolic_results_have_the_dtypes_of_eager_ones(kind):
    eager, traced = answers(ops, kind, KERAS[kind]), answers(ops, kind, KERAS[kind], symbolic)
    for each, found in eager.items():
        pairs = list(zip(found.split(), traced[each].split(), strict=True))
        assert all(a in ("-", b) for a, b in pairs), (each, found, traced[each])


def test_what_is_recorded_is_what_keras_answers(request):
    if not request.config.getoption("--live"):
        pytest.skip("asks Keras itself: with --live")
    code = "import keras; from tests.keras_dtypes import *; recorded = json.loads(RECORD.read_text()); "
    assert on_torch(code + "found = {kind: answers(keras.ops, kind, recorded[kind]) for kind in recorded}") == KERAS
