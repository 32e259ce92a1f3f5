"""``--weights net.pt``: what torch.save wrote, into a torch module and into a model of ours."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from layercli import Sequential, layers
from layercli.formats.safetensors import save

NET = """
import torch
from torch import nn
from layercli import Sequential, layers


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x):
        return self.norm(self.first(x))


class Parallel(nn.Module):
    def __init__(self):
        super().__init__()
        self.module = Net()

    def forward(self, x):
        return self.module(x)


def ours():
    return Sequential([layers.Conv2D(3, 3, input_shape=(8, 8, 3)), layers.Flatten(), layers.Dense(108), layers.Dense(108)])
"""


@pytest.fixture
def net(tmp_path, monkeypatch):
    """Return a module as net.py has it, with values of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET)
    scope = {}
    exec(NET, scope)
    found = scope["Net"]()
    with torch.no_grad():
        for x in found.state_dict().values():
            x.copy_(torch.rand(x.shape) + 1)
    return found.eval()


def outputs(cli, weights, model="net.py:Net", shape="1,4"):
    done = cli(
        f"-q run {model} --input-shape {shape} --fill ones --weights {weights} --device cpu --output y.npy --force"
    )
    assert (done.code, done.err) == (0, "")
    return np.load("y.npy")


def prefixed(state, word):
    return {f"{word}{name}": value for name, value in state.items()}


def test_a_state_dict_or_a_checkpoint(cli, net):
    state, x = net.state_dict(), torch.ones(1, 4)
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    net(x).sum().backward()
    optimizer.step()
    expected = net(x).detach().numpy()
    state = {name: value.clone() for name, value in net.state_dict().items()}
    for held in (
        state,
        {"model": state, "optimizer": optimizer.state_dict(), "epoch": 3},
        {"state_dict": state, "ema_decay": torch.ones(1)},
        {"a": {"deep": {"model_state_dict": state}}},
        nn.DataParallel(net).state_dict(),
        {"model": prefixed(state, "module."), "optimizer": optimizer.state_dict()},
        nn.ModuleDict({"module": net}).state_dict(),
    ):
        torch.save(held, "net.pt")
        np.testing.assert_array_equal(outputs(cli, "net.pt"), expected)
    save("net.safetensors", {f"module.{name}": value.numpy() for name, value in state.items()})
    np.testing.assert_array_equal(outputs(cli, "net.safetensors"), expected)
    torch.save(prefixed(state, "module."), "net.pt")
    np.testing.assert_array_equal(outputs(cli, "net.pt", "net.py:Parallel"), expected)


def test_what_does_not_fit(cli, net):
    state = net.state_dict()
    lacks = {name: value for name, value in state.items() if name != "first.bias"}
    for held, message, hint in [
        ({"model": state, "ema": state}, "net.pt holds the state of Net 2 times: under model and ema",
         "save the one that is meant alone: torch.save(checkpoint['model'], FILE)"),
        (lacks, "net.pt has no first.bias", "did you mean first/weight or norm/bias?"),
        ({"model": lacks, "optimizer": {"state": {0: {"x": state["first.bias"]}}}}, "net.pt has no first.bias",
         "did you mean first/weight or norm/bias?"),
        ({"model": {**state, "head.weight": torch.ones(1)}}, "net.pt has head/weight, which Net has not", None),
        ({**state, "first.bias": torch.ones(5)}, "first.bias in net.pt has the shape (5,), the model's is (4,)", None),
        ({**state, "first.bias": torch.ones(4, dtype=torch.complex64)},
         "first.bias in net.pt is complex64, the model's is float32", None),
        ({"epoch": 3}, "net.pt has no first.weight (and 6 more)", None),
    ]:  # fmt: skip
        torch.save(held, "net.pt")
        done = cli("run net.py:Net --input-shape 1,4 --weights net.pt --device cpu")
        assert (done.code, done.out) == (2, "")
        assert done.err == f"error: {message}\n" + (f"hint: {hint}\n" if hint else "")


def test_low_precision_and_strides_arrive_as_they_are(cli, net):
    state = {name: value.bfloat16() if value.is_floating_point() else value for name, value in net.state_dict().items()}
    state["first.weight"] = state["first.weight"].T.contiguous().T
    torch.save(state, "net.pt")
    net.load_state_dict(state)
    np.testing.assert_array_equal(outputs(cli, "net.pt"), net(torch.ones(1, 4)).detach().numpy())


def test_the_state_dict_of_a_model_of_ours(cli, net):
    model = Sequential(
        [layers.Conv2D(3, 3, input_shape=(8, 8, 3)), layers.Flatten(), layers.Dense(108), layers.Dense(108)]
    )
    expected = model(np.ones((1, 8, 8, 3), "float32")).detach().numpy()
    torch.save(model.module.state_dict(), "net.pt")  # every kernel is square, and turned in the mirror
    np.testing.assert_allclose(outputs(cli, "net.pt", "net.py:ours", "1,8,8,3"), expected, rtol=1e-3)
    save("net.safetensors", {path: variable.numpy() for path, variable in model.named_variables().items()})
    np.testing.assert_allclose(outputs(cli, "net.safetensors", "net.py:ours", "1,8,8,3"), expected, rtol=1e-3)


def test_listing(cli, net):
    torch.save({"model": net.state_dict(), "epoch": 3}, "net.pt")
    done = cli("vars net.pt weight --stats --format json")
    assert (done.code, done.err) == (0, "")
    first, norm = json.loads(done.out)["variables"]
    assert (first["path"], first["shape"], first["trainable"]) == ("model/first.weight", [4, 4], None)
    assert first["statistics"]["minimum"] == net.first.weight.min().item()
    assert norm["path"] == "model/norm.weight"
    done = cli("vars there-is-none.pth")
    assert done.err == "error: there-is-none.pth does not exist\n"
