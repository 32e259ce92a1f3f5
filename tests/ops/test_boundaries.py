"""Arguments at their boundaries: no axes, no values, axes and numbers that are not there. NumPy's values, or one sentence."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from layercli import Input, ops
from layercli.errors import ArgumentError, AxisError, DTypeError, LayercliError, ShapeError, UsageError, ValueRangeError

X = np.array([[1.0, -2, 0, 4], [3, 2, 5, -1], [0, 7, -6, 8]], "float32")
GAPS = np.where(X == 0, np.nan, X)
NOTHING = np.zeros((0, 3), "float32")
REDUCED = ["sum", "mean", "max", "min", "prod", "ptp", "var", "std", "all", "any", "median", "count_nonzero"]
SKIPPING = ["nansum", "nanprod", "nanmax", "nanmin", "nanmean", "nanmedian", "nanvar", "nanstd"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*REDUCED, *SKIPPING])
def test_each_value_alone_is_reduced_over_no_axes(name):
    x = GAPS if name in SKIPPING else X
    wanted = x.max(()) - x.min(()) if name == "ptp" else getattr(np, name)(x, axis=())
    found = getattr(ops, name)(x, axis=())
    np.testing.assert_array_equal(found, wanted)
    symbolic = getattr(ops, name)(Input(batch_shape=x.shape), axis=())
    assert (tuple(symbolic.shape), f"torch.{symbolic.dtype}") == (x.shape, str(found.dtype))
    if name != "count_nonzero":
        np.testing.assert_array_equal(getattr(ops, name)(x, axis=(), keepdims=True), wanted)


def test_functions_with_more_arguments_over_no_axes():
    np.testing.assert_allclose(ops.logsumexp(X, ()), X)
    np.testing.assert_array_equal(ops.quantile(X, [0.2, 0.5], ()), [X, X])
    np.testing.assert_array_equal(ops.percentile(X, 20, axis=(), keepdims=True), X)
    np.testing.assert_array_equal(ops.roll(X, 1, ()), X)
    np.testing.assert_array_equal(ops.average(X, axis=()), X)
    np.testing.assert_array_equal(ops.average(X, axis=[0, 1]), X.mean())
    assert ops.sum(torch.tensor(3.0), ()).item() == 3


EMPTY = [
    *(lambda x, name=name: getattr(ops, name)(x) for name in ("max", "amin", "ptp", "nanmax", "nanmin", "median")),
    lambda x: ops.max(x, axis=0),
    lambda x: ops.min(x, axis=(0, 1), keepdims=True),
]


@pytest.mark.parametrize("call", EMPTY)
def test_nothing_has_no_extremum(call):
    for x in (NOTHING, Input(batch_shape=NOTHING.shape)):
        with pytest.raises(ShapeError) as error:
            call(x)
        assert "expects at least one value (x = float32[0, 3])" in str(error.value)


def test_an_empty_result_needs_no_value():
    assert ops.max(NOTHING, axis=1).shape == ops.median(NOTHING, axis=1).shape == (0,)
    assert ops.max(NOTHING, axis=0, initial=2).tolist() == [2, 2, 2]


MISTAKES = [
    (lambda: ops.median(X, 3), AxisError, "expects x with an axis 3, got 2 axes (x = float32[3, 4])"),
    (lambda: ops.median(np.float32(2), 0), AxisError, "expects x with an axis 0, got 0 axes (x = float32[])"),
    (lambda: ops.flipud(np.float32(2)), AxisError, "expects x with an axis 0, got 0 axes (x = float32[])"),
    (lambda: ops.rot90(X, 1.5), ArgumentError, "expects k to be an integer, got 1.5"),
    (lambda: ops.argpartition(X, 4), ShapeError, "expects kth from -4 to 3, got 4 (x = float32[3, 4])"),
    (lambda: ops.argpartition(X, -4, 0), ShapeError, "expects kth from -3 to 2, got -4 (x = float32[3, 4])"),
    (lambda: ops.quantile(X, 1.5), ValueRangeError, "expects q from 0 to 1, got 1.5"),
    (lambda: ops.nanquantile(X, [0.5, np.nan]), ValueRangeError, "expects q from 0 to 1, got nan"),
    (lambda: ops.nanpercentile(X, np.array([50, -1])), ValueRangeError, "expects q from 0 to 100, got -1"),
    (lambda: ops.ldexp(X, 2.5), DTypeError, "ldexp expects integer exponents, got float32"),
    (lambda: ops.ldexp(Input((2,)), X[0, :2]), DTypeError, "ldexp expects integer exponents, got float32"),
]


@pytest.mark.parametrize(("call", "kind", "message"), MISTAKES, ids=range(len(MISTAKES)))
def test_mistakes(call, kind, message):
    with pytest.raises(LayercliError) as error:
        call()
    assert (type(error.value), str(error.value)) == (kind, message)


@pytest.mark.parametrize(
    "name", ["add", "multiply", "bitwise_and", "maximum", "hypot", "less", "gcd", "power", "isclose"]
)
@pytest.mark.parametrize("kinds", [("uint32", "int32"), ("uint16", "int8"), ("int16", "uint16")])
def test_unsigned_and_signed_integers_meet(name, kinds):
    x, y = np.array([7, 4, 3], kinds[0]), np.array([2, 6, 3], kinds[1])
    np.testing.assert_allclose(getattr(ops, name)(x, y), getattr(np, name)(x, y), rtol=1e-6)


def test_totals_in_the_dtype_asked_for():
    assert ops.prod([2, 3], dtype="int8").dtype is torch.int8
    assert ops.prod(Input((2,)), dtype="bool").dtype == "bool"
    assert [ops.cumsum([2, 0, 3], dtype="bool").tolist(), ops.cumprod([2, 0], dtype="bool").dtype] == [
        [2, 2, 5], torch.int32,
    ]  # fmt: skip


def test_a_text_is_no_format_for_a_tensor():
    with pytest.raises(TypeError):
        ops.mod("a", X)


def test_one_axis_exchanged_with_itself():
    np.testing.assert_array_equal(ops.swapaxes(X, 1, 1), X)


def test_lists_are_padded_and_filled():
    assert ops.pad([1, 2], 1).tolist() == [0, 1, 2, 0]
    assert ops.full((2, 2), [1, 2]).tolist() == [[1, 2], [1, 2]]
    assert ops.full((2,), [1.7, 2], dtype="int32").tolist() == [1, 2]


def test_infinities_are_saturated():
    x = np.array([-np.inf, -2.5, 0.5, np.inf, np.nan], "float32")
    greatest = float(np.finfo("float32").max)
    np.testing.assert_array_equal(
        ops.saturate_cast(x, "float32"), np.array([-greatest, -2.5, 0.5, greatest, np.nan], "float32")
    )
    assert ops.saturate_cast(x, "bool").tolist() == [False, False, True, True, True]


MORE_MISTAKES = [
    (lambda: ops.squeeze(X[None], (0, 0)), ShapeError, "expects each axis once, got (0, 0) (x = float32[1, 3, 4])"),
    (lambda: ops.pad(NOTHING[:, 0], 1, "reflect"), ShapeError,
     "the mode 'reflect' of pad expects at least one value along an axis (x = float32[0])"),
    (lambda: ops.stack([X, 1]), ShapeError, "expects tensors of one shape, got float32[3, 4] and 1"),
    (lambda: ops.hstack([]), ShapeError, "expects at least one tensor, got none"),
    (lambda: ops.hsplit(X, 0), UsageError, "split expects a number of sections of at least 1, got 0"),
    (lambda: ops.vsplit(X[0], 2), ShapeError, "vsplit expects x with at least 2 axes (x = float32[4])"),
    (lambda: ops.repeat(X, [-1, 1, 1], 0), UsageError, "repeat expects repeats of at least 0, got [-1, 1, 1]"),
    (lambda: ops.repeat(X, 1.5), ArgumentError, "expects repeats to be an integer, got 1.5"),
    (lambda: ops.eye(2.5), ArgumentError, "eye expects integers, got (2.5, 2.5)"),
    (lambda: ops.vander(X[0], -1), UsageError, "vander expects N of at least 0, got -1"),
    (lambda: ops.convert_to_tensor(2**40, "int32"), ValueRangeError,
     "expects a number from -2147483648 to 2147483647 for int32, got 1099511627776"),
    (lambda: ops.cast(300, "uint8"), ValueRangeError, "expects a number from 0 to 255 for uint8, got 300"),
    (lambda: ops.array(float("nan"), "int32"), ValueRangeError,
     "expects a number from -2147483648 to 2147483647 for int32, got nan"),
    (lambda: ops.convert_to_tensor(1 + 2j, "float32"), DTypeError, "(1+2j) is no number of the dtype float32"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "message"), MORE_MISTAKES, ids=range(len(MORE_MISTAKES)))
def test_mistakes_in_shapes_and_numbers(call, kind, message):
    test_mistakes(call, kind, message)


def test_what_is_no_class_is_not_among_the_top():
    assert ops.in_top_k([5, -1, 0], np.eye(3, dtype="float32")[[0, 2, 0]], 3).tolist() == [False, False, True]


def test_integers_are_normalized_as_floats():
    found = ops.batch_normalization(
        np.array([[1, 2], [3, 4]]), np.zeros(2, "float32"), np.full(2, 4.0, "float32"), -1, epsilon=0.0
    )
    assert (found.dtype, found.tolist()) == (torch.float32, [[0.5, 1.0], [1.5, 2.0]])


def test_a_number_has_one_bin():
    assert ops.digitize(0.5, [0.0, 1.0]).shape == ()


def test_lists_beside_symbolic_tensors():
    for call in (ops.add, ops.maximum, ops.arctan2):
        out = call([1.0, 2.0], Input(batch_shape=(3, 2), dtype="int32"))
        assert (tuple(out.shape), out.dtype) == ((3, 2), "float32")


def test_items_of_an_array():
    assert ops.get_item(X, np.array([0, 2]))[:, 0].tolist() == [1, 0]


MISTAKES_IN_CALLS = [
    (lambda: ops.argmax(NOTHING), ShapeError, "argmax expects at least one value (x = float32[0, 3])"),
    (lambda: ops.top_k(Input((5,)), -1), UsageError, "top_k expects k of at least 0, got -1"),
    (lambda: ops.top_k(X, 2.5), ArgumentError, "expects k to be an integer, got 2.5"),
    (lambda: ops.tile(X, -1), UsageError, "tile expects repeats of at least 0, got -1"),
    (lambda: ops.equal(None, Input((5,))), DTypeError, "expects tensors and numbers, got None"),
    (lambda: ops.unique([[1, 2]], axis=5), AxisError, "expects x with an axis 5, got 2 axes (x = int32[1, 2])"),
    (lambda: ops.bincount([1, 2], minlength=-1), UsageError, "bincount expects minlength of at least 0, got -1"),
    (lambda: ops.normalize(X, order=0), UsageError, "normalize expects order to be an integer of at least 1, got 0"),
    (lambda: ops.extract_sequences(X, 2, 0), ShapeError, "expects frames of at least 1 value, 1 apart, got 2 and 0"),
    (lambda: ops.stft(X, 2, 0, 2), UsageError,
     "stft expects sequence_length and sequence_stride to be at least 1, got 2 and 0"),
    (lambda: ops.image.gaussian_blur(X[..., None], sigma=(0.0, 1.0)), UsageError,
     "gaussian_blur expects kernel_size and sigma above 0, got (3, 3) and (0.0, 1.0)"),
    *((call, DTypeError, f"expects tensors and numbers, got {shown}") for call, shown in [
        (lambda: ops.sum("abc"), "'abc'"), (lambda: ops.sum(None), "None"), (lambda: ops.relu((None, 3)), "(None, 3)"),
        (lambda: ops.matmul(X, [None]), "[None]"), (lambda: ops.exp({"a": 1}), "{'a': 1}"),
        (lambda: ops.prod(ops.shape(Input((2,)))), "(None, 2)"), (lambda: ops.matmul(Input((2,)), "a"), "'a'"),
    ]),
    (lambda: ops.full((2,), None), DTypeError, "convert_to_tensor expects numbers, got None"),
    (lambda: ops.mean([[1, 2], [3]]), ShapeError, "expects nested lists of equal lengths"),
    (lambda: ops.arange(Input((2,)).shape[0]), ArgumentError, "arange expects numbers, got None"),
    (lambda: ops.arange(0, "a"), ArgumentError, "arange expects numbers, got 'a'"),
    (lambda: ops.linspace(0, 1, None), ArgumentError, "expects num to be an integer, got None"),
    (lambda: ops.eye(None), ArgumentError, "eye expects integers, got (None, None)"),
    (lambda: ops.one_hot([1], "a"), ArgumentError, "expects num_classes to be an integer, got 'a'"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "message"), MISTAKES_IN_CALLS, ids=range(len(MISTAKES_IN_CALLS)))
def test_mistakes_in_calls(call, kind, message):
    test_mistakes(call, kind, message)
