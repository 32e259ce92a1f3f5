"""``layercli diff``: what it prints, its exit code, and what git makes of it."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from onnx_graphs import exported

import layercli
from layercli import Input, layers
from layercli.formats.safetensors import save

LAYERCLI = f"{sys.executable} -m layercli"


def weights(seed=0):
    rng = np.random.default_rng(seed)
    shapes = {"fc1.weight": (6, 4), "fc1.bias": (6,), "fc2.weight": (5, 6), "fc2.bias": (5,)}
    return {name: rng.integers(-64, 64, shape).astype("float32") / 32 for name, shape in shapes.items()}


def gguf_of(path, arrays):
    from gguf import GGMLQuantizationType, GGUFWriter

    writer = GGUFWriter(path, "llama")
    for name, x in arrays.items():
        writer.add_tensor(name, x.astype("float16"), raw_dtype=GGMLQuantizationType.F16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = torch.nn.Linear(4, 6), torch.nn.Linear(6, 5)

    def forward(self, x):
        return self.fc2(self.fc1(x).relu())


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """One model in eight files."""
    folder, arrays = tmp_path_factory.mktemp("one"), weights()
    state = {name: torch.tensor(x) for name, x in arrays.items()}
    torch.save(state, folder / "m.pt")
    save(folder / "m.safetensors", arrays)
    names = list(arrays)
    for i, part in enumerate((names[:2], names[2:])):
        save(folder / f"m-{i}.safetensors", {name: arrays[name] for name in part})
    index = {name: f"m-{names.index(name) // 2}.safetensors" for name in names}
    (folder / "m.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    np.savez(folder / "m.npz", **arrays)
    with h5py.File(folder / "m.h5", "w") as file:
        for name, x in arrays.items():
            file[name.replace(".", "/")] = x
    x = Input((4,), name="x")
    model = layercli.Model(x, layers.Dense(5, name="fc2")(layers.Dense(6, activation="relu", name="fc1")(x)))
    model.set_weights([arrays["fc1.weight"].T, arrays["fc1.bias"], arrays["fc2.weight"].T, arrays["fc2.bias"]])
    model.save(folder / "m.keras")
    net = Net()
    net.load_state_dict(state)
    exported(net, [torch.zeros(1, 4)], folder / "m.onnx")
    gguf_of(folder / "m.gguf", arrays)
    return folder


KINDS = ["m.pt", "m.safetensors", "m.safetensors.index.json", "m.npz", "m.h5", "m.keras", "m.onnx", "m.gguf"]


@pytest.mark.parametrize("a", KINDS)
def test_one_model_is_the_same_in_every_file(saved, a):
    for b in KINDS:
        found = layercli.diff(saved / a, saved / b, values=True)
        assert found.same, f"{b}: {found.to_json()['verdict']}"
        assert len(found.matching.pairs) == 4
        assert all(each.equal for each in found.values.values())


@pytest.mark.parametrize("a", KINDS)
def test_another_model_differs_in_every_file(saved, a, tmp_path):
    save(tmp_path / "b.safetensors", weights(1))
    found = layercli.diff(saved / a, tmp_path / "b.safetensors", values=True)
    assert not found.same
    assert sum(not each.equal for each in found.values.values()) == 4


@pytest.fixture
def two(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    a = {f"layers.{i}.weight": np.random.default_rng(i).standard_normal((32, 32)).astype("float32") for i in range(3)}
    save("a.safetensors", a)
    return a


def verdict(cli, *args):
    done = cli("diff", *args)
    return done.code, done.out.splitlines()[0]


def test_a_fine_tuned_model_in_one_line(cli, two):
    save("b.safetensors", {name: x * np.float32(1.01) for name, x in two.items()})
    code, line = verdict(cli, "a.safetensors", "b.safetensors", "--values")
    assert code == 1
    assert line == (
        "different: 3 of 3 variables with other values, by 0.01 of their norm, most in layers.1.weight "
        "(relative difference 0.0099), as fine-tuning makes"
    )
    assert cli("diff", "a.safetensors", "b.safetensors", "--values", "--rtol", "0.02").code == 0


def test_a_merged_lora_in_one_line(cli, two):
    rng = np.random.default_rng(5)
    change = 0.01 * (rng.standard_normal((32, 4)) @ rng.standard_normal((4, 32)))
    save("b.safetensors", {**two, "layers.1.weight": (two["layers.1.weight"] + change).astype("float32")})
    assert verdict(cli, "a.safetensors", "b.safetensors", "--values") == (
        1,
        "different: 1 of 3 variables with other values, each a change of rank 4 at most, as a merged LoRA makes",
    )


def test_a_cast_in_one_line(cli, two):
    torch.save({name: torch.tensor(x).to(torch.bfloat16) for name, x in two.items()}, "b.pt")
    assert verdict(cli, "a.safetensors", "b.pt") == (1, "different: 3 variables cast float32 -> bfloat16")
    assert verdict(cli, "a.safetensors", "b.pt", "--values") == (
        1,
        "different: 3 variables cast float32 -> bfloat16, every value rounded to the nearest",
    )


def test_a_quantization_in_one_line(cli, two):
    from gguf import GGMLQuantizationType, GGUFWriter, dequantize, quantize

    writer = GGUFWriter("b.gguf", "llama")
    for name, x in two.items():
        writer.add_tensor(name, quantize(x, GGMLQuantizationType.Q8_0), raw_dtype=GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    kind = GGMLQuantizationType.Q8_0
    errors = [np.linalg.norm(dequantize(quantize(x, kind), kind) - x) / np.linalg.norm(x) for x in two.values()]
    assert verdict(cli, "a.safetensors", "b.gguf", "--values") == (
        1,
        f"different: 3 variables quantized float32 -> q8_0, normalised error {max(errors):.2g} at most",
    )


def test_values_that_are_not_finite(cli, two):
    changed = two["layers.0.weight"].copy()
    changed[0, 0] = np.nan
    save("b.safetensors", {**two, "layers.0.weight": changed})
    code, line = verdict(cli, "a.safetensors", "b.safetensors", "--values")
    assert (code, "relative difference inf" in line) == (1, True)
    assert cli("diff", "b.safetensors", "b.safetensors", "--values").code == 0
    torch.save({name: torch.tensor(x) for name, x in {**two, "layers.0.weight": changed}.items()}, "b.pt")
    assert cli("diff", "b.safetensors", "b.pt", "--values").code == 0


def test_ties_are_no_difference(cli, two, tmp_path):
    x = torch.ones(4, 3)
    torch.save({"embed.weight": x, "head.weight": x, "b": torch.ones(2)}, "a.pt")
    save("b.safetensors", {"embed.weight": np.ones((4, 3), "float32"), "b": np.ones(2, "float32")})
    done = cli("diff a.pt b.safetensors --values")
    assert (done.code, done.out.splitlines()[0]) == (0, "same: 2 variables, every value; 1 tied on one side only")
    assert "tied in A only" in done.out


def test_rules_are_written_and_taken(cli, two):
    save("b.safetensors", {name.replace("layers", "model.h"): x for name, x in two.items()})
    assert cli("diff a.safetensors b.safetensors --write-rename rules.txt").code == 0
    assert Path("rules.txt").read_text() == "layers -> model.h\n"
    found = json.loads(cli("diff a.safetensors b.safetensors --rename rules.txt --format json").out)
    assert [pair["matched_by"] for pair in found["variables"]["matched"]] == ["rule"] * 3
    assert found["schema"] == "layercli.diff/1"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("a.safetensors none.pt", "none.pt does not exist"),
        ("a.safetensors bad.npz", "bad.npz is in no format that layercli knows"),
        ("a.safetensors mlp --values", "mlp holds no values, which --values compares"),
        ("a.safetensors mlp --only structure", "a.safetensors does not say of which modules it is made"),
        ("a.safetensors a.safetensors --rename no.txt", "no.txt does not exist"),
    ],
)
def test_what_cannot_be_compared_is_said(cli, two, args, message):
    Path("bad.npz").write_bytes(b"nothing of the kind")
    done = cli(f"diff {args}")
    assert (done.code, done.out, done.err.splitlines()[0]) == (2, "", f"error: {message}")


def test_classes_are_compared_by_what_they_draw_within_the_limit(cli, two, monkeypatch):
    Path("drawing.py").write_text(
        "import torch\n\n\nclass Net(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        torch.manual_seed(0)\n        self.a = torch.nn.Linear(4, 3)\n"
        "\n    def forward(self, x):\n        return self.a(x)\n"
    )
    done = cli("diff drawing.py:Net drawing.py:Net --values")
    assert (done.code, done.out.splitlines()[0]) == (0, "same: 2 variables, every value")
    done = cli("diff drawing.py:Net drawing.py:Net --only values --limit drawn=14")
    refused = "drawing.py:Net has no weights, and 15 initial values (60 bytes) are more than the limit of 14 to draw"
    assert (done.code, done.out, done.err.splitlines()[0]) == (2, "", f"error: {refused}")


def test_models_in_memory_are_compared_by_their_values():
    models = []
    for _ in range(2):
        layercli.utils.set_random_seed(0)
        models.append(layercli.Sequential([Input((4,)), layers.Dense(3, name="d")], name="m"))
        models[-1](np.ones((1, 4), "float32"))
    assert layercli.diff(*models, values=True).same
    models[1].layers[0].bias.assign([0.0, 1.0, 0.0])
    found = layercli.diff(*models, values=True)
    assert [path for path, each in found.values.items() if not each.close] == ["d/bias"]


def test_control_characters_in_names_are_written_out(cli, two):
    for format in ("plain", "json", "markdown", "github", "table"):
        save("c.safetensors", {"\x1b[2J\n::error::x": np.ones(3, "float32"), "layers.0.weight": two["layers.0.weight"]})
        done = cli("diff", "a.safetensors", "c.safetensors", "-f", format)
        assert done.code == 1
        assert "\x1b" not in done.out
        assert "\n::error::x" not in done.out


def git(*args, **more):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    return subprocess.run(["git", *identity, *args], capture_output=True, text=True, check=True, **more).stdout


def test_git_shows_what_changed(two):
    git("init", "-q")
    Path(".gitattributes").write_text("*.safetensors diff=weights\n")
    git("add", ".")
    git("commit", "-qm", "one")
    save("a.safetensors", {**two, "layers.1.weight": np.ones((32, 16), "float32")})
    git("config", "diff.weights.textconv", f"{LAYERCLI} vars --hash --format csv")
    shown = [line for line in git("diff").splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert [line.rpartition(",")[0] for line in shown] == [
        '-layers.1.weight,"[32, 32]",float32,1024,4096',
        '+layers.1.weight,"[32, 16]",float32,512,2048',
    ]
    environment = {**os.environ, "COLUMNS": "80"}
    told = git("difftool", "-y", "-x", f"{LAYERCLI} diff", "HEAD", "--", "a.safetensors", env=environment)
    assert told.splitlines()[0] == "different: 1 variable of another shape"


OLD = "import torch\nnet = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU(), torch.nn.Linear(2, 2))\n"
WHOLE = """\
different: 1 module changed, 1 module replaced; 1 variable of another shape

