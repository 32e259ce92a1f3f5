"""The inner modules of TorchScript are described as those of the module that was compiled or traced."""

import io
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import layercli
from layercli.core.spec import Spec
from layercli.formats.detect import open_weights
from layercli.inspect.weight_summary import summarize_file
from layercli.runtime.inference.forward_pass import run

pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(4, 8), nn.Linear(8, 4)

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(x)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([Block(), Block()])
        self.rnn = nn.LSTM(4, 3, batch_first=True)
        self.heads = nn.ModuleDict({"a": nn.Linear(3, 2)})

    def forward(self, x, rounds: int = 2):
        for _ in range(rounds):
            x = self.blocks[0](x)
        y, (h, c) = self.rnn(self.blocks[1](x))
        return self.heads["a"](y), h + c


def shown(model, *shape):
    done = layercli.open(model).summary({"x": Spec(shape, "float32")})
    rows = [(r.path, r.cls, r.input_shape, r.output_shape, r.parameters, r.macs, r.shared) for r in done.rows]
    return rows, done.totals, [spec for _, spec in done.outputs]


def loaded(model):
    buffer = io.BytesIO()
    torch.jit.save(model, buffer)
    buffer.seek(0)
    return torch.jit.load(buffer)


@pytest.fixture(scope="module")
def compiled():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(Net().eval())


def test_rows_are_those_of_the_eager_module(compiled):
    net, shape = Net().eval(), (2, 5, 4)
    wanted = shown(net, *shape)
    assert ("blocks/0/fc1", "Linear", (2, 5, 4), (2, 5, 8), 40, 2 * 2 * 5 * 32, True) in wanted[0]
    assert shown(loaded(compiled), *shape) == wanted
    rows, *others = shown(torch.jit.trace(net, torch.zeros(1, 5, 4)), *shape)
    assert others == list(wanted[1:])
    for row, eager in zip(rows, wanted[0], strict=True):  # a traced LSTM gives its states in no tuple of their own
        assert row == eager or (row[0], row[4:]) == ("rnn", eager[4:])


def test_inner_modules_of_attention_are_not_one_kernel():
    layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).eval()

    def of(model):
        found = layercli.open(model).summary({"src": Spec((2, 3, 4), "float32")})
        return sorted((row.path, str(row.output_shape), row.macs) for row in found.rows)

    assert of(torch.jit.script(layer)) == of(layer)


def test_a_graph_has_the_calls_of_the_eager_module(compiled):
    net = Net().eval()

    def calls(model):
        graph = layercli.open(model).graph({"x": Spec((2, 5, 4), "float32")})
        return graph.module_calls, [(call.module, call.operation, call.macs) for call in graph.calls]

    assert calls(compiled) == calls(net)


def test_a_run_shows_the_layers_that_the_eager_module_shows(compiled):
    plain = Net().eval()
    plain.load_state_dict(compiled.state_dict())
    mixed = nn.Sequential(compiled)
    x = torch.linspace(-1, 1, 24).reshape(2, 3, 4).numpy()
    found = []
    for model in (plain, compiled, mixed):
        program = layercli.open(model).prepare({"input" if model is mixed else "x": x})
        with torch.no_grad():
            report = run(program, program.place({"input" if model is mixed else "x": x}), layers="*")
        found.append({name: out.array for name, out in report.rows})
    eager, script, nested = found
    assert [*script] == [*eager]
    assert [*eager][:4] == ["blocks/0/fc1", "blocks/0/fc2", "blocks/0", "blocks/0/fc1#2"]
    assert [*nested] == [*(f"0/{name}" for name in [*eager][:-2]), "0:0", "0:1", "output_0", "output_1"]
    for name, array in eager.items():
        np.testing.assert_allclose(script[name], array, rtol=1e-5, atol=1e-6)


def test_the_reason_of_a_failure_and_frozen_weights(compiled):
    failure = layercli.open(compiled).summary({"x": Spec((2, 5, 3), "float32")}).failure
    assert failure == (
        "blocks/0/fc1 (Linear) fails on float32[2, 5, 3]: a and b must have same reduction dim, but got [10, 3] X [4, 8]"
    )
    notes = layercli.open(torch.jit.freeze(torch.jit.script(Block().eval()))).summary().footnotes
    assert notes == ["frozen: 76 values are constants of the graph, no parameters"]


def test_a_file_lists_what_its_modules_hold(tmp_path, cli, compiled):
    torch.jit.save(compiled, file := str(tmp_path / "net.pt"))
    opened = open_weights(file)
    state = compiled.state_dict()
    assert {name: entry.shape for name, entry in opened.entries.items()} == {
        k: tuple(v.shape) for k, v in state.items()
    }
    assert all((opened.read(name) == value.numpy()).all() for name, value in state.items())
    assert summarize_file(opened).metadata == ""  # training=True of each module is no metadata
    done = cli("run", file, "--input-shape", "2,5,4")
    assert (done.code, done.err) == (
        2, f"error: {file} is a TorchScript program, whose code is never run\n"
        "hint: put net = torch.jit.load(FILE) in a file net.py, after import torch, and give net.py:net\n",
    )  # fmt: skip
    torch.jit.save(torch.jit.freeze(torch.jit.script(Block().eval())), file)
    assert layercli.open(file).notes == ["4 tensors are constants of its code, without names, and are left out"]
