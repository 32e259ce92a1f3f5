"""Every operation of torch that multiplies matrices is counted, or known not to be countable: a walk over all of them."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from layercli.core.spec import Spec
from layercli.runtime.analysis.cost_registry import PRODUCT_COSTS
from layercli.runtime.analysis.module_summary import summarize_module, variables_of_module
from layercli.runtime.analysis.product_costs import product_cost
from layercli.runtime.analysis.uncounted_products import UNKNOWN_PRODUCTS
from layercli.sources.exported_program import ExportedProgramSource

WORDS = {
    "mm", "mv", "matmul", "conv", "convolution", "linear", "attention", "rnn", "lstm", "gru", "dot", "vdot", "addr",
    "bilinear", "einsum", "cdist", "inner", "outer", "kron", "tensordot", "chain", "gemm", "linalg", "cholesky",
    "solve", "svd", "eig", "eigh", "eigvals", "lstsq", "qr", "lu", "det", "inverse", "inv", "pinv", "mha",
    "transformer", "householder", "orgqr", "ormqr", "geqrf", "trilinear", "spsolve", "slogdet", "lobpcg",
    "combination", "products", "product", "encoder", "cell",
}  # fmt: skip
PARTS = re.compile(
    r"mm(?!a|y|ing)|mv(?!l)|matmul|conv(?!ert)|linear|attention|rnn|lstm|gru|einsum|gemm|cholesky|linalg"
)

WITHOUT_PRODUCTS = re.compile(
    r"pack(_fp16|_legacy|_fp16_legacy|_gemm_matrix_fp16)?$|^upsample|^_upsample|reorder|flatten_weight|^_convert_weight"
    r"|^_thnn_fused|linalg_(cross|vector_norm|_powsum|check_errors)|^lu_unpack|^_foreach_lgamma|^cumm|^slice_inverse"
    r"|^access_subclass|_cell_params(_dynamic)?$|^_cumm|_dummy$|^hamming_window|prefetch|^_linalg_check_errors|_helper$"
)
"""Operations whose names look like products and that multiply no matrices: they pack, resample, or work value by value."""


def operations() -> dict[str, bool]:
    """Return the operations of torch's own libraries, and whether each is only made of others."""
    found: dict[str, bool] = {}
    for full in torch._C._dispatch_get_all_op_names():
        name = full.partition(".")[0]
        made_of_others = torch._C._dispatch_has_kernel_for_dispatch_key(full, "CompositeImplicitAutograd")
        found[name] = found.get(name, True) and made_of_others
    own = (
        "aten",
        "quantized",
        "_quantized",
        "mkldnn",
        "mkl",
        "onednn",
        "mkldnn_prepacked",
        "inductor",
        "sparse",
        "_native",
    )
    return {name: made for name, made in found.items() if name.partition("::")[0] in own}


def multiplies(name: str) -> bool:
    """Whether the name of an operation says that it multiplies matrices."""
    op = name.partition("::")[2]
    if WITHOUT_PRODUCTS.search(op) and not (op.endswith("_helper") and "solve" in op):
        return False
    return bool(WORDS & set(op.split("_")) or PARTS.search(op))


def test_every_operation_that_multiplies_is_counted_or_known_to_be_unknown():
    missing = [
        name
        for name, made_of_others in operations().items()
        if not made_of_others and multiplies(name) and name not in PRODUCT_COSTS and name not in UNKNOWN_PRODUCTS
    ]
    assert missing == []


def test_no_operation_is_both_counted_and_unknown():
    assert not UNKNOWN_PRODUCTS & set(PRODUCT_COSTS)


ATEN = torch.ops.aten


def meta(*shape: int) -> torch.Tensor:
    return torch.empty(shape, device="meta")