A:           a.py:net
B:           b.py:net
Parameters:  14 -> 16
Bytes:       56 B -> 64 B

Structure

   Edit      Module  Class         Arguments
~  changed   0       Linear        in_features: 3 -> 4
~  replaced  1       ReLU -> GELU

Variables

   Variable  Change            Count
~  0.weight  (2, 3) -> (2, 4)      1
"""
ANNOTATED = """\
::error title=layercli diff::different: 1 module changed, 1 module replaced; 1 variable of another shape
::warning title=changed%3A 0::Linear in_features: 3 -> 4
::warning title=replaced%3A 1::ReLU -> GELU
"""


def test_the_whole_report(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text(OLD)
    Path("b.py").write_text(OLD.replace("Linear(3", "Linear(4").replace("ReLU", "GELU"))
    assert cli("diff a.py:net b.py:net --format plain").out == WHOLE
    assert cli("diff a.py:net b.py:net --format github").out == ANNOTATED
    assert cli("diff a.py:net a.py:net --format github").out == ("::notice title=layercli diff::same: 4 variables\n")
    found = json.loads(cli("diff a.py:net b.py:net --format json").out)
    assert [edit["edit"] for edit in found["structure"]] == ["changed", "replaced"]
    assert found["totals"]["b"] == {"parameters": 16, "bytes": 64, "macs": None}


def test_values_of_more_variables_than_files_may_be_open(cli, tmp_path):
    rng = np.random.default_rng(0)
    arrays = {f"l{i}.w": rng.normal(size=(48, 64)).astype("float32") for i in range(60)}
    a, b = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    save(a, arrays)
    save(b, {f"k{i}.v": x for i, x in enumerate(arrays.values())})
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 40, before[1]))
    try:
        result = cli("diff", str(a), str(b))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert result.code == 0, result.err
    assert "by value" in result.out
