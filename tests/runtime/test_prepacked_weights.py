"""Weights in the layout that oneDNN or MKL reads: the same results, and no stale ones."""

import os

import numpy as np
import pytest
import torch

from layercli import Sequential, layers
from layercli.ops.core import kernel_overrides
from layercli.ops.numpy.einsum import Einsum
from layercli.runtime.execution.available_memory import free_memory
from layercli.runtime.inference import large_products, onednn_kernels
from layercli.runtime.inference.prepacked_weights import PrepackedCall

pytestmark = pytest.mark.skipif(not onednn_kernels.available(), reason="this torch was built without oneDNN's kernels")


@pytest.fixture(params=["oneDNN", "MKL"], autouse=True)
def library(request, monkeypatch):
    """The library of the products, whatever the CPU; MKL packs for any number of rows."""
    monkeypatch.setattr(large_products, "mkl_serves", lambda: request.param == "MKL")
    monkeypatch.setattr(large_products, "PACKED_ROWS", 1)
    if request.param == "MKL" and not torch.backends.mkl.is_available():
        pytest.skip("this torch was built without MKL")


CONVOLUTIONS = [
    (layers.Conv2D(6, 3), (2, 9, 8, 4)),
    (layers.Conv2D(8, (3, 2), strides=2, padding="same", groups=2, use_bias=False), (2, 9, 8, 4)),
    (layers.Conv2D(5, 3, dilation_rate=2, data_format="channels_first"), (1, 4, 9, 8)),
    (layers.Conv1D(6, 5, padding="causal"), (3, 12, 4)),
    (layers.DepthwiseConv2D(3, depth_multiplier=2), (2, 9, 8, 4)),
    (layers.SeparableConv2D(6, 3), (2, 9, 8, 4)),
]


@pytest.mark.parametrize(("layer", "shape"), CONVOLUTIONS, ids=lambda x: getattr(x, "name", None))
def test_results_are_torchs(layer, shape):
    x = torch.randn(shape)
    expected = layer(x)
    prepacked = PrepackedCall(layer)
    with torch.inference_mode():
        for given, wanted in ((x, expected), (x[:1], expected[:1]), (x, expected)):
            torch.testing.assert_close(
                prepacked(given), wanted.detach(), rtol=0, atol=2e-6 * float(expected.abs().max())
            )
    assert len(prepacked._packed) == (2 if isinstance(layer, layers.SeparableConv2D) else 1)


