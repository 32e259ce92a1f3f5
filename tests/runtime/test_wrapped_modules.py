"""Modules that are lazy, compiled or scripted are described, and cost, what the plain module is and costs."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from layercli.core.spec import Spec
from layercli.inspect.cost import cost
from layercli.inspect.cost_document import totals
from layercli.inspect.training_cost import Training, training_cost
from layercli.runtime.analysis.module_summary import summarize_module
from layercli.sources.torch_module import ModuleSource

INPUTS = {"x": Spec((2, 3, 8, 8))}


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.out = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Linear(288, 5)

    def forward(self, x):
        return self.out(F.relu(self.norm(self.conv(x))).flatten(1))


class Lazy(Plain):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.out = nn.LazyConv2d(8, 3), nn.LazyBatchNorm2d(), nn.LazyLinear(5)


class CompiledFunction(Plain):
    def forward(self, x):
        return self.out(torch.compile(F.relu)(self.norm(self.conv(x))).flatten(1))


def compiled_part():
    net = Plain()
    net.conv.forward = torch.compile(net.conv.forward)
    net.out = torch.compile(net.out)
    return net


WRAPPED = {
    "lazy": Lazy,
    "compiled": lambda: torch.compile(Plain()),
    "a part compiled": compiled_part,
    "a compiled function": CompiledFunction,
    "scripted": lambda: torch.jit.script(Plain()),
    "parallel": lambda: nn.DataParallel(Plain()),
}


def costs(module):
    """The totals of inference and of training."""
    source = ModuleSource(module, "net", "")
    trained = training_cost(source.cost_graph(INPUTS, training=True), Training(optimizer="adam"), at={})
    return totals(cost(source.cost_graph(INPUTS).graph, at={})), totals(trained)


def test_a_cost_counts_parameters_as_a_summary_does():
    inference, training = costs(Plain())
    assert (
        inference["parameters"]
        == training["parameters"]
        == 1685
        == summarize_module(Plain(), {}, "", "").totals.parameters
    )
    assert inference["weights"] == 4 * (1685 + 16) + 8  # with the buffers of the normalization


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("make", WRAPPED.values(), ids=WRAPPED)
def test_wrapped_is_as_plain(make):
    summary, plain = (summarize_module(x, INPUTS, "net", "") for x in (make(), Plain()))
    assert summary.failure is None
    assert summary.totals.macs == plain.totals.macs == 2 * (36 * 27 * 8 + 288 * 5)
    assert summary.totals.parameters == 1685
    assert costs(make()) == costs(Plain())


def test_a_lazy_module_stays_lazy():
    module = Lazy()
    costs(module)
    assert isinstance(module.norm.running_mean, nn.UninitializedBuffer)
    assert module(torch.zeros(2, 3, 8, 8)).shape == (2, 5)


def test_compiling_is_as_before():
    before = torch.compile
    costs(compiled_part())
    assert torch.compile is before


def test_training_of_a_bilinear_layer():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.pair = nn.Bilinear(4, 5, 6)

        def forward(self, x, y):
            return self.pair(x, y)

    inputs = {"x": Spec((3, 4)), "y": Spec((3, 5))}
    opened = ModuleSource(Pair(), "net", "").cost_graph(inputs, training=True)
    found = totals(training_cost(opened, Training(optimizer="sgd"), at={}))
    assert found["macs"] == 3 * 6 * 4 * 5 + 3 * 6 * 5
    assert found["parameters"] == 126
