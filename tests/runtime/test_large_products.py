"""Products of large weights by oneDNN or MKL: the same results, and torch's own linear where more than the result is needed."""

import pytest
import torch
from torch.autograd import forward_ad
from torch.utils.flop_counter import FlopCounterMode

from layercli import layers, ops
from layercli.ops.core import kernel_overrides
from layercli.runtime.inference import large_products, onednn_kernels

pytestmark = [
    pytest.mark.skipif(not onednn_kernels.available(), reason="this torch was built without oneDNN's kernels"),
    pytest.mark.filterwarnings("ignore:`torch.jit"),
]


@pytest.fixture(params=["oneDNN", "MKL"])
def calls(request, monkeypatch):
    """The shapes of the inputs that went to the library's kernel, whatever the CPU; every weight is large."""
    found = []
    monkeypatch.setattr(large_products, "mkl_serves", lambda: request.param == "MKL")
    module, name = {"oneDNN": (onednn_kernels, "multiplied"), "MKL": (large_products, "added_after")}[request.param]
    kernel = getattr(module, name)
    monkeypatch.setattr(module, name, lambda x, *rest: found.append(tuple(x.shape)) or kernel(x, *rest))
    monkeypatch.setattr(kernel_overrides, "LARGE", 1)
    return found


@pytest.fixture
def layer():
    dense = layers.Dense(6)
    dense(torch.zeros(1, 4))
    return dense


X = torch.linspace(-1, 1, 20).reshape(5, 4)
LAYERS = [
    (lambda: layers.Dense(6), (5, 4)),
    (lambda: layers.Dense(6, use_bias=False, activation="relu"), (2, 3, 4)),
    (lambda: layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de"), (2, 5, 4)),
    (lambda: layers.Conv2D(6, 1), (2, 3, 4, 5)),
    (lambda: layers.Conv2D(6, 1, strides=2), (2, 3, 4, 5)),
]


@pytest.mark.parametrize(("make", "shape"), LAYERS, ids=range(len(LAYERS)))
def test_the_result_is_torchs(make, shape, calls):
    layer, x = make(), torch.randn(shape)
    expected = layer(x).detach()
    assert calls == []
    for mode in (torch.no_grad(), torch.inference_mode()):
        with mode:
            torch.testing.assert_close(layer(x), expected, rtol=0, atol=2e-6 * float(expected.abs().max()))
    assert len(calls) == 2


def test_matmul_with_a_large_matrix_is_one(calls):
    x, table = torch.randn(2, 3, 4), torch.randn(6, 4)
    for y in (table.T, table.T.contiguous()):
        with torch.no_grad():
            torch.testing.assert_close(ops.matmul(x, y), torch.matmul(x, y), rtol=0, atol=1e-5)
        assert ops.matmul(x, y.requires_grad_()).requires_grad
    ops.matmul(x[0, 0], table.T)
    assert calls == [(2, 3, 4)] * 2


@pytest.mark.filterwarnings("ignore:Sparse CSR")
@pytest.mark.parametrize("sparse", [torch.Tensor.to_sparse, torch.Tensor.to_sparse_csr])
def test_a_sparse_input_is_torchs(calls, sparse):
    x, y = torch.eye(4), torch.randn(4, 6)
    with torch.no_grad():
        assert torch.equal(ops.matmul(sparse(x), y), y)
    assert not calls


def test_small_weights_are_torchs(calls, layer, monkeypatch):
    least = 24 if large_products.mkl_serves() else 12  # for oneDNN a weight is large from twice as many values on
    monkeypatch.setattr(kernel_overrides, "LARGE", least + 1)
    with torch.no_grad():
        layer(X)
        assert calls == []
        monkeypatch.setattr(kernel_overrides, "LARGE", least)
        layer(X)
    assert calls == [(5, 4)]


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "mixed_bfloat16"])
def test_other_dtypes_are_torchs(calls, dtype):
    layer = layers.Dense(6, dtype=dtype)
    with torch.no_grad():
        layer(X)
    assert calls == []


def test_no_rows_are_torchs(calls, layer):
    with torch.no_grad():
        assert layer(X[:0]).shape == (0, 6)
    assert calls == []


def test_who_batches_or_differentiates_by_transforms_has_torchs(calls, layer):
    several = torch.stack((X, 2 * X))
    expected = layer(several)
    with torch.no_grad():
        torch.testing.assert_close(torch.func.vmap(layer.module)(several), expected)
        _, tangent = torch.func.jvp(layer.module, (X,), (torch.ones_like(X),))
        torch.testing.assert_close(tangent, (torch.ones_like(X) @ layer.kernel.value).detach())
    assert calls == []


def test_a_tangent_is_not_lost(calls, layer):
    with torch.no_grad(), forward_ad.dual_level():
        out = forward_ad.unpack_dual(layer(forward_ad.make_dual(X, torch.ones_like(X))))
    torch.testing.assert_close(out.tangent, (torch.ones_like(X) @ layer.kernel.value).detach())
    assert calls == []


def test_autocast_casts(calls, layer):
    with torch.no_grad(), torch.autocast("cpu"):
        assert layer(X).dtype is torch.bfloat16
    assert calls == []


def test_who_counts_sees_the_product(calls, layer):
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        layer(X)
    assert counter.get_total_flops() == 2 * 5 * 4 * 6
    assert calls == []


@pytest.mark.filterwarnings("error::torch.jit.TracerWarning")
def test_a_trace_has_torchs(calls, layer):
    with torch.no_grad():
        traced = torch.jit.trace(layer.module, X)
        torch.testing.assert_close(traced(X), layer.module(X))
    assert "aten::linear" in str(traced.inlined_graph)


def test_compiled_and_exported_graphs_have_torchs(calls, layer):
    with torch.no_grad():
        compiled = torch.compile(layer.module, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(X), layer.module(X))
        exported = torch.export.export(layer.module, (X,))
    assert "aten.linear" in str(exported.graph)


def test_an_intel_cpu_multiplies_by_mkl(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"cpu_name": "AMD EPYC"}, raising=False)
    assert not large_products.mkl_serves.__wrapped__()
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"cpu_name": "Intel Xeon"})
    assert large_products.mkl_serves.__wrapped__() == torch.backends.mkl.is_available()
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert not large_products.mkl_serves.__wrapped__()
