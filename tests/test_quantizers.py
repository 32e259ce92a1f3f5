"""Quantizers and their policies against Keras: the integers and scales bit for bit, the configs as they are in files."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import layercli
from layercli import dtype_policies, quantizers
from layercli.errors import DTypeError, UsageError
from tests.keras_parity import image, keras

INTEGERS = np.random.default_rng(0).integers(-8, 8, (5, 3, 4)).astype("int8")


def equal(ours, theirs):
    """Assert that tensors have the values, shapes and dtypes of Keras's."""
    for a, b in zip(ours, theirs, strict=True):
        b = np.asarray(b)
        assert str(a.dtype).removeprefix("torch.") == str(b.dtype)
        np.testing.assert_array_equal(a.detach().numpy(), b)


@pytest.mark.parametrize("axis", [0, -1, (0, 1)], ids=str)
def test_abs_max(axis):
    x = image(7, 5)
    equal(
        quantizers.AbsMaxQuantizer(axis, (-8, 7))(x, to_numpy=True),
        tuple(keras.quantizers.AbsMaxQuantizer(axis, (-8, 7))(x, to_numpy=True)),
    )
    on_device, scale = quantizers.abs_max_quantize(x, axis)
    assert torch.equal(on_device, quantizers.abs_max_quantize(x, axis, to_numpy=True)[0])
    np.testing.assert_allclose(on_device / scale, x, atol=np.abs(x).max() / 254 * 1.01)


@pytest.mark.parametrize("size", [3, 7, 128])
def test_groups(size):
    found = quantizers.abs_max_quantize_grouped_with_zero_point
    theirs = keras.quantizers.abs_max_quantize_grouped_with_zero_point
    for x in (image(7, 5), np.ones((7, 5), "float32")):
        equal(found(x, size, to_numpy=True), tuple(theirs(x, size, to_numpy=True)))
        on_device = theirs(x, size)
        assert found(x, size)[0].tolist() == np.asarray(on_device[0]).tolist()
        np.testing.assert_allclose(found(x, size)[1], np.asarray(on_device[1]), rtol=1e-6)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_four_bits(axis):
    packed, shape, size = quantizers.pack_int4(INTEGERS, axis)
    theirs = keras.quantizers.pack_int4(INTEGERS, axis)
    equal([packed], [theirs[0]])
    assert (shape, size) == (packed.shape, INTEGERS.shape[axis])
    assert np.array_equal(quantizers.unpack_int4(packed, size, axis), INTEGERS)
    assert np.array_equal(quantizers.unpack_int4(packed, size, axis, "uint8"), INTEGERS.view("uint8") & 15)


def test_float8():
    history, x = np.float32([1, 5, 2]), image(4, 3) * 300
    assert quantizers.compute_float8_amax_history(x, history).tolist() == [np.abs(x).max(), 2, 1]
    for amax, scale in [(0.0, 2.0), (448.0, 1.0), (np.inf, 2.0), (896.0, 2.0)]:
        assert float(quantizers.compute_float8_scale(np.float32(amax), np.float32(2), np.float32(448))) == scale
    for dtype in ("float8_e4m3fn", "float8_e5m2"):
        ours = quantizers.quantize_and_dequantize(x, np.float32(0.7), dtype, "float32")
        theirs = keras.quantizers.quantize_and_dequantize(x, np.float32(0.7), dtype, "float32")
        np.testing.assert_allclose(ours, np.asarray(theirs), rtol=1e-6)


def test_imitated_rounding():
    x = torch.tensor([-2.0, -0.3, 0.004, 0.9, 3.0], requires_grad=True)
    low, high = torch.tensor(-1.0, requires_grad=True), torch.tensor(2.0, requires_grad=True)
    out = quantizers.fake_quant_with_min_max_vars(x, low, high, num_bits=4)
    np.testing.assert_allclose(out.detach(), [-1.0, -0.2, 0.0, 1.0, 2.0], rtol=1e-6)  # 15 steps of 0.2
    (out * torch.arange(1.0, 6.0)).sum().backward()
    assert (x.grad.tolist(), low.grad.item(), high.grad.item()) == ([0, 2, 3, 4, 0], 1, 5)


def test_configs():
    for name, settings in [("Int8", {}), ("Int4", {"block_size": 64}), ("Float8", {})]:
        ours, theirs = (getattr(q, f"{name}QuantizationConfig")(**settings) for q in (quantizers, keras.quantizers))
        plain = quantizers.serialize(ours)
        assert plain["config"].get("block_size") == settings.get("block_size")
        again = quantizers.get(plain)
        assert (type(again), again.mode) == (type(ours), str(theirs.mode))
    quantizer = quantizers.get({"class_name": "AbsMaxQuantizer", "config": {"value_range": [-8, 7], "axis": [0]}})
    assert (quantizer.value_range, quantizer.axis) == ((-8, 7), (0,))
    assert quantizers.deserialize(quantizers.serialize(ours)).mode == "float8"
    assert issubclass(quantizers.AbsMaxQuantizer, layercli.Quantizer)


@pytest.mark.parametrize("name", ["int8_from_mixed_bfloat16", "int4/64_from_float32", "float8_from_float32"])
def test_policies(name):
    ours, theirs = dtype_policies.get(name), keras.dtype_policies.get(name)
    assert (ours.name, ours.compute_dtype) == (str(theirs.name), str(theirs.compute_dtype))
    assert ours.variable_dtype == str(theirs.variable_dtype)
    assert ours.quantization_mode == str(theirs.quantization_mode)
    described = dtype_policies.serialize(ours)
    assert dtype_policies.deserialize(described) == ours != dtype_policies.get("float32")
    assert (described["module"], repr(ours)) == ("keras.dtype_policies", f'<{described["class_name"]} "{name}">')


def said(kind, function, *args, **settings):
    with pytest.raises(kind) as caught:
        function(*args, **settings)
    return str(caught.value)


def test_messages():
    config = quantizers.Int4QuantizationConfig
    assert said(UsageError, config, block_size=0) == (
        "Int4QuantizationConfig expects block_size to be None, -1 or positive, got 0"
    )
    assert said(UsageError, config, quantizers.AbsMaxQuantizer(), block_size=None) == (
        "Int4QuantizationConfig expects a weight_quantizer with value_range=(-8, 7), got (-127, 127)"
    )
    assert said(UsageError, dtype_policies.get, "int8_from_float16") == (
        "int8 does not work well with the compute dtype float16"
    )
    assert said(UsageError, dtype_policies.get, "int4/0_from_float32") == (
        "Int4DTypePolicy expects mode to be int4/ and -1 or a positive integer, got 'int4/0'"
    )
    assert said(DTypeError, quantizers.pack_int4, np.zeros(2, "float32")) == "pack_int4 expects int8, got float32"
    assert said(UsageError, quantizers.AbsMaxQuantizer, value_range=(-300, 300)) == (
        "AbsMaxQuantizer expects value_range to be within int8, got (-300, 300)"
    )