PRODUCTS = [
    (lambda: layers.Dense(6), (5, 4), 1),
    (lambda: layers.Dense(6, use_bias=False, activation="relu"), (2, 3, 4), 1),
    (lambda: layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de"), (2, 5, 4), 1),
    (lambda: layers.MultiHeadAttention(2, 3), (2, 5, 4), 4),
]


def test_products_are_packed_from_the_second_call_on_or_the_first_of_many(monkeypatch):
    monkeypatch.setattr(kernel_overrides, "LARGE", 1)
    layer = layers.Dense(6)
    x = torch.randn(5, 4)
    layer(x)
    once, many = PrepackedCall(layer), PrepackedCall(layer, many=True)
    with torch.inference_mode():
        once(x)
        many(x)
        assert (len(once._packed), len(many._packed)) == (0, 1)
        once(x)
    assert len(once._packed) == 1


def test_predict_on_several_batches_packs_at_once(monkeypatch):
    monkeypatch.setattr(kernel_overrides, "LARGE", 1)
    packed = []
    whole = large_products.packed_matrix
    monkeypatch.setattr(
        large_products, "packed_matrix", lambda weight, rows: packed.append(rows) or whole(weight, rows)
    )
    model = Sequential([layers.Dense(6)])
    x = torch.randn(5, 4)
    model.predict(x, batch_size=5, verbose=0)
    assert packed == []
    np.testing.assert_allclose(model.predict(x, batch_size=2, verbose=0), model(x).detach(), rtol=1e-5, atol=1e-6)
    assert packed == [2]


@pytest.fixture
def small(monkeypatch):
    """Let small weights be packed too."""
    monkeypatch.setattr(kernel_overrides, "LARGE", 1)


@pytest.mark.parametrize(("make", "shape", "count"), PRODUCTS, ids=range(len(PRODUCTS)))
def test_products_are_torchs(make, shape, count, small):
    layer = make()
    x = torch.randn(shape)
    call = (lambda x: layer(x, x)) if count > 1 else layer
    expected = call(x)
    prepacked = PrepackedCall(call)
    with torch.inference_mode():
        for given, wanted in ((x, expected), (x[:1], expected[:1]), (x, expected)):
            torch.testing.assert_close(
                prepacked(given), wanted.detach(), rtol=0, atol=2e-6 * float(expected.abs().max())
            )
    assert len(prepacked._packed) == count


@pytest.mark.parametrize(
    "settings", [{}, {"return_sequences": True, "return_state": True}, {"go_backwards": True}], ids=str
)
def test_an_lstm_is_torchs(settings):
    layer = layers.LSTM(5, **settings)
    prepacked = PrepackedCall(layer)
    for shape in [(2, 7, 3), (1, 4, 3), (9, 1, 3)]:
        x = torch.randn(shape)
        expected = layer(x)
        with torch.inference_mode():
            for _ in range(2):
                torch.testing.assert_close(prepacked(x), expected)
    assert len(prepacked._packed) == 1


@pytest.mark.parametrize("name", ["kernel", "recurrent_kernel"])
def test_either_weight_of_an_lstm_that_is_trained_is_seen(name):
    layer = layers.LSTM(5)
    x = torch.randn(2, 7, 3)
    layer(x)
    prepacked = PrepackedCall(layer)
    with torch.inference_mode():
        before = prepacked(x)
    with torch.no_grad():
        getattr(layer.cell, name).value.mul_(2)
    with torch.inference_mode():
        torch.testing.assert_close(prepacked(x), layer(x))
        assert not torch.allclose(prepacked(x), before)
    assert len(prepacked._packed) == 1


def test_recurrences_without_such_a_kernel_are_torchs():
    x = torch.randn(2, 7, 3)
    for layer in (layers.GRU(5), layers.LSTM(5, use_bias=False), layers.LSTM(5, dtype="float64"), layers.SimpleRNN(5)):
        expected = layer(x)
        prepacked = PrepackedCall(layer)
        with torch.inference_mode():
            torch.testing.assert_close(prepacked(x.to(expected.dtype)), expected)
        assert prepacked._packed == {}


def test_a_product_that_is_trained_is_seen(small):
    layer = layers.Dense(6)
    x = torch.randn(5, 4)
    layer(x)
    prepacked = PrepackedCall(layer)
    optimizer = torch.optim.SGD(layer.module.parameters(), 0.5)
    for _ in range(2):
        with torch.inference_mode():
            torch.testing.assert_close(prepacked(x), layer(x))
        layer(x).square().sum().backward()
        optimizer.step()
    assert len(prepacked._packed) == 1


def test_a_product_of_two_results_is_torchs(small):
    class Scores(layers.Layer):
        def call(self, x):
            return Einsum("bd,ds->bs")(x, x.T)

    x = torch.randn(5, 5)
    prepacked = PrepackedCall(Scores())
    with torch.inference_mode():
        torch.testing.assert_close(prepacked(x), x @ x.T)
    assert prepacked._packed == {}


def test_small_products_and_those_there_is_no_room_for_are_torchs(monkeypatch):
    layer = layers.Dense(6)
    x = torch.randn(5, 4)
    layer(x)
    prepacked = PrepackedCall(layer)
    with torch.inference_mode():
        assert torch.equal(prepacked(x), layer(x))
        monkeypatch.setattr(kernel_overrides, "LARGE", 1)
        monkeypatch.setattr(onednn_kernels, "free_memory", lambda: 4 * 95)
        torch.testing.assert_close(prepacked(x), layer(x))
    assert prepacked._packed == {}
    assert onednn_kernels.MemoryBudget().take(torch.empty(23))
    assert not onednn_kernels.MemoryBudget().take(torch.empty(24))


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, 1000),
        ({"memory.max": "max", "memory.current": "300"}, 1000),
        ({"memory.max": "700", "memory.current": "300"}, 400),
        ({"memory.max": "300", "memory.current": "700"}, 0),
        ({"memory/memory.limit_in_bytes": "9223372036854771712", "memory/memory.usage_in_bytes": "5"}, 1000),
        ({"memory/memory.limit_in_bytes": "900", "memory/memory.usage_in_bytes": "5"}, 895),
    ],
)
def test_free_is_what_the_container_leaves(files, free, tmp_path, monkeypatch):
    (tmp_path / "memory").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text + "\n")
    monkeypatch.setattr(os, "sysconf", lambda name: {"SC_AVPHYS_PAGES": 10, "SC_PAGE_SIZE": 100}[name])
    assert free_memory(tmp_path) == free


