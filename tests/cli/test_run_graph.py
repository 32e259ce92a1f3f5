"""``layercli run`` on files of graphs: ``.pt2`` and ``.onnx``."""

from __future__ import annotations

import json
import runpy
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
        self.head = nn.Linear(8, 3)
        self.shift = torch.arange(3.0)

    def forward(self, x, mask):
        y = self.head(self.body(x)) + self.shift
        return {"logits": y, "more": (torch.where(mask, y, 0.0), y.argmax(-1))}


X = np.random.default_rng(0).standard_normal((3, 4)).astype("float32")
MASK = np.array([[True, False, True]] * 3)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The same net in both formats, and what torch gives for it."""
    folder = tmp_path_factory.mktemp("graphs")
    torch.manual_seed(0)
    net = Net().eval()
    batch = torch.export.Dim("batch", max=64)
    given = torch.from_numpy(X), torch.from_numpy(MASK)
    exported = torch.export.export(net, given, dynamic_shapes=({0: batch}, {0: batch}))
    torch.export.save(exported, folder / "net.pt2")
    torch.onnx.export(exported, f=str(folder / "net.onnx"), dynamo=True, verbose=False, external_data=False)
    with torch.inference_mode():
        return folder, net(*given)


@pytest.fixture
def graphs(written, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("net.pt2", "net.onnx"):
        (tmp_path / name).write_bytes((written[0] / name).read_bytes())
    np.save("x.npy", X)
    np.savez("both.npz", x=X, mask=MASK)
    return written[1]


def failure(cli, *args):
    done = cli(*args)
    assert (done.code, done.out) == (2, ""), done.out
    return done.err.replace("running on cpu\n", "")


@pytest.mark.parametrize(("model", "names"), [("net.pt2", ["logits", "more_0", "more_1"]), ("net.onnx", None)])
def test_a_file_gives_what_torch_gave(cli, graphs, model, names):
    done = cli(f"run {model} --input both.npz --device cpu --check --output y.npz --format json")
    assert done.code == 0, done.err
    shapes = [(out["shape"], out["dtype"]) for out in json.loads(done.out)["outputs"]]
    assert shapes == [([3, 3], "float32"), ([3, 3], "float32"), ([3], "int64")]
    expected = [graphs["logits"], *graphs["more"]]
    with np.load("y.npz") as found:
        assert names is None or list(found) == names
        for ours, theirs in zip(found.values(), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("model", ["net.pt2", "net.onnx"])
def test_inputs_are_checked_against_the_file(cli, graphs, model):
    run = f"run {model} --device cpu"
    assert cli(f"{run} --input-shape 5,4 --input-shape 5,3 --fill ones --threads 1").code == 0
    assert cli(f"{run} --input-shape mask=1,3 --fill range --range x=0,1").code == 0
    assert failure(cli, f"{run} --input y=x.npy") == f"error: {model} has no input 'y'\nhint: inputs: x, mask\n"
    assert (
        failure(cli, f"{run} --input x=x.npy") == f"error: {model} takes 2 inputs (x, mask), got 1: mask is missing\n"
    )
    assert failure(cli, f"{run} --input-shape x=3,5") == (
        "error: the input x is float32[3, 5], the model takes float32[None, 4]\n"
    )
    np.save("mask.npy", X[:, :3])
    assert failure(cli, f"{run} --input x.npy --input mask.npy") == (
        "error: the input mask is float32[3, 3], the model takes bool[None, 3]\nhint: --cast turns real numbers into bool\n"
    )
    assert cli(f"{run} --input x.npy --input mask.npy --cast").code == 0
    assert failure(cli, f"{run} --input-shape x=3,4 --input-shape mask=2,3").startswith(
        f"error: {model} cannot run on inputs of [3, 4], [2, 3]: "
    )


@pytest.mark.parametrize("model", ["net.pt2", "net.onnx"])
def test_the_rows_of_a_file_are_the_size_that_at_says(cli, graphs, model):
    run = f"run {model} --input both.npz --device cpu"
    assert cli(f"{run} --at B=3").code == 0
    assert failure(cli, f"{run} --at B=2") == "error: the input x is float32[3, 4], the model takes float32[2, 4]\n"


def test_layers_of_a_pt2_are_told_apart(cli, graphs):
    done = cli("run net.pt2 --input both.npz --device cpu --layers * --format json")
    assert [layer["name"] for layer in json.loads(done.out)["layers"]] == ["body/0", "body/1", "body", "head"]
    np.save("x.npy", np.full_like(X, np.nan))
    done = cli("run net.pt2 --input x.npy --input mask=both.npz:mask --device cpu --check")
    assert (done.code, done.err) == (1, "not finite, first in the inputs\n")
    assert failure(cli, "run net.onnx --device cpu --layers *") == (
        "error: net.onnx has no inner layers for --layers to show\n"
    )


def test_what_layers_of_a_file_multiply_is_counted(cli, graphs):
    net = nn.Sequential(nn.Linear(4, 8), nn.Sequential(nn.ReLU(), nn.Linear(8, 3)))
    torch.export.save(torch.export.export(net, (torch.from_numpy(X),)), "plain.pt2")
    done = cli("profile plain.pt2 --input x.npy --device cpu --format json")
    layers = {layer["path"]: layer["macs"] for layer in json.loads(done.out)["profile"]["layers"]}
    assert layers == {"0": 96, "1/0": 0, "1/1": 72, "1": 72}
    done = cli("profile net.onnx --input both.npz --device cpu --format json")
    assert (done.code, done.err) == (0, "onnxruntime runs net.onnx as one graph: its layers are not visible\n")


def test_outputs_are_compared_where_layers_are_not_the_same(cli, graphs):
    done = cli("compare net.pt2 net.onnx --input both.npz --device cpu --format plain")
    assert done.code == 0, done.out
    assert done.out.endswith("only the outputs are compared, no layer\nnot in net.onnx: body/0, body/1, body, head\n")
    assert cli("compare net.onnx net.pt2 --input both.npz --device cpu").code == 0


def test_every_layer_is_compared_in_onnx(cli, graphs):
    done = cli("compare net.pt2 --input both.npz --device cpu --with onnx --format json")
    found = json.loads(done.out)["comparison"]
    assert (done.code, found["outputs_only"], found["only_here"]) == (0, False, [])
    assert [result["name"] for result in found["results"]] == [
        "body/0", "body/1", "body", "head", "(output) logits", "(output) more_0", "(output) more_1",
    ]  # fmt: skip
    assert failure(cli, "compare net.onnx --device cpu --with onnx") == "error: net.onnx is ONNX already\n"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("run net.onnx --compile", "net.onnx is run by onnxruntime, and torch cannot compile it"),
        ("compare net.onnx --with float64", "net.onnx computes in the dtypes that are written in it, not in float64"),
        ("run net.pt2 --dtype float16", "net.pt2 computes in the dtypes that are written in it, not in float16"),
        ("run net.pt2 --weights both.npz", "net.pt2 is run as it was written, so --weights cannot change it"),
        ("run net.pt2 --set a=1", "net.pt2 is an existing model: it takes no arguments"),
        ("run net.onnx --fuse", "net.onnx is run as it was written, so --fuse cannot change it"),
        ("run net.pt2 --fuse", "net.pt2 is run as it was written, so --fuse cannot change it"),
        ("run net.pt2 --channels-last", "net.pt2 is run as it was written, so --channels-last cannot change it"),
        ("run text.pt2", "text.pt2 is a damaged zip archive: file is not a zip file"),
        ("run none.onnx", "none.onnx does not exist"),
    ],
)
def test_what_a_file_cannot_do(cli, graphs, command, message):
    with open("text.pt2", "w") as text:
        text.write("no archive")
    assert failure(cli, f"{command} --device cpu").splitlines()[0] == f"error: {message}"


def test_a_file_that_is_no_onnx(cli, graphs):
    with open("text.onnx", "w") as text:
        text.write("no graph")
    assert failure(cli, "run text.onnx --device cpu").startswith("error: text.onnx cannot be read by onnxruntime ")


def test_without_onnxruntime_the_extra_is_named(cli, graphs, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert failure(cli, "run net.onnx") == (
        "error: running ONNX needs onnxruntime, which is not installed\nhint: pip install 'layercli[onnx]'\n"
    )


def test_another_file_of_the_same_name_is_noticed(cli, graphs):
    assert cli("run net.pt2 --input both.npz --device cpu --record run.json").code == 0
    assert json.loads(cli("run --replay run.json --format json").out)["reproduction"]["bit_equal"] is True
    torch.manual_seed(1)
    torch.export.save(torch.export.export(Net().eval(), (torch.from_numpy(X), torch.from_numpy(MASK))), "net.pt2")
    done = cli("run --replay run.json --format json")
    assert json.loads(done.out)["reproduction"] == {"same_inputs": False, "bit_equal": False, "changed": []}


def rewritten(change):
    """Change members of net.pt2: ``change`` takes their bytes by name and alters them."""
    with zipfile.ZipFile("net.pt2") as old:
        members = {name: old.read(name) for name in old.namelist()}
    change(members)
    with zipfile.ZipFile("net.pt2", "w") as new:
        for name, content in members.items():
            new.writestr(name, content)


def graph_text(old, new):
    def change(members):
        content = members["net/models/model.json"]
        assert old.encode() in content
        members["net/models/model.json"] = content.replace(old.encode(), new.encode())

    return change


def pickled(members):
    config = json.loads(members["net/data/weights/model_weights_config.json"])
    config["config"]["head.bias"]["use_pickle"] = True
    members["net/data/weights/model_weights_config.json"] = json.dumps(config).encode()


CODE = "which could be code and is never executed"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pickled, "net.pt2 holds head.bias as a pickle, which is never loaded"),
        (lambda m: m.update({"net/data/aotinductor/model/a.so": b"x"}),
         "net.pt2 holds machine code (data/aotinductor/model/a.so), which is never executed"),
        (lambda m: m.pop("net/models/model.json"), "net.pt2 is not a model of torch.export: it has no models/model.json"),
        (lambda m: m.pop("net/data/weights/weight_0"), "net.pt2 has no data/weights/weight_0, which holds body.0.weight"),
        (graph_text("torch.ops.aten.relu.default", "torch.os.system"),
         f"net.pt2 has 'torch.os.system' in its graph, {CODE}"),
        (graph_text("torch.ops.aten.relu.default", "torch.ops.load_library"),
         f"net.pt2 has 'torch.ops.load_library' in its graph, {CODE}"),
        (graph_text('"name": "mask"', '"name": "mask=print(1)"'), f"net.pt2 has 'mask=print(1)' in its graph, {CODE}"),
        (graph_text("builtins.dict", "collections.defaultdict"), None),
        (graph_text("Symbol(", "__import__("), None),
    ],
)  # fmt: skip
def test_nothing_in_a_pt2_is_executed(cli, graphs, change, message):
    rewritten(change)
    said = failure(cli, "run net.pt2 --device cpu")
    assert said == f"error: {message}\n" if message else said.endswith(f" in its graph, {CODE}\n")


class Armed:
    """Writes a file when it is unpickled."""

    def __reduce__(self):
        return open, ("executed", "w")


def test_what_torch_would_unpickle_or_evaluate_is_left_out(cli, graphs, tmp_path):
    import pickle

    def change(members):
        members["net/data/sample_inputs/model.pt"] = pickle.dumps(Armed())
        graph = json.loads(members["net/models/model.json"])
        graph["guards_code"] = ["open('executed', 'w')"]
        members["net/models/model.json"] = json.dumps(graph).encode()

    rewritten(change)
    done = cli("run net.pt2 --input both.npz --device cpu")
    assert done.code == 0, done.err
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("op", "settings", "kind", "expected"),
    [
        ("Cast", {"to": 13}, None, {"y": ("uint64", 3.0)}),
        ("SplitToSequence", {"axis": 1}, "sequence", {"y.0": ("float32", 1.0), "y.1": ("float32", 2.0)}),
    ],
    ids=["uint64", "sequence"],
)
def test_outputs_of_every_kind(cli, tmp_path, monkeypatch, op, settings, kind, expected):
    from onnx import helper
    from onnx_graphs import tensor
    from onnx_graphs import written as made

    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.float32([[1, 2]]))
    end = helper.make_tensor_sequence_value_info("y", 1, None) if kind else tensor("y", (1, 2), settings["to"])
    made("made.onnx", [helper.make_node(op, ["x"], ["y"], **settings)], [tensor("x", (1, 2))], [end], opset=17)
    done = cli("run made.onnx --input x.npy --device cpu --format json")
    outputs = json.loads(done.out)["outputs"]
    assert {x["name"]: (x["dtype"], x["mean"] * np.prod(x["shape"])) for x in outputs} == expected


def test_outputs_that_are_text(cli, tmp_path, monkeypatch):
    from onnx import helper
    from onnx_graphs import tensor
    from onnx_graphs import written as made

    monkeypatch.chdir(tmp_path)
    Path("x.json").write_text(json.dumps([["a", 'b"c,']]))
    node = helper.make_node("Concat", ["x", "x"], ["y"], axis=1)
    made("made.onnx", [node], [tensor("x", (1, 2), 8)], [tensor("y", (1, 4), 8)], opset=17)
    run = "run made.onnx --input x.json --device cpu"
    assert cli(f"{run} --output y.json --record r.json").code == 0
    assert json.loads(Path("y.json").read_text()) == {"y": [["a", 'b"c,', "a", 'b"c,']]}
    assert cli(f"{run} --output y.csv").code == 0
    assert Path("y.csv").read_text() == 'a,"b""c,",a,"b""c,"\n'
    assert cli("run --replay r.json").code == 0
    done = cli(f"{run} --format json")
    [output] = json.loads(done.out)["outputs"]
    assert (output["dtype"], output["shape"], output["first"], output["mean"]) == (
        "string",
        [1, 4],
        ["a", 'b"c,'] * 2,
        None,
    )
    monkeypatch.setattr("layercli.runtime.inference.forward_pass.run", None)  # refused before it
    Path("two.py").write_text(
        "import layercli\nclass Two(layercli.Model):\n    def call(self, x):\n        return x, x * 2\n"
    )
    Path("pair.py").write_text(
        "import torch\nclass Pair(torch.nn.Module):\n    def forward(self, x):\n        return x, x * 2\n"
        "class Image(torch.nn.Module):\n    def forward(self, x):\n        return {'y': x[None]}\n"
    )
    pair = runpy.run_path("pair.py")["Pair"]()
    torch.export.save(torch.export.export(pair, (torch.ones(1, 3),)), "pair.pt2")
    shape = "--input-shape 1,3 --device cpu"
    two = "run two.py:Two --input-shape 1,3 --device cpu"
    block = "run resnet-block --input-shape 1,8,8,3 --device cpu"
    for command, message in (
        (f"{run} --output y.npz", "y.npz would hold numbers, and y of made.onnx is text"),
        (f"{run} --top 1", "--top ranks numbers, and made.onnx gives text as y"),
        (f"{block} --output y4.csv", "a csv file has rows and columns, not 4 axes"),
        (f"{two} --output y.npy", "two.py:Two has 2 results: write them to a .npz, a .safetensors or a .json"),
        (f"{two} --top 1", "--top needs a model with one output, two.py:Two has 2"),
        (
            f"run pair.py:Pair {shape} --output z.npy",
            "pair.py:Pair has 2 results: write them to a .npz, a .safetensors or a .json",
        ),
        (f"run pair.py:Pair {shape} --top 1", "--top needs a model with one output, pair.py:Pair has 2"),
        (f"run pair.py:Image {shape} --output z.csv", "a csv file has rows and columns, not 3 axes"),
        (
            "run pair.pt2 --device cpu --output -",
            "pair.pt2 has 2 results: write them to a .npz, a .safetensors or a .json",
        ),
        ("run pair.pt2 --device cpu --top 1", "--top needs a model with one output, pair.pt2 has 2"),
        (
            "run mlp --layers hidden* --output z.csv",
            "--layers gives several results: write them to a .npz, a .safetensors or a .json",
        ),
    ):
        assert cli(command).err.splitlines()[0] == f"error: {message}"
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    refused = cli("compare made.onnx made.onnx --input x.json --device cpu")
    assert refused.err.splitlines()[0] == "error: made.onnx gives text as y, which only run shows and writes"


def test_inputs_that_are_sequences(cli, tmp_path, monkeypatch):
    from onnx import helper
    from onnx_graphs import tensor
    from onnx_graphs import written as made

    monkeypatch.chdir(tmp_path)
    sequence = helper.make_sequence_type_proto(helper.make_tensor_type_proto(1, None))
    optional = helper.make_optional_type_proto(sequence)
    nodes = [helper.make_node("ConcatFromSequence", ["x.in"], ["y.1"], axis=0)]
    made("x.onnx", nodes, [helper.make_value_info("x.in", sequence)], [tensor("y.1", None)], opset=17)
    np.save("a.npy", np.float64([1, 2]))
    np.save("b.npy", np.float32([3]))
    done = cli("run x.onnx --input x.in.1=b.npy --input x.in.0=a.npy --format json")
    document = json.loads(done.out)
    assert document["inputs"] == ["float32[1]", "float32[2]"]
    assert [(each["name"], each["first"]) for each in document["outputs"]] == [("y.1", [1, 2, 3])]
    assert cli("run x.onnx --input-shape x.in.0=2,3 --input-shape x.in.1=4,3").code == 0
    done = cli("run x.onnx --input x.in.1=b.npy")
    assert done.err.splitlines()[-1] == "error: the input x.in has entries 1, and x.in.0 is missing"
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    made("y.onnx", nodes, [helper.make_value_info("x", optional)], [helper.make_value_info("y", optional)], opset=17)
    assert cli("run y.onnx").err.splitlines()[-1] == "error: y.onnx gives nothing for these inputs: y is empty"
    assert json.loads(cli("run y.onnx --input x.0=b.npy --format json").out)["outputs"][0]["first"] == [3]


def test_inputs_take_the_dtype_of_a_graph(cli, tmp_path, monkeypatch):
    from onnx_graphs import exported

    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    np.save("x.npy", X)
    for dtype in (torch.float16, torch.bfloat16):
        net, x = nn.Linear(4, 3).to(dtype).eval(), torch.from_numpy(X).to(dtype)
        torch.export.save(torch.export.export(net, (x,)), "net.pt2")
        files = ["net.pt2", *([exported(net, [x], "net.onnx")] if dtype is torch.float16 else [])]
        for file in files:
            done = cli(f"run {file} --input x.npy --format json")
            document, name = json.loads(done.out), str(dtype)[6:]
            assert (document["inputs"], document["outputs"][0]["dtype"]) == ([f"{name}[3, 4]"], name)
            wanted = net(x).float().flatten()[:5].tolist()
            np.testing.assert_allclose(document["outputs"][0]["first"], wanted, rtol=1e-2)
            filled = cli(f"run {file} --format json")
            assert json.loads(filled.out)["inputs"] == [f"{name}[3, 4]"], filled.err


def test_a_program_in_training_mode_is_said(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    layers = [nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(0.5), nn.Dropout(0.0), nn.RReLU(), nn.AlphaDropout()]
    for training in (True, False):
        net = nn.Sequential(*layers).train(training)
        torch.export.save(torch.export.export(net, (torch.randn(5, 4),)), "net.pt2")
        said = "exported in training mode, not after model.eval(): 1 (BatchNorm1d), 2 (Dropout), 4 (RReLU), and 1 more"
        warning = f"warning: net.pt2 was {said}\n" if training else ""
        assert cli("run net.pt2").err == f"{warning}running on cpu\n"
        assert (said in cli("summary net.pt2 --depth 2").out) is training


def test_a_stream_has_the_batch_first(cli, tmp_path, monkeypatch):
    from onnx import helper
    from onnx_graphs import tensor, written

    monkeypatch.chdir(tmp_path)
    written("x.onnx", [helper.make_node("Relu", ["x"], ["y"])], [tensor("x", ["T", "B"])], [tensor("y", ["T", "B"])])
    np.save("x.npy", X)
    assert (
        cli("run x.onnx --input x.npy --output y.npy --batch-size 2").err
        == "error: x.onnx takes x as float32[T, B]: a stream has the batch first\n"
    )


def test_names_of_a_graph_may_hold_dots(cli, tmp_path, monkeypatch):
    from onnx import helper
    from onnx_graphs import tensor
    from onnx_graphs import written as made

    monkeypatch.chdir(tmp_path)
    nodes = [helper.make_node("Sub", ["x.1", "x.2"], ["y"])]
    made("dots.onnx", nodes, [tensor("x.1", (2,)), tensor("x.2", (2,))], [tensor("y", (2,))])
    done = cli("run dots.onnx --fill ones --format json")
    assert (done.code, json.loads(done.out)["outputs"][0]["first"]) == (0, [0, 0])


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_dtypes_that_numpy_lacks_go_in_and_out_of_onnxruntime(cli, tmp_path, monkeypatch, dtype):
    from onnx import TensorProto, helper
    from onnx_graphs import tensor
    from onnx_graphs import written as made

    monkeypatch.chdir(tmp_path)
    code = {"bfloat16": TensorProto.BFLOAT16, "float8_e4m3fn": 17, "float8_e5m2": 19}[dtype]
    nodes = [helper.make_node("Identity", ["x"], ["same"]), helper.make_node("Cast", ["x"], ["wide"], to=1)]
    made("m.onnx", nodes, [tensor("x", (2, 3), code)], [tensor("same", (2, 3), code), tensor("wide", (2, 3))])
    values = np.linspace(-3, 3, 6, dtype="f4").reshape(2, 3)
    np.save("x.npy", values)
    done = cli("run m.onnx --input x.npy --output y.npz --device cpu --format json")
    assert [x["dtype"] for x in json.loads(done.out)["outputs"]] == [dtype, "float32"], done.err
    wanted = torch.from_numpy(values).to(getattr(torch, dtype)).float().numpy()
    with np.load("y.npz") as found:
        assert (found["wide"] == wanted).all()


def test_training_mode_of_an_onnx_file_is_said(cli, tmp_path, monkeypatch):
    from onnx import helper
    from onnx_graphs import array, tensor
    from onnx_graphs import written as made

    monkeypatch.chdir(tmp_path)
    held = [array(name, (3,)) for name in "sbmv"] + [array("p", ()), array("on", (), "bool"), array("zero", ())]
    held[-1].raw_data = b"\0\0\0\0"

    def said(*nodes):
        made("m.onnx", nodes, [tensor("x", (2, 3))], [tensor("y", (2, 3))], held)
        done = cli("summary m.onnx --format json")
        assert done.code == 0, done.err
        return json.loads(done.out).get("notes")

    norm = helper.make_node("BatchNormalization", ["x", *"sbmv"], ["a", "rm", "rv"], "/norm/bn", training_mode=1)
    drop = [helper.make_node("Dropout", ["a", rate, "on"], ["y"]) for rate in ("p", "zero")]
    assert said(norm, drop[0]) == [
        "exported in training mode, not after model.eval(): norm (BatchNormalization), Dropout"
    ]
    assert said(norm, drop[1]) == ["exported in training mode, not after model.eval(): norm (BatchNormalization)"]
    norm.attribute[0].i = 0
    assert said(norm, drop[1]) is None


def test_a_sparse_initializer_is_described(cli, tmp_path, monkeypatch):
    import onnx
    from onnx import helper
    from onnx_graphs import tensor
    from onnx_graphs import written as made

    monkeypatch.chdir(tmp_path)
    made("m.onnx", [helper.make_node("MatMul", ["x", "w"], ["y"])], [tensor("x", (2, 4))], [tensor("y", (2, 3))])
    model = onnx.load("m.onnx")
    values = helper.make_tensor("w", 1, [3], [1.0, 2.0, 3.0]), helper.make_tensor("i", 7, [3], [0, 5, 11])
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(*values, [4, 3]))
    onnx.save(model, "m.onnx")
    found = json.loads(cli("summary m.onnx --format json").out)
    assert (found["totals"]["parameters"], found["totals"]["macs"]) == (12, 24)
    row = json.loads(cli("vars m.onnx --format json").out)["variables"][0]
    assert (row["path"], row["shape"], row["bytes"]) == ("w", [4, 3], 12 + 24)
    assert cli("check m.onnx --values").code == 0
    done = cli("diff m.onnx m.onnx --values")
    assert done.out.startswith("same: 1 variable, every value that can be read\n"), done.err
    np.save("x.npy", np.ones((2, 4), "f4"))
    assert json.loads(cli("run m.onnx --input x.npy --device cpu --format json").out)["outputs"][0]["first"][:3] == [
        1,
        0,
        5,
    ]


class Words(nn.Module):
    """A table of few rows, of which an input chooses some by a view of it."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(2, 4, dtype=torch.bfloat16)

    def forward(self, x):
        return self.words(x.flatten().unsqueeze(0))


def test_indices_of_a_small_table_are_drawn_within_it(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.export.save(torch.export.export(Words(), (torch.zeros(3, 4, dtype=torch.int64),)), "words.pt2")
    for fill in ("random", "range"):
        done = cli(f"run words.pt2 --device cpu --fill {fill} --format json")
        assert (done.code, json.loads(done.out)["outputs"][0]["shape"]) == (0, [1, 12, 4])
    assert "index out of range" in failure(cli, "run words.pt2 --device cpu --range x=5,9")
