"""``layercli summary`` and ``vars`` on files of graphs: ``.onnx`` and ``.pt2``."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile

import pytest
import torch
from onnx import helper
from onnx_graphs import array, exported, randomized, tensor, written
from torch import nn

from layercli.core.spec import Spec
from layercli.runtime.analysis.module_summary import summarize_module


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x):
        return torch.relu(self.norm(self.conv(x)) + x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.blocks = nn.ModuleList([Block(8) for _ in range(3)])
        self.act = nn.ReLU()
        self.head = nn.Linear(8, 10)
        self.head.weight.requires_grad_(False)

    def forward(self, image):
        x = self.act(self.stem(image))
        for block in self.blocks:
            x = block(x)
        return {"logits": self.head(self.act(x).mean((2, 3))), "features": x}


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        return self.head(self.block(x))


def saved(module, x, path, **axes):
    """Write what torch.export makes of a module, with open axes."""
    dims = {int(axis[1:]): torch.export.Dim(name, min=2, max=64) for axis, name in axes.items()}
    torch.export.save(torch.export.export(module.eval(), (x,), dynamic_shapes=(dims,)), path)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs")
    net, image = randomized(Net()), torch.zeros(2, 3, 32, 32)
    batch = {0: torch.export.Dim("batch", max=64)}
    saved(net, image, folder / "net.pt2", _0="batch")
    saved(Attending(), torch.zeros(2, 7, 16), folder / "attending.pt2", _0="batch", _1="T")
    exported(net, [image], folder / "net.onnx", dynamic_shapes=(batch,))
    exported(net, [image], folder / "fixed.onnx", optimize=False)
    return folder


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for file in made.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def failure(cli, *args):
    done = cli(*args)
    assert (done.code, done.out) == (2, ""), done.out
    return done.err


def test_the_summary_of_an_onnx(cli, folder):
    done = cli("summary net.onnx --columns +macs --no-fold")
    assert done.code == 0, done.err
    assert done.out == (
        "net.onnx (Net)\n"
        "\n"
        "Layer (type)       Output shape       Parameters      MACs\n"
        "stem (Conv2d)      (None, 8, 16, 16)         224   55296*B\n"
        "act (ReLU)         (None, 8, 16, 16)           0         0\n"
        "blocks/0 (Block)   (None, 8, 16, 16)         584  147456*B\n"
        "blocks/1 (Block)   (None, 8, 16, 16)         584  147456*B\n"
        "blocks/2 (Block)   (None, 8, 16, 16)         584  147456*B\n"
        "mean (ReduceMean)  (None, 8)                   0         0\n"
        "head (Linear)      (None, 10)                 90      80*B\n"
        "\n"
        "Input:          image float32[None, 3, 32, 32]\n"
        "Output:         linear float32[None, 10], relu_3 float32[None, 8, 16, 16]\n"
        "Parameters:     2,066 (8.1 KiB)\n"
        "Trainable:      2,066\n"
        "Non-trainable:  0\n"
        "MACs:           497744*B\n"
        "\n"
        "B is the batch size\n"
        "11 layers below are not shown (--depth)\n"
    )
    deeper = cli("summary net.onnx --depth 2 --format csv").out
    assert "blocks/0/norm,BatchNorm2d,false," in deeper
    assert "MACs:           995,488\n" in cli("summary net.onnx --at batch=2").out
    assert "MACs:           995,488\n" in cli("summary net.onnx --input-shape 2,3,32,32").out


def test_the_summary_of_a_pt2(cli, folder):
    done = cli("summary net.pt2 --columns +macs --no-fold")
    assert done.code == 0, done.err
    assert done.out == (
        "net.pt2 (Net)\n"
        "\n"
        "Layer (type)      Output shape       Parameters      MACs\n"
        "stem (Conv2d)     (None, 8, 16, 16)         224   55296*B\n"
        "act (ReLU) *      (None, 8, 16, 16)           0         0\n"
        "blocks/0 (Block)  (None, 8, 16, 16)         600  147456*B\n"
        "blocks/1 (Block)  (None, 8, 16, 16)         600  147456*B\n"
        "blocks/2 (Block)  (None, 8, 16, 16)         600  147456*B\n"
        "head (Linear)     (None, 10)                 90      80*B\n"
        "\n"
        "Input:          image float32[None, 3, 32, 32]\n"
        "Output:         logits float32[None, 10], features float32[None, 8, 16, 16]\n"
        "Parameters:     2,114 (8.3 KiB)\n"
        "Trainable:      2,034\n"
        "Non-trainable:  80\n"
        "MACs:           497744*B\n"
        "\n"
        "* called more than once: its parameters count once, its MACs for each call\n"
        "B is the batch size\n"
        "6 layers below are not shown (--depth)\n"
    )


def test_both_say_what_the_module_says(cli, folder):
    theirs = summarize_module(Net(), {"image": Spec((2, 3, 32, 32))}, "", "")
    for file in ("net.pt2", "fixed.onnx"):
        document = json.loads(cli(f"summary {file} --input-shape 2,3,32,32 --format json").out)
        assert document["schema"] == "layercli.summary/1"
        assert document["model"] == {"name": file, "class": "Net", "source": file}
        assert document["totals"]["macs"] == theirs.totals.macs
        rows = {row["path"]: row for row in document["rows"]}
        for row in theirs.rows:
            found = rows[row.path]
            assert (found["class"], found["depth"], found["macs"]) == (row.cls, row.depth, row.macs)
            assert found["output_shape"] == list(row.output_shape)
            if file == "net.pt2":
                assert (found["parameters"], found["trainable"]) == (row.parameters, row.trainable)
        assert document["totals"]["trainable"] + 80 * (file == "net.pt2") == theirs.totals.parameters


def test_formulas_of_a_pt2(cli, folder):
    document = json.loads(cli("summary attending.pt2 --format json").out)
    [end] = document["inputs"]
    steps = end["shape"][1]  # torch keeps no name that was given it
    assert document["totals"]["macs_formula"] == f"32*B*{steps}^2 + 2128*B*{steps}"
    theirs = summarize_module(Attending().eval(), {"x": Spec((3, 9, 16))}, "", "")
    for how in ("--input-shape 3,9,16", f"--at B=3 --at {steps}=9"):
        found = json.loads(cli(f"summary attending.pt2 {how} --format json").out)
        assert found["totals"]["macs"] == theirs.totals.macs
        assert found["outputs"][0]["shape"] == [3, 9, 5]


class Placing(nn.Module):
    """Tensors made on the way, on the device that is written in the graph, and one layer under two names."""

    def __init__(self):
        super().__init__()
        self.embed, self.place = nn.Embedding(10, 8), nn.Embedding(64, 8)
        self.once = self.again = nn.Linear(8, 8)
        self.shift = torch.arange(8.0)
        self.register_buffer("mask", torch.ones(64, 64).tril(), persistent=False)

    def forward(self, x):
        steps = x.shape[1]
        h = self.embed(x) + self.place(torch.arange(steps)) + self.shift
        h = h.to(torch.float64).to(torch.float32)
        scores = (h @ h.transpose(1, 2)).masked_fill(self.mask[:steps, :steps] == 0, float("-inf"))
        return self.again(self.once(scores.softmax(-1) @ h)) + torch.zeros(h.shape)


def test_what_a_pt2_makes_on_the_way(cli, folder):
    """The mask has 64 steps, so that larger sizes are not tried."""
    dims = {0: torch.export.Dim("batch"), 1: torch.export.Dim("T", min=2, max=32)}
    x = torch.zeros(2, 7, dtype=torch.int64)
    torch.export.save(torch.export.export(Placing().eval(), (x,), dynamic_shapes=(dims,)), "placing.pt2")
    document = json.loads(cli("summary placing.pt2 --format json").out)
    steps = document["inputs"][0]["shape"][1]
    assert document["totals"]["macs_formula"] == f"16*B*{steps}^2 + 128*B*{steps}"
    assert document["totals"]["parameters"] == 80 + 512 + 72
    assert failure(cli, "summary placing.pt2 --input-shape 2,90") == (
        "error: placing.pt2 cannot be described on int64[2, 90]: Expected input at *args[0].shape[1] to be <= 32, but got 90\n"
    )


def test_variables(cli, folder):
    state = Net().state_dict()
    listed = json.loads(cli("vars net.pt2 --stats --format json").out)["variables"]
    assert {row["path"] for row in listed} == set(state)
    assert {row["path"] for row in listed if row["trainable"]} == {
        name for name, _ in Net().named_parameters() if name != "head.weight"
    }
    found = cli("vars net.onnx head.* --stats")
    assert found.code == 0, found.err
    lines = [line.split()[:4] for line in found.out.splitlines()[3:5]]
    assert lines == [["head.weight", "(10,", "8)", "float32"], ["head.bias", "(10,)", "float32", "10"]]
    values = json.loads(cli("vars net.onnx head.bias --values --format json").out)["variables"][0]["values"]
    again = json.loads(cli("vars net.pt2 head.bias --values --format json").out)["variables"][0]["values"]
    assert values == again


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("summary none.onnx", "none.onnx does not exist"),
        ("vars none.onnx", "none.onnx does not exist"),
        ("summary none.pt2", "none.pt2 does not exist"),
        ("vars none.pt2", "none.pt2 does not exist"),
        ("summary net.onnx --set a=1", "net.onnx is an existing model: it takes no arguments"),
        ("summary net.pt2 --set a=1", "net.pt2 is an existing model: it takes no arguments"),
        ("vars net.onnx --set a=1", "net.onnx is an existing model: it takes no arguments"),
        ("summary net.onnx --input-shape 2,4,32,32",
         "the input image is float32[2, 4, 32, 32], the model takes float32[None, 3, 32, 32]"),
        ("summary net.pt2 --input-shape 2,3,32", "the input image is float32[2, 3, 32], the model takes float32[None, 3, 32, 32]"),
        ("summary net.onnx --input-shape x=2,3,32,32", "the model has no input 'x'"),
        ("summary net.onnx --at T=2", "the input has no size named 'T'"),
        ("vars net.onnx nothing", "no variable of net.onnx matches 'nothing'"),
        ("summary text.onnx", "text.onnx is damaged or not an ONNX file: onnx cannot read it"),
        ("vars text.pt2", "text.pt2 is a damaged zip archive: file is not a zip file"),
        ("summary text.pt2", "text.pt2 is a damaged zip archive: file is not a zip file"),
        ("fit net.onnx --data x.npz --loss mse", "net.onnx is a graph, which is not trained here"),
        ("evaluate net.pt2 --data x.npz --loss mse", "net.pt2 is a graph, which is not trained here"),
    ],
)  # fmt: skip
def test_what_is_refused(cli, folder, command, message):
    for name in ("text.onnx", "text.pt2"):
        (folder / name).write_text("no graph, but text")
    assert failure(cli, command).splitlines()[0] == f"error: {message}"


def test_a_graph_is_looked_at_and_run(cli, folder):
    assert failure(cli, "fit net.onnx --data x.npz --loss mse") == (
        "error: net.onnx is a graph, which is not trained here\nhint: layercli summary net.onnx shows its layers\n"
    )


def relu(*names):
    return [helper.make_node("Relu", [a], [b], name=b) for a, b in names]


def test_nodes_in_a_circle(cli, folder):
    ends = [tensor("x", (2,))], [tensor("y", (2,))]
    written("circle.onnx", [helper.make_node("Add", ["x", "b"], ["a"], name="a"), *relu(("a", "b"), ("b", "y"))], *ends)
    assert failure(cli, "summary circle.onnx") == (
        "error: circle.onnx is damaged: the node a takes 'b', which no node before it produces\n"
    )
    written("lost.onnx", [helper.make_node("Relu", ["z"], ["y"])], *ends)
    assert failure(cli, "summary lost.onnx") == (
        "error: lost.onnx is damaged: the node of Relu takes 'z', which no node before it produces\n"
    )


def test_what_is_given_twice(cli, folder):
    written("twice.onnx", [helper.make_node("Identity", ["x"], ["x"])], [tensor("x", (2,))], [tensor("x", (2,))])
    assert failure(cli, "summary twice.onnx") == "error: twice.onnx is damaged: 'x' is given twice\n"


def test_names_that_are_too_deep(cli, folder):
    ends = [tensor("x", (2,))], [tensor("y", (2,))]
    written("deep.onnx", [helper.make_node("Relu", ["x"], ["y"], name="a/" * 100_000 + "last")], *ends)
    assert "\nlast (Relu) " in cli("summary deep.onnx").out
    node = helper.make_node("Relu", ["x"], ["y"], name="node_relu_7")
    for key in ("name_scopes", "class_hierarchy"):
        node.metadata_props.add(key=f"pkg.torch.onnx.{key}", value="[" * 5000)
    written("deep.onnx", [node], *ends)
    assert "\nnode_relu_7 (Relu) " in cli("summary deep.onnx").out


def test_what_cannot_be_counted(cli, folder):
    nodes = [helper.make_node("Odd", ["x"], ["y"], domain="mine")]
    written("odd.onnx", nodes, [tensor("x", (2,))], [tensor("y", (2,))], domains=["mine"])
    assert "MACs:           unknown: some of its operations cannot be counted\n" in cli("summary odd.onnx").out


def doubling(count, last):
    """Functions F0, F1, ... each of which calls the next twice."""
    calls = [[(f"F{i + 1}", "a", "m"), (f"F{i + 1}", "m", "b")] for i in range(count - 1)] + [[(last, "a", "b")]]
    return [
        helper.make_function(
            "mine", f"F{i}", ["a"], ["b"], [helper.make_node(op, [x], [y], domain="mine") for op, x, y in inner],
            [helper.make_opsetid("mine", 1)],
        )
        for i, inner in enumerate(calls)
    ]  # fmt: skip


@pytest.mark.parametrize(("count", "last"), [(1, "F0"), (3, "F0"), (40, "Odd"), (2000, "Odd")])
def test_functions_without_end(cli, folder, count, last):
    ends, nodes = ([tensor("x", (2,))], [tensor("y", (2,))]), [helper.make_node("F0", ["x"], ["y"], domain="mine")]
    written("endless.onnx", nodes, *ends, domains=["mine"], functions=doubling(count, last))
    assert failure(cli, "summary endless.onnx") == (
        "error: endless.onnx has 1,649,267,441,663 nodes with its functions inlined, more than the limit of 1,000,000\n"
        "hint: --limit nodes=N sets the limit, as does the environment variable LAYERCLI_MAX_NODES\n"
        if count == 40
        else "error: endless.onnx is damaged: its functions cannot be inlined\n"
    )
    written("ends.onnx", nodes, *ends, domains=["mine"], functions=doubling(4, "Odd"))
    assert "MACs:           unknown: some of its operations cannot be counted\n" in cli("summary ends.onnx").out


def test_inputs_and_outputs_that_are_no_tensors(cli, folder):
    kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(1, None))
    ends = [helper.make_tensor_sequence_value_info("x", 1, None)], [helper.make_value_info("y", kind)]
    written("sequence.onnx", [helper.make_node("Identity", ["x"], ["y"])], *ends)
    shown = cli("summary sequence.onnx").out
    assert "Input:          x sequence of float32\nOutput:         y sequence of float32\n" in shown
    assert (cli("cost sequence.onnx").code, cli("plot sequence.onnx").code) == (0, 0)
    kind = helper.make_optional_type_proto(kind)
    nodes = [helper.make_node("OptionalHasElement", ["x"], ["y"])]
    written("optional.onnx", nodes, [helper.make_value_info("x", kind)], [tensor("y", (), 9)])
    assert "Input:          x optional sequence of float32\n" in cli("summary optional.onnx").out


@pytest.mark.parametrize("code", [21, 22, 23, 25], ids=["uint4", "int4", "float4_e2m1fn", "uint2"])
def test_dtypes_that_layers_lack(cli, folder, code):
    nodes = [helper.make_node("Cast", ["x"], ["y"], to=1)]
    written("narrow.onnx", nodes, [tensor("x", (2, 3), code)], [tensor("y", (2, 3))], opset=25)
    for command in ("summary", "cost", "plot"):
        assert (cli(f"{command} narrow.onnx").code, cli(f"{command} narrow.onnx --input-shape 2,3").code) == (0, 0)


def test_an_input_without_a_shape(cli, folder):
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    written("open.onnx", nodes, [tensor("x", None)], [tensor("y", None)], [array("w", (3, 5))])
    done = cli("summary open.onnx")
    assert "MACs:           unknown without an input (--input-shape)\n" in done.out
    assert "MACs:           30\n" in cli("summary open.onnx --input-shape 2,3").out


def test_sizes_without_names(cli, folder):
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    written("open.onnx", nodes, [tensor("x", (None, None, 3))], [tensor("y", None)], [array("w", (3, 5))])
    done = cli("summary open.onnx")
    assert "Input:          x float32[None, None, 3]\n" in done.out
    assert "unknown: it depends on sizes without a name (name them, as in --input-shape 1,H,W,3)\n" in done.out
    assert "MACs:           15*B*T\n" in cli("summary open.onnx --input-shape B,T,3").out


def test_a_truncated_pt2(cli, folder):
    """The archive holds another, whose end may be taken for its own."""
    content = (folder / "net.pt2").read_bytes()
    for part in (0.1, 0.5, 0.9, 0.999):
        (folder / "cut.pt2").write_bytes(content[: int(part * len(content))])
        for command in ("summary", "vars"):
            assert failure(cli, f"{command} cut.pt2") in (
                "error: cut.pt2 is a damaged zip archive: file is not a zip file\n",
                "error: cut.pt2 is a damaged zip archive: its list of members is that of another archive within it\n",
            )


def test_code_in_a_pt2_is_refused(cli, folder):
    with zipfile.ZipFile("net.pt2", "a") as archive:
        archive.writestr("net/data/aotinductor/model/a.so", b"x")
    for command in ("summary", "vars"):
        assert failure(cli, f"{command} net.pt2") == (
            "error: net.pt2 holds machine code (data/aotinductor/model/a.so), which is never executed\n"
        )


@pytest.mark.parametrize(
    "args", [["summary", "net.onnx"], ["vars", "net.onnx", "--stats"], ["vars", "net.pt2", "--stats"]], ids=" ".join
)
def test_neither_torch_nor_a_runtime_is_needed(folder, args):
    blocked = ["torch", "onnxruntime", "onnxscript", "onnx.reference", "h5py", "layercli.runtime"]
    blocked += ["onnx"] * ("net.pt2" in args)
    code = (
        f"import sys\nfor name in {blocked!r}: sys.modules[name] = None\n"
        f"from layercli.cli.main import run\nsys.exit(run({args!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_extra_is_named(cli, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    for command in ("summary", "vars"):
        assert failure(cli, f"{command} net.onnx") == (
            "error: reading ONNX needs onnx, which is not installed\nhint: pip install 'layercli[onnx]'\n"
        )
