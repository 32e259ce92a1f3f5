"""Functions value by value, and values kept within limits: Keras's, on the same inputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from keras_parity import agree, image, keras

from layercli import Input, ops
from layercli.errors import DTypeError, ShapeError

X, Y = image(2, 5, 3), image(5, 1, seed=1)
INSIDE = np.random.default_rng(2).uniform(-0.9, 0.9, (2, 5)).astype("float32")
WHOLE = np.array([[3, -2, 0], [1, 5, -7]], "int32")
TRUTHS = np.array([True, False, True])

UNARY = {
    "abs": X,
    "absolute": WHOLE,
    "arccos": INSIDE,
    "arccosh": np.abs(X) + 1.1,
    "arcsin": INSIDE,
    "arcsinh": X,
    "arctan": X,
    "arctanh": INSIDE,
    "cosh": X,
    "erfinv": INSIDE,
    "exp2": X,
    "log10": np.abs(X) + 0.1,
    "log2": np.abs(X) + 0.1,
    "reciprocal": np.abs(X) + 0.5,
    "sinh": X,
    "tan": INSIDE,
    "angle": X,
    "cbrt": X,
    "conj": X,
    "conjugate": X,
    "copy": X,
    "deg2rad": X * 90,
    "erfc": X,
    "fabs": X,
    "i0": X,
    "rad2deg": X,
    "real": X,
    "sinc": X,
}
STEPS = {"trunc": X * 3, "isinf": np.array([1, np.inf, -np.inf, np.nan], "float32")}
STEPS |= dict.fromkeys(
    ("isneginf", "isposinf", "isreal", "signbit"), np.array([1, -0.0, np.inf, -np.inf, np.nan], "float32")
)
STEPS |= {"imag": X, "bitwise_not": WHOLE, "bitwise_invert": TRUTHS, "signbit": WHOLE, "isreal": WHOLE}


@pytest.mark.parametrize("name", UNARY)
def test_of_one_value(name):
    agree(lambda k, x: getattr(k, name)(x), UNARY[name], gradients=UNARY[name].dtype == "float32")


@pytest.mark.parametrize("name", STEPS)
def test_of_one_value_in_steps(name):
    agree(lambda k, x: getattr(k, name)(x), STEPS[name], gradients=False)


@pytest.mark.parametrize("name", [name for name in UNARY if not name.startswith("ar") and name != "erfinv"])
def test_of_whole_numbers(name):
    agree(lambda k, x: getattr(k, name)(x), np.arange(1, 7, dtype="int32").reshape(2, 3), gradients=False)


BINARY = ["arctan2", "divide_no_nan", "fmax", "fmin", "hypot", "logaddexp", "logaddexp2", "true_divide"]


@pytest.mark.parametrize("name", BINARY)
def test_of_two_values(name):
    agree(lambda k, x, y: getattr(k, name)(x, y), X, Y)
    agree(lambda k, x, y: getattr(k, name)(y, x), X, Y)
    agree(lambda k, x: getattr(k, name)(x, 2.0), X)
    agree(lambda k, x: getattr(k, name)(2, x), X)
    agree(lambda k, x, y: getattr(k, name)(x, y), WHOLE, TRUTHS + np.int32(1), gradients=False)


OF_WHOLE = ["bitwise_and", "bitwise_or", "bitwise_xor", "gcd", "lcm"]
SHIFTS = ["bitwise_left_shift", "bitwise_right_shift", "left_shift", "right_shift"]


@pytest.mark.parametrize("name", [*OF_WHOLE, *SHIFTS])
def test_of_two_whole_numbers(name):
    y = np.array([2, 0, 3], "int32")
    agree(lambda k, x, y: getattr(k, name)(x, y), WHOLE, y, gradients=False)
    agree(lambda k, x: getattr(k, name)(x, 2), WHOLE, gradients=False)
    agree(lambda k, x, y: getattr(k, name)(x, y), WHOLE.astype("int8"), y, gradients=False)


@pytest.mark.parametrize("name", OF_WHOLE[:3])
def test_of_two_truths(name):
    agree(lambda k, x, y: getattr(k, name)(x, y), TRUTHS, ~TRUTHS, gradients=False)


@pytest.mark.parametrize("name", ["fmod", "heaviside", "nextafter"])
def test_of_two_values_in_steps(name):
    agree(lambda k, x, y: getattr(k, name)(x, y), X * 3, Y, gradients=False)
    agree(lambda k, x, y: getattr(k, name)(x, y), WHOLE, TRUTHS + np.int32(1), gradients=False)
    agree(lambda k, x, y: getattr(k, name)(x, y), np.array([0.0, -1.0, np.nan], "float32"), Y[:3, 0], gradients=False)


def test_fmod_has_the_gradient_of_its_first_value():
    agree(lambda k, x: k.fmod(x, 0.7), X)


def test_ldexp():
    agree(lambda k, x, y: k.ldexp(x, y), X[0, :, :1], np.array([[1, -3, 0]], "int32"))
    agree(lambda k, x, y: k.ldexp(x, y), WHOLE, np.array([2, 1, 4], "int32"), gradients=False)


@pytest.mark.parametrize("name", ["fmax", "fmin"])
def test_what_is_no_number_gives_way(name):
    x, y = np.array([1, np.nan, np.nan], "float32"), np.array([np.nan, 2, np.nan], "float32")
    agree(lambda k, x, y: getattr(k, name)(x, y), x, y, gradients=False)


COMPLEX = (X[0] + 1j * X[1]).astype("complex64")


@pytest.mark.parametrize("name", ["abs", "angle", "conj", "exp", "imag", "isreal", "real"])
def test_of_complex_numbers(name):
    agree(lambda k, x: getattr(k, name)(x), COMPLEX, gradients=False)


def test_complex_numbers_and_pairs():
    agree(lambda k, x: k.view_as_complex(x), X[..., :2], gradients=False)
    agree(lambda k, x: k.view_as_real(x), COMPLEX, gradients=False)
    agree(lambda k, x: k.view_as_real(x), X, gradients=False)
    agree(lambda k, x, y: k.polar(x, y), np.abs(X), X, gradients=False)


@pytest.mark.parametrize(
    ("x", "dtype"),
    [(X * 300, "int8"), (X * 300, "uint8"), (WHOLE, "uint8"), (X, "float16"), (WHOLE * 100, "int8"),
     (TRUTHS, "uint8"), (np.array([0.0, 2.0], "float32"), "bool")],
)  # fmt: skip
def test_saturate_cast(x, dtype):
    agree(lambda k, x: k.saturate_cast(x, dtype), x, gradients=False)


def test_select():
    agree(lambda k, x: k.select([x > 1, x < 0], [x, x * 2], 0.5), X, gradients=False)
    agree(lambda k, x, y: k.select([x > 1, y < 0], [x, y]), X, Y, gradients=False)


def test_functions_of_whole_numbers_alone():
    for x in (torch.from_numpy(X), Input(batch_shape=X.shape)):
        with pytest.raises(DTypeError) as error:
            ops.gcd(x, x)
        assert str(error.value) == "gcd expects integers, got float32"
        with pytest.raises(DTypeError) as error:
            ops.bitwise_not(x)
        assert str(error.value) == "bitwise_not expects integers or booleans, got float32"


def test_divide_no_nan_gives_0_where_the_divisor_is_0_and_so_does_its_gradient():
    agree(lambda k, x, y: k.divide_no_nan(x, y), X[0], np.array([0.0, 2.0, 0.0], "float32"))
    agree(lambda k, x: k.divide_no_nan(x, 0), X)


def test_logical_xor():
    agree(lambda k, x, y: k.logical_xor(x, y), TRUTHS, WHOLE, gradients=False)
    agree(lambda k, x: k.logical_xor(x, True), X, gradients=False)


def test_where_of_two_numbers():
    agree(lambda k, x: k.where(x > 0, 1.0, 0.0), X, gradients=False)
    agree(lambda k, x: k.where(x > 0, 1, -1), X, gradients=False)


LIMITS = [(-0.5, 0.5), (0, 1), (-1, 0.25)]


@pytest.mark.parametrize(("low", "high"), LIMITS)
@pytest.mark.parametrize("x", [X, WHOLE, TRUTHS], ids=["float", "int", "bool"])
def test_clip(x, low, high):
    agree(lambda k, x: k.clip(x, low, high), x, gradients=x.dtype == "float32")


def test_clip_between_tensors():
    agree(lambda k, x, y: k.clip(x, -1.0, y), X, Y)


NOT = np.array([1.5, np.nan, np.inf, -np.inf], "float32")


def test_nan_to_num():
    agree(lambda k, x: k.nan_to_num(x), NOT, gradients=False)
    agree(lambda k, x: k.nan_to_num(x, nan=2.0, posinf=7.0, neginf=-3.0), NOT, gradients=False)
    agree(lambda k, x: k.nan_to_num(x), NOT.astype("float16"), gradients=False)
    agree(lambda k, x: k.nan_to_num(x, 1.0), X)


def test_stop_gradient():
    agree(lambda k, x: x * k.stop_gradient(x), X)


def test_shapes_that_do_not_broadcast():
    for x in (torch.from_numpy(X), Input(batch_shape=X.shape)):
        with pytest.raises(ShapeError) as error:
            ops.hypot(x, torch.zeros(4))
        assert str(error.value) == "expects shapes that broadcast, got [2, 5, 3] and [4]"


def test_second_names_are_the_same_operation():
    x = Input(batch_shape=X.shape)
    assert ops.abs(x).node.target == ops.absolute(x).node.target
    assert ops.true_divide(x, 2).node.target == ops.divide(x, 2).node.target
    assert keras.ops.true_divide(3, 2) == 1.5


def test_booleans_and_integers_as_keras_takes_them():
    agree(
        lambda k, x, whole, truths: [
            *(getattr(k, name)(truths) for name in ("abs", "floor", "ceil", "trunc", "cbrt")),
            *(getattr(k, name)(whole) for name in ("floor", "ceil", "trunc")),
            k.any(k.cast(whole, "uint8")),
            k.all(k.cast(whole, "uint8"), axis=0),
            k.subtract(x, truths),
            k.subtract(truths, whole),
            k.subtract(1.5, truths),
            k.subtract(whole, True),
        ],
        X[..., :3],
        WHOLE[:1],
        TRUTHS,
        gradients=False,
    )
    assert ops.square(Input((3,), dtype="bool")).dtype == "int32"
    assert ops.square(torch.tensor([True])).dtype == torch.int32
