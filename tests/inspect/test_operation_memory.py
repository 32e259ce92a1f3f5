"""The rules of memory of single operations, against what torch's kernels do on the operations' own sample inputs."""

import pytest
import torch
from memory_tracker import MemoryTracker

from layercli.core import tree
from layercli.core.graph import Node
from layercli.core.operation import spec_of
from layercli.core.spec import Spec
from layercli.inspect.kernel_memory import WORKSPACES
from layercli.inspect.layer_graph import VIEWS, arguments_of, operation_name
from layercli.inspect.model_graph import OperationCall
from layercli.inspect.rule_input import Given
from layercli.inspect.saved_tensors import KEEP_INPUT, KEEP_NOTHING, KEEP_OUTPUT
from layercli.ops.sample_inputs import all_cases

CASES = list(all_cases())
RULED = KEEP_INPUT | KEEP_OUTPUT | KEEP_NOTHING
DEPENDS = {
    "Clip": "of a boolean tensor", "Where": "of numbers", "Pad": "reflected", "Slice": "at indices that are tensors",
    "Rescale": "keeps the numbers of the channels",
    "Var": "of integers", "Sum": "with where", "ReluInPlace": "keeps what it writes over its input",
}  # fmt: skip
"""Operations whose sample inputs have cases that keep something else, which models have not."""


def tensors(case, *, gradients=False):
    found = [torch.from_numpy(x) if hasattr(x, "dtype") else x for x in case.arrays()]
    if not gradients:
        return found
    wanting = [isinstance(x, torch.Tensor) and (x.is_floating_point() or x.is_complex()) for x in found]
    return [x.requires_grad_() * 1 if wants else x for x, wants in zip(found, wanting, strict=True)]


def storages(values):
    return [x.untyped_storage()._cdata for x in tree.flatten(values) if isinstance(x, torch.Tensor)]


@pytest.mark.parametrize("case", [c for c in CASES if operation_name(c.op) in VIEWS], ids=lambda case: case.name)
def test_a_view_takes_no_memory(case):
    given = tensors(case)
    assert set(storages(case.op.run(*given))) <= set(storages(given))


@pytest.mark.parametrize(
    "case",
    [c for c in CASES if operation_name(c.op) in RULED - set(DEPENDS) and any(isinstance(x, Spec) for x in c.inputs)],
    ids=lambda case: case.name,
)
def test_what_is_kept_is_what_the_rule_says(case):
    name, given, saved = operation_name(case.op), tensors(case, gradients=True), []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: saved.append(x) or x, lambda x: x):
        out = case.op.run(*given)
    ours = {"input": storages(given)[:1] if name in KEEP_INPUT else [], "output": storages(out)[:1]}
    allowed = set(ours["input"]) | (set(ours["output"]) if name in KEEP_OUTPUT else set())
    assert set(storages(saved)) <= allowed


PLAIN = {"Convolution", "LayerNorm", "Pool", "RmsNorm", "Rotate"}


def special(case):
    """Whether an operation of few values takes another way on the CPU, or cuts a place off that torch has too many."""
    name = operation_name(case.op)
    if name == "Convolution":
        return set(case.op.size) == {1}
    return name == "Pool" and case.op.padding == "same" and 1 in case.op.strides


@pytest.mark.parametrize(
    "case", [c for c in CASES if operation_name(c.op) in PLAIN and not special(c)], ids=lambda case: case.name
)
def test_a_kernel_takes_what_the_rule_says(case):
    given = tensors(case)
    specs = tuple(spec_of(x) for x in given if isinstance(x, torch.Tensor))
    node = Node(case.op, (), specs=specs)
    with torch.no_grad(), MemoryTracker([x for x in given if isinstance(x, torch.Tensor)]) as tracker:
        out = case.op.run(*given)
    name = operation_name(case.op)
    call = OperationCall(name, "", (), (), arguments=arguments_of(case.op, node))
    said = WORKSPACES[name](Given(call, specs, (spec_of(out),)))
    assert out.untyped_storage().nbytes() + said == pytest.approx(tracker.peak, abs=64)