CALLS = {
    "addmm_": (ATEN.addmm_.default, (meta(2, 5), meta(2, 3), meta(3, 5)), meta(2, 5), 30),
    "addr": (ATEN.addr.default, (meta(2, 5), meta(2), meta(5)), meta(2, 5), 10),
    "conv_tbc": (ATEN.conv_tbc.default, (meta(9, 2, 3), meta(4, 3, 5), meta(5)), meta(6, 2, 5), 6 * 2 * 5 * 4 * 3),
    "cdist of order 2": (ATEN._cdist_forward.default, (meta(4, 3), meta(5, 3), 2.0, None), meta(4, 5), 60),
    "cdist of order 1": (ATEN._cdist_forward.default, (meta(4, 3), meta(5, 3), 1.0, None), meta(4, 5), 0),
    "cudnn with its benchmark flag": (
        ATEN.cudnn_convolution.default,
        (meta(1, 3, 8, 8), meta(4, 3, 3, 3), [0, 0], [1, 1], [1, 1], 1, True, False, True), meta(1, 4, 6, 6),
        4 * 36 * 27,
    ),
    "cudnn transposed": (
        ATEN.cudnn_convolution_transpose.default,
        (meta(1, 4, 6, 6), meta(4, 3, 3, 3), [0, 0], [0, 0], [1, 1], [1, 1], 1, False, False, True), meta(1, 3, 8, 8),
        4 * 36 * 27,
    ),
    "gradients of a convolution": (
        ATEN.convolution_backward.default,
        (meta(1, 4, 6, 6), meta(1, 3, 8, 8), meta(4, 3, 3, 3), [4], [1, 1], [0, 0], [1, 1], False, [0, 0], 1,
         [True, True, True]), None, 2 * 4 * 36 * 27,
    ),
    "flash": (
        ATEN._flash_attention_forward.default,
        (meta(2, 5, 3, 8), meta(2, 7, 3, 8), meta(2, 7, 3, 8), None, None, 5, 7, 0.0, False, False), None,
        2 * 3 * 5 * 7 * 16,
    ),
    "flash of two sequences": (
        ATEN._flash_attention_forward.default,
        (meta(5, 3, 8), meta(5, 3, 8), meta(5, 3, 8), torch.tensor([0, 2, 5]), torch.tensor([0, 2, 5]), 3, 3, 0.0, False,
         False), None, 3 * (4 + 9) * 16,
    ),
    "flash of unknown sequences": (
        ATEN._flash_attention_forward.default,
        (meta(5, 3, 8), meta(5, 3, 8), meta(5, 3, 8), meta(3), meta(3), 3, 3, 0.0, False, False), None, None,
    ),
    "multi-head": (
        ATEN._native_multi_head_attention.default,
        (meta(2, 5, 8), meta(2, 7, 8), meta(2, 7, 8), 8, 2, meta(24, 8), meta(24), meta(8, 8), meta(8)), None,
        2 * (5 + 7 + 7 + 5) * 64 + 2 * 2 * 5 * 7 * 8,
    ),
    "several": (ATEN._foreach_mm.default, ([meta(2, 3), meta(4, 5)], [meta(3, 6), meta(5, 7)]), [meta(2, 6), meta(4, 7)],
                36 + 140),
    "sparse times dense": (
        ATEN._sparse_mm.default, (torch.eye(4).to_sparse(), torch.ones(4, 5)), torch.ones(4, 5), 20,
    ),
    "dense times CSR": (ATEN.mm.default, (torch.ones(3, 4), torch.eye(4).to_sparse_csr()), torch.ones(3, 4), 12),
    "added sparse": (
        ATEN.addmm.default, (torch.ones(4, 5), torch.eye(4).to_sparse(), torch.ones(4, 5)), torch.ones(4, 5), 20,
    ),
    "QR": (ATEN.linalg_qr.default, (meta(3, 3),), None, None),
    "sum": (ATEN.add.Tensor, (meta(3, 3), meta(3, 3)), meta(3, 3), 0),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Sparse CSR")
@pytest.mark.parametrize("case", CALLS)
def test_products_follow_from_the_shapes(case):
    func, args, out, macs = CALLS[case]
    assert product_cost(func, args, out) == macs


@pytest.mark.filterwarnings("ignore:torch.ao.quantization")
@pytest.mark.parametrize("cls", [nn.LSTM, nn.GRU])
def test_quantised_recurrences_count_as_the_float_ones(cls):
    plain = cls(8, 16, num_layers=2, batch_first=True)
    quantised = torch.ao.quantization.quantize_dynamic(nn.Sequential(plain), {cls})
    x = {"input": Spec((3, 5, 8))}
    expected = 3 * 5 * sum(w.numel() for w in plain.parameters() if w.dim() == 2)
    assert summarize_module(plain, x, "m", "").totals.macs == expected
    found = summarize_module(quantised, x, "m", "").totals
    held = sum(p.numel() for p in plain.parameters())
    assert (found.macs, found.parameters) == (expected, held)
    rows = variables_of_module(quantised, "m").rows
    assert {(row.path, row.shape) for row in rows} == {(f"0.{k}", tuple(p.shape)) for k, p in plain.named_parameters()}


class Orthogonal(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 4, bias=False)

    def forward(self, x):
        return x @ torch.linalg.qr(self.a.weight)[0]


def test_what_is_not_counted_is_said():
    found = summarize_module(Orthogonal(), {"x": Spec((2, 4))}, "m", "")
    assert found.totals.macs == 32
    assert found.footnotes == ["MACs leave out linalg_qr: its number of products does not follow from the shapes"]


class InInferenceMode(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.out = nn.LSTM(4, 6, batch_first=True), nn.Linear(6, 2)
        self.up = nn.ConvTranspose1d(2, 3, 3)

    def forward(self, x):
        with torch.inference_mode():
            return self.up(self.out(self.rnn(x)[0]).transpose(1, 2))


def test_operations_made_of_others_count_in_inference_mode():
    found = summarize_module(InInferenceMode(), {"x": Spec((2, 5, 4))}, "m", "")
    assert found.totals.macs == 2 * 5 * (24 * 4 + 24 * 6 + 6 * 2) + 2 * 2 * 5 * 3 * 3


class Branches(nn.Module):
    def __init__(self, turned):
        super().__init__()
        self.small, self.large = nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 4))
        self.turned = turned

    def forward(self, x):
        small, large = self.small.forward, lambda z: self.large[1](self.large[0](z))
        branches = (lambda z: large(z), lambda z: small(z)) if self.turned else (lambda z: small(z), lambda z: large(z))
        return torch.cond(x.sum() > 0, *branches, (x,))


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_branches_the_larger_counts(turned, tmp_path):
    path = tmp_path / "cond.pt2"
    torch.export.save(torch.export.export(Branches(turned).eval(), (torch.randn(2, 4),)), path)
    found = ExportedProgramSource(str(path)).summary()
    assert found.totals.macs == 2 * (32 + 32)
    assert "cond runs one of two branches: the one with more MACs is counted" in found.footnotes
