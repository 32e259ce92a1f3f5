"""The state_dict in ``.pt2`` files, read without torch and held to what torch reads."""

from __future__ import annotations

import json
import shutil
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

import layercli
from layercli.errors import FormatError
from layercli.formats.pt2_state_dict import Pt2File
from layercli.inspect.variables import measure, of_exported
from layercli.sources.exported_program import ExportedProgramSource


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
        self.norm = nn.BatchNorm2d(4)
        self.norm.bias.requires_grad_(False)
        self.brief = nn.Parameter(torch.randn(5).to(torch.bfloat16))
        self.turned = nn.Parameter(torch.randn(4, 7).T)
        self.register_buffer("empty", torch.zeros(0, 3))

    def forward(self, x):
        return self.norm(self.conv(x)).sum((2, 3)) @ self.turned.T + self.brief[0] + self.empty.sum()


@pytest.fixture(autouse=True)
def net(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = Net().eval()
    torch.export.save(torch.export.export(net, (torch.zeros(2, 3, 8, 8),)), "net.pt2")
    return net


def test_it_is_the_state_dict(net):
    file, state = Pt2File("net.pt2"), net.state_dict()
    assert set(file.entries) == set(state)
    for name, value in state.items():
        entry = file.entries[name]
        assert (entry.shape, entry.dtype) == (tuple(value.shape), str(value.dtype)[6:])
        np.testing.assert_array_equal(file.read(name), value.float().numpy() if name == "brief" else value.numpy())
        chunks = [*file.chunks(name, 3), np.zeros(0, "f4")]
        np.testing.assert_array_equal(np.concatenate(chunks), file.read(name).ravel())
    trained = {name for name, x in net.named_parameters() if x.requires_grad}
    assert {name for name, is_trained in file.trainable.items() if is_trained} == trained


def test_statistics(net):
    variables = of_exported("net.pt2")
    measure(variables)
    found = {row.path: row.statistics for row in variables.rows}
    assert found["conv.weight"].maximum == pytest.approx(float(net.conv.weight.max()))


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(4, 4))

    def forward(self, x):
        return self.inner(self.inner(x).relu())


def test_two_files_of_one_model_are_the_same():
    torch.export.save(torch.export.export(Twice().eval(), (torch.zeros(2, 4),)), "a.pt2")
    shutil.copy("a.pt2", "b.pt2")
    found = layercli.diff("a.pt2", "b.pt2")
    assert (found.same, found.edits, found.notes) == (True, [], [])
    graph = ExportedProgramSource("a.pt2").graph()
    assert list(graph.modules) == ["", "inner", "inner/0"]
    assert [(call.module, call.macs) for call in graph.calls if call.macs] == [("inner/0", 32)] * 2


def changed(**how):
    """Change what the archive says of conv.bias."""
    with zipfile.ZipFile("net.pt2") as old:
        members = {name: old.read(name) for name in old.namelist()}
    place = next(name for name in members if name.endswith("model_weights_config.json"))
    config = json.loads(members[place])
    config["config"]["conv.bias"]["tensor_meta"].update(how)
    members[place] = json.dumps(config).encode()
    with zipfile.ZipFile("net.pt2", "w") as new:
        for name, content in members.items():
            new.writestr(name, content)


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"dtype": 99}, "net.pt2: 'conv.bias' has the dtype 99, which layercli does not know"),
        ({"dtype": None}, "net.pt2: 'conv.bias' has the dtype None, which layercli does not know"),
        ({"sizes": 4}, "net.pt2: 'conv.bias' has sizes that are not numbers"),
        ({"sizes": [{"as_int": -4}]}, "net.pt2: 'conv.bias' has the shape [-4], which cannot be"),
        ({"sizes": [{"as_int": 2**62}] * 2}, f"net.pt2: 'conv.bias' has the shape [{2**62}, {2**62}], which cannot be"),
        ({"sizes": [{"as_int": 4000}]}, "net.pt2 ends within the values of 'conv.bias'"),
        ({"strides": [{"as_int": -1}]}, "net.pt2 ends within the values of 'conv.bias'"),
        ({"storage_offset": {"as_int": -1}}, "net.pt2: 'conv.bias' has a storage_offset that is not a number"),
        ({"storage_offset": {"as_int": 1}}, "net.pt2 ends within the values of 'conv.bias'"),
    ],
)
def test_a_tensor_that_cannot_be(how, sentence):
    changed(**how)
    with pytest.raises(FormatError) as error:
        Pt2File("net.pt2").read("conv.bias")
    assert str(error.value) == sentence