@pytest.mark.parametrize("layer", [layers.Dense(6), layers.Conv2D(6, 3)], ids=["Dense", "Conv2D"])
def test_what_does_not_fit_is_said_as_ever(layer, small):
    layer(torch.randn(*(1, 5, 5)[: 3 if "conv" in layer.name else 1], 4))
    wrong = torch.randn(*(1, 5, 5)[: 3 if "conv" in layer.name else 1], 3)
    prepacked = PrepackedCall(layer)
    with torch.inference_mode(), pytest.raises(ValueError, match=f"{layer.name} .* expects x with 4 .*, got 3"):
        prepacked(wrong)


def test_a_write_that_torch_can_tell_of_is_seen():
    model = Sequential([layers.Conv2D(4, 3), layers.Flatten()])
    x = torch.randn(2, 6, 6, 3)
    prepacked = PrepackedCall(model)
    model(x)
    with torch.inference_mode():
        before = prepacked(x)
        model.layers[0].kernel.assign(2 * model.layers[0].kernel.numpy())
        torch.testing.assert_close(prepacked(x), 2 * before)


def test_calls_that_record_gradients_are_torchs():
    layer = layers.Conv2D(4, 3)
    prepacked = PrepackedCall(layer)
    prepacked(torch.randn(1, 5, 5, 2)).sum().backward()
    assert prepacked._packed == {}
    assert layer.kernel.stored.grad is not None


def test_other_dtypes_are_torchs():
    layer = layers.Conv2D(4, 3, dtype="float64")
    prepacked = PrepackedCall(layer)
    x = torch.randn(1, 5, 5, 2, dtype=torch.float64)
    with torch.inference_mode():
        assert torch.equal(prepacked(x), layer(x))
    assert prepacked._packed == {}


@pytest.mark.skipif(not onednn_kernels.has_amx(), reason="bfloat16 is packed for AMX alone")
@pytest.mark.parametrize(
    ("make", "shape"),
    [(layers.Dense, (5, 4)), (lambda units, dtype: layers.Conv2D(units, 3, dtype=dtype), (2, 9, 8, 4)), (layers.LSTM, (2, 7, 4))],
    ids=["Dense", "Conv2D", "LSTM"],
)  # fmt: skip
def test_bfloat16_is_packed_for_amx(make, shape, small):
    layer = make(6, dtype="bfloat16")
    x = torch.randn(shape, dtype=torch.bfloat16)
    layer(x)
    prepacked = PrepackedCall(layer, many=True)
    with torch.inference_mode():
        torch.testing.assert_close(prepacked(x), layer(x), rtol=2**-7, atol=2**-7)  # each rounds its results to 8 bits
    assert len(prepacked._packed) == 1


def test_outside_of_it_a_call_is_as_ever():
    layer = layers.Conv2D(4, 3)
    x = torch.randn(1, 5, 5, 2)
    layer(x)
    prepacked = PrepackedCall(layer)
    with torch.inference_mode():
        prepacked(x)
        prepacked._packed.clear()
        layer(x)
        with pytest.raises(ValueError):
            prepacked(torch.randn(1, 5, 5, 3))
        layer(x)
    assert prepacked._packed == {}
