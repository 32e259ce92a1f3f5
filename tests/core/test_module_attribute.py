"""A layer in an nn.Module: its parameters are there, as with Keras on torch, and the attribute stays the layer."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

from layercli import Input, Layer, Sequential
from layercli.layers import LSTM, Dense, Dropout

X = torch.linspace(-1, 1, 6).reshape(2, 3)


class Net(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.first = Dense(4, name="first")
        self.linear = nn.Linear(4, 4)
        self.body = body
        self.drop = Dropout(0.5)
        self.last = Dense(2, name="last")
        self.last.build((None, 4))

    def forward(self, x):
        return self.last(self.drop(self.body(self.linear(self.first(x)))))


class Block(Layer):
    def __init__(self):
        super().__init__()
        self.inner = Dense(3)

    def call(self, inputs):
        return self.inner(inputs)


def names(module):
    return [name for name, _ in module.named_parameters()]


def net():
    return Net(Sequential([Input((4,)), Dense(4, name="wide")]))


BUILT = ["linear.weight", "linear.bias", "body.wide.kernel", "body.wide.bias", "last.kernel", "last.bias"]


def test_parameters_are_there_from_the_build():
    model = net()
    assert names(model) == BUILT
    model(X)
    assert names(model) == ["first.kernel", "first.bias", *BUILT]
    assert type(model.first) is Dense
    assert model.first.module is dict(model.named_children())["first"]
    assert not isinstance(model.first, nn.Module)
    block = Block()
    owner = nn.Module()
    owner.block = block
    assert names(owner) == []
    block.build((None, 3))
    assert names(owner) == ["block.inner.kernel", "block.inner.bias"]


def test_it_trains_saves_and_loads():
    model, other = net(), net()
    model(X), other(X)
    model.train()
    assert not torch.equal(model(X), model(X)), "dropout follows the mode of the module"
    model.eval()
    before = model.first.get_weights()[0]
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    model(X).square().sum().backward()
    optimizer.step()
    assert abs(before - model.first.get_weights()[0]).max() > 0
    other.load_state_dict(model.state_dict())
    expected = model(X)
    for each in (other.eval(), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        torch.testing.assert_close(each(X), expected, rtol=0, atol=0)
        assert each.first is not model.first
        assert each.first.module is dict(each.named_children())["first"]
    assert model.double()(X.double()).dtype == torch.float64


def test_containers_of_torch_s():
    stack = nn.Sequential(LSTM(4), nn.ReLU(), Dense(1))
    with torch.inference_mode():
        assert stack(torch.ones(2, 3, 3)).shape == (2, 1)
    assert len(names(stack)) == 5
    assert not any(p.is_inference() for p in stack.parameters())
    listed = nn.ModuleList([Dense(2)])
    assert listed[0](X).shape == (2, 2)
    assert names(listed) == ["0.kernel", "0.bias"]


def test_another_value_in_its_place():
    model = net()
    model.first = None
    assert model.first is None
    assert "first" not in dict(model.named_children())
    model.first = nn.Linear(3, 4)
    assert names(model) == ["first.weight", "first.bias", *BUILT]
    with pytest.raises(AttributeError) as raised:
        nn.Module.__new__(Net).first = Dense(4)
    assert str(raised.value) == "cannot assign module before Module.__init__() call"
