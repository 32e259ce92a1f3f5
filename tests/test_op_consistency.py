"""The laws every operation keeps: what it says of its result and its cost is what torch then does."""

from __future__ import annotations

import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from layercli.core import dims, operation, tree
from layercli.core.dims import UNKNOWN, Dim
from layercli.core.spec import Spec
from layercli.errors import ShapeError
from layercli.ops.sample_inputs import SampleInput, all_cases
from layercli.runtime.execution.meta_tensors import TorchFunction

CASES = list(all_cases())
UNCOUNTED_BY_TORCH = {
    torch.ops.aten.mv: lambda matrix, vector, *args, **kwargs: 2 * matrix[0] * matrix[1],
    torch.ops.aten.dot: lambda left, right, *args, **kwargs: 2 * left[0],
    torch.ops.aten._int_mm: lambda left, right, *args, **kwargs: 2 * left[0] * left[1] * right[1],
}
"""Products of vectors and of integers, which torch's own counter leaves out."""


def tensors(case: SampleInput, sizes=None, device="cpu"):
    return [torch.from_numpy(x).to(device) if hasattr(x, "dtype") else x for x in case.arrays(sizes=sizes)]


def specs_of(result):
    return tree.map_structure(operation.spec_of, result)


def values_at(tree_of_specs, sizes):
    return tree.map_structure(lambda spec: spec.at(sizes), tree_of_specs)


def test_every_operation_has_cases():
    with_cases = {type(case.op) for case in CASES} | {TorchFunction}
    assert set(operation.REGISTRY.values()) - with_cases == set()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_law(case):
    """One test a case, not one a law: to run a test costs more than to check a law."""
    broken = []
    for law in LAWS:
        try:
            law(case)
        except Exception as error:
            error.add_note(f"the law: {law.__name__}")
            broken.append(error)
    if broken:
        raise broken[0] if len(broken) == 1 else ExceptionGroup(f"{len(broken)} laws are broken", broken)


def spec_is_what_runs(case):
    said, found = case.op.spec(*case.inputs), specs_of(case.op.run(*tensors(case)))
    assert fits(said, found) if case.by_values else said == found


def fits(said, found):
    """Whether nothing is said of a size but what is found, and of no dtype."""
    pairs = list(zip(tree.flatten(said), tree.flatten(found), strict=True))
    return all(a.dtype == b.dtype and all(map(dims.may_equal, a.shape, b.shape)) for a, b in pairs)


def spec_and_cost_are_what_the_meta_device_says(case):
    if case.by_values:
        assert case.op.macs(*case.inputs) in (0, UNKNOWN)
        return
    with FlopCounterMode(display=False, custom_mapping=UNCOUNTED_BY_TORCH) as counter:
        found = specs_of(case.op.run(*tensors(case, device="meta")))
    assert case.op.spec(*case.inputs) == found
    assert 2 * case.op.macs(*case.inputs) == counter.get_total_flops()


def formulas_give_the_figures(case):
    assert values_at(case.op.spec(*case.given), case.sizes) == case.op.spec(*case.inputs)
    assert dims.at(case.op.macs(*case.given), case.sizes) == case.op.macs(*case.inputs)


@settings(max_examples=300, deadline=None)
@given(case=st.sampled_from(CASES), sizes=st.fixed_dictionaries({name: st.integers(1, 13) for name in "BTHWD"}))
def test_formulas_hold_at_any_size(case, sizes):
    sizes = {**case.sizes, **sizes}
    try:
        expected = case.op.spec(*case.at(sizes))
    except ShapeError:
        return
    assert values_at(case.op.spec(*case.given), sizes) == expected
    assert dims.at(case.op.macs(*case.given), sizes) == case.op.macs(*case.at(sizes))


def nameless_sizes_never_raise_and_never_guess(case):
    forget = lambda x: Spec(tuple(UNKNOWN if isinstance(n, Dim) else n for n in x.shape), x.dtype)  # noqa: E731
    forgotten = [forget(x) if isinstance(x, Spec) else x for x in case.given]
    found = tree.flatten(case.op.spec(*forgotten))
    for got, true in zip(found, tree.flatten(case.op.spec(*case.inputs)), strict=True):
        assert got.dtype == true.dtype
        assert all(dims.may_equal(a, b) for a, b in zip(got.shape, true.shape, strict=True))
    cost = case.op.macs(*forgotten)
    assert cost == case.op.macs(*case.inputs) or not dims.known(cost)


def gradients_are_finite(case):
    if not case.differentiable:
        return
    inputs = [x.double() if isinstance(x, torch.Tensor) and x.is_floating_point() else x for x in tensors(case)]
    wanted = [
        x.requires_grad_()
        for i, x in enumerate(inputs)
        if isinstance(x, torch.Tensor) and x.is_floating_point() and i not in case.constants
    ]
    outputs = [y for y in tree.flatten(case.op.run(*inputs)) if y.requires_grad]
    torch.autograd.backward([y.sum() for y in outputs])
    assert wanted
    assert all(x.grad is not None and x.grad.isfinite().all() for x in wanted)


def arrays_give_what_tensors_give(case):
    given = tensors(case)
    arrays = [x.numpy() if isinstance(x, torch.Tensor) else x for x in given]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # NumPy's, of what becomes of an array times a tensor
        for mixed in ([*arrays[:1], *given[1:]], [*given[:1], *arrays[1:]]):
            assert all(isinstance(x, torch.Tensor) for x in tree.flatten(case.op(*mixed)))


LAWS = (
    arrays_give_what_tensors_give,
    spec_is_what_runs,
    spec_and_cost_are_what_the_meta_device_says,
    formulas_give_the_figures,
    nameless_sizes_never_raise_and_never_guess,
    gradients_are_finite,
)
