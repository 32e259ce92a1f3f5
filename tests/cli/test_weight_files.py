"""The summary of a file of weights: what it holds, and nothing that it does not say."""

import json
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from layercli import Sequential, layers
from layercli.core.dims import UNKNOWN
from layercli.formats.detect import open_weights
from layercli.formats.npz import save_npz
from layercli.formats.safetensors import save
from layercli.formats.weight_file import TensorEntry
from layercli.inspect.variables import matching, of_file
from layercli.inspect.weight_summary import parts_of, summarize_file
from layercli.render import plain
from layercli.render.summary import table
from layercli.render.table import Column, Table


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(file, depth=99):
    return [(row.path, row.depth, row.parameters) for row in summarize_file(file).rows if row.depth <= depth]


class Listed:
    """A file of which only the paths matter; each entry has ten values."""

    def __init__(self, *paths):
        self.file = "w.any"
        self.entries = {path: TensorEntry(path, (10,), "float32") for path in paths}


def test_a_model_and_its_optimizer_saved_together(cli, tmp_path, monkeypatch):
    """Under no key that says which is which; and averaged weights that are the model's own tensors."""
    monkeypatch.chdir(tmp_path)
    net = torch.nn.Linear(3, 2)
    adam = torch.optim.AdamW(net.parameters(), amsgrad=True)
    net(torch.ones(1, 3)).sum().backward()
    adam.step()
    torch.save((net.state_dict(), adam.state_dict()), "pair.pt")
    assert json.loads(cli("summary pair.pt --format json").out)["totals"]["parameters"] == 8
    totals = json.loads(cli("vars pair.pt --format json").out)["totals"]
    assert (totals["parameters"], totals["state_bytes"]) == (8, (3 * 8 + 2) * 4)
    torch.save({"model": net.state_dict(), "ema": dict(net.state_dict())}, "shared.pt")
    for command in ("summary", "vars", "vars --sort size"):
        assert json.loads(cli(f"{command} shared.pt --format json").out)["totals"]["parameters"] == 8


def test_modules_of_torch():
    net = nn.ModuleDict(
        {"stem": nn.Conv2d(3, 4, 3), "blocks": nn.ModuleList(nn.Sequential(nn.Linear(4, 4)) for _ in range(12))}
    )
    net.register_buffer("steps", torch.ones(7, dtype=torch.int32))
    torch.save(net.state_dict(), "net.pt")
    found = summarize_file(open_weights("net.pt"))
    state = net.state_dict()
    assert found.totals.parameters == sum(x.numel() for x in state.values())
    assert found.totals.bytes == sum(x.numel() * x.element_size() for x in state.values())
    assert (found.totals.trainable, found.totals.non_trainable, found.totals.macs) == (None, None, UNKNOWN)
    own, stem, *blocks = found.rows
    assert (own.path, own.parameters, own.variables) == ("net.pt", 7, {"steps": (7,)})
    assert (stem.path, stem.parameters, stem.variables) == ("stem", 112, {"weight": (4, 3, 3, 3), "bias": (4,)})
    assert [(row.path, row.depth, row.parameters) for row in blocks] == [(f"blocks/{i}/0", 1, 20) for i in range(12)]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a.w", "b.w"], [("a", 1, 10), ("b", 1, 10)]),
        (["m.a.w", "m.b.w", "m.b.c.w"], [("m/a", 1, 10), ("m/b", 1, 20), ("m/b/c", 2, 10)]),
        (["m.a.w"], [("m/a", 1, 10)]),
        (["w"], [("w.any", 1, 10)]),
        (["w", "a.w"], [("w.any", 1, 10), ("a", 1, 10)]),
        (["a", "a.w"], [("w.any", 1, 10), ("a", 1, 10)]),
        (["a.10.w", "a.2.w", "a.1.w"], [("a/1", 1, 10), ("a/2", 1, 10), ("a/10", 1, 10)]),
        (["10.w", "2.w"], [("2", 1, 10), ("10", 1, 10)]),
        (["a.b.10.w", "a.b.9.w", "a.c"], [("a", 1, 30), ("a/b/9", 2, 10), ("a/b/10", 2, 10)]),
        (["a.1.w", "a.x.w"], [("a/1", 1, 10), ("a/x", 1, 10)]),
        (["a..w", "/b/w", "...", ""], [("w.any", 1, 20), ("a", 1, 10), ("b", 1, 10)]),
        (["a.w", "a/w"], [("a", 1, 20)]),
        ([], [("w.any", 1, 0)]),
        (["blk.0.q.weight", "blk.1.q.weight", "out.weight"],
         [("blk/0", 1, 10), ("blk/0/q", 2, 10), ("blk/1", 1, 10), ("blk/1/q", 2, 10), ("out", 1, 10)]),
        (["layers/dense/vars/0", "layers/dense/vars/1", "optimizer/vars/0"],
         [("layers/dense", 1, 20)]),
    ],
)  # fmt: skip
def test_paths_tell_of_modules(paths, expected):
    assert rows(Listed(*paths)) == expected


def test_a_path_of_a_thousand_parts():
    [*_, last] = rows(Listed("x.w", ".".join("a" * 1000)))
    assert last[1] == 64
    assert len(parts_of(".".join("a" * 1000))) == 65


def test_values_that_are_another_s_count_once():
    net = nn.ModuleDict({"embed": nn.Embedding(10, 4), "head": nn.Linear(4, 10, bias=False)})
    net["head"].weight = net["embed"].weight
    torch.save(net.state_dict(), "net.pt")
    found = summarize_file(open_weights("net.pt"))
    assert (found.totals.parameters, found.totals.bytes) == (40, 160)
    assert [(row.path, row.parameters) for row in found.rows] == [("embed", 40), ("head", 40)]
    listed = of_file(open_weights("net.pt"))
    assert (len(listed.rows), listed.parameters, listed.bytes) == (2, 40, 160)
    assert matching(listed, "head").parameters == 40


def test_every_format(cli):
    arrays = {
        "enc.0.w": np.ones((2, 3), "float32"),
        "enc.1.w": np.ones((2, 3), "float32"),
        "out.b": np.ones(4, "float16"),
    }
    save("w.safetensors", arrays)
    save_npz("w.npz", arrays)
    torch.save({name: torch.from_numpy(value) for name, value in arrays.items()}, "w.bin")
    with open("w.json", "w") as file:
        json.dump({"weight_map": dict.fromkeys(arrays, "w.safetensors")}, file)
    with h5py.File("w.h5", "w") as file:
        for name, value in arrays.items():
            file[name.replace(".", "/")] = value
    for name in ("w.safetensors", "w.npz", "w.bin", "w.json", "w.h5"):
        done = cli(f"summary {name} --format json")
        assert (done.code, done.err) == (0, "")
        document = json.loads(done.out)
        assert document["schema"] == "layercli.summary/1"
        assert document["model"] == {"name": name, "class": None, "source": name}
        assert document["totals"] == {
            "parameters": 16, "trainable": None, "non_trainable": None, "bytes": 56, "macs": None, "macs_formula": None
        }  # fmt: skip
        assert [(row["path"], row["class"], row["parameters"], row["trainable"], row["output_shape"], row["macs"])
                for row in document["rows"]] == [
            ("enc/0", None, 6, None, None, None), ("enc/1", None, 6, None, None, None), ("out", None, 4, None, None, None)
        ]  # fmt: skip


def test_quantized_blocks_take_what_the_file_has(cli):
    gguf = pytest.importorskip("gguf")
    writer = gguf.GGUFWriter("m.gguf", "llama")
    for i in range(12):
        writer.add_tensor(
            f"blk.{i}.attn_q.weight", np.zeros((4, 144), np.uint8), raw_dtype=gguf.GGMLQuantizationType.Q4_K
        )
    writer.add_tensor("output_norm.weight", np.ones(256, np.float32))
    for write in ("header", "kv_data", "tensors"):
        getattr(writer, f"write_{write}_to_file")()
    writer.close()
    done = cli("summary m.gguf --format table")
    assert (done.code, done.err) == (0, "")
    assert (
        "\n".join(map(str.rstrip, done.out.split("\n")))
        == """\
m.gguf

Layer        Parameters  Share of parameters
────────────────────────────────────────────
blk/0..11         1,024  98.0% ████████████▊
output_norm         256   2.0% ▎

Parameters:  12,544 (7.8 KiB)
Dtypes:      q4_k 12,288 (4.5 bits each), float32 256
Kind:        llama
Metadata:    general.architecture=llama

0..9 stands for ten equal layers: figures of each, shares of all (--no-fold)
12 layers below are not shown (--depth)
"""
    )
    done = cli("vars m.gguf blk.0.")
    assert (
        done.out
        == """\
m.gguf

Variable             Shape     Dtype  Parameters  Bytes
blk.0.attn_q.weight  (4, 256)  q4_k        1,024    576

Variables:   1
Parameters:  1,024 (576 B)
"""
    )


def test_numbers_with_gaps_are_not_folded():
    net = nn.Sequential(*[nn.Linear(2, 2), nn.ReLU()] * 2, *[nn.Linear(2, 2)] * 3)
    torch.save(nn.ModuleDict({"a": net}).state_dict(), "net.pt")
    drawn = plain.draw(table(summarize_file(open_weights("net.pt")), fold=True))
    assert re.findall(r"^a\S*", drawn, re.MULTILINE) == ["a/0", "a/2", "a/4..6"]


def test_columns_and_depth(cli):
    save("w.safetensors", {"enc.a.w": np.ones((2, 3)), "enc.b.w": np.ones((2, 4)), "out.b": np.ones(4)})
    done = cli("summary w.safetensors --depth 2 --columns +variables --format csv")
    assert done.out == (
        "path,type,shared,repeats,parameters,share,variables\nenc,,false,1,14,0.7777777777777778,\n"
        'enc/a,,false,1,6,0.3333333333333333,"{""w"": [2, 3]}"\nenc/b,,false,1,8,0.4444444444444444,"{""w"": [2, 4]}"\n'
        'out,,false,1,4,0.2222222222222222,"{""b"": [4]}"\n'
    )
    assert cli("summary w.safetensors --columns all").code == 0


@pytest.mark.parametrize("given", ["--set units=3", "--input-shape 1,2", "--at T=4"])
def test_weights_take_no_settings(cli, given):
    save("w.safetensors", {"a.w": np.ones(3)})
    done = cli(f"summary w.safetensors {given}")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: w.safetensors holds weights: it takes no arguments and no shape\n"


def test_what_is_no_weights_says_so(cli, folder):
    (folder / "w.pt").write_bytes(b"hello")
    (folder / "config.json").write_text("{}")
    for name, sentence in [
        ("w.pt", "w.pt is in no format that layercli knows"),
        ("config.json", "config.json has no model_type, so it describes no model"),
        ("none.pt", "none.pt does not exist"),
    ]:
        done = cli(f"summary {name}")
        assert (done.code, done.out) == (2, "")
        assert done.err.splitlines()[0] == f"error: {sentence}"


def test_a_model_in_a_file_is_still_a_model(cli):
    model = Sequential([layers.Dense(3, input_shape=(2,))])
    model.save("net.keras")
    assert "Dense" in cli("summary net.keras").out


def test_neither_torch_nor_numpy_is_needed():
    torch.save({"a.w": torch.ones(2)}, "net.pt")
    save("net.safetensors", {"a.w": np.ones(2)})
    program = """
import sys
from pathlib import Path
for name in ("torch", "numpy", "h5py", "safetensors", "gguf", "pickle", "layercli.runtime"): sys.modules[name] = None
from layercli.cli.main import run
sys.exit(max(run([command, name]) for command in ("summary", "vars") for name in ("net.pt", "net.safetensors")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_model_in_a_checkpoint_of_a_trainer(cli):
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    adam = torch.optim.Adam(net.parameters())
    net(torch.ones(2, 3)).sum().backward()
    adam.step()
    names = {f"module._orig_mod.{name}": x for name, x in net.state_dict().items()}
    averaged = {name: x + 1 for name, x in names.items()}
    state = {
        "state_dict": names,
        "optimizer_states": [adam.state_dict()],
        "rng_state": torch.get_rng_state(),
        "epoch": 3,
    }
    torch.save(state | {"ema": averaged}, "net.ckpt")
    done = cli("summary net.ckpt --format json")
    found = json.loads(done.out)
    assert [(row["path"], row["parameters"]) for row in found["rows"]] == [("0", 16), ("1", 10)]
    assert found["totals"]["parameters"] == 26
    assert found["notes"] == [
        f"training state, not counted: optimizer_states, rng_state (13 tensors, {26 * 8 + 16 + 5056:,} bytes)",
        "beside state_dict, not counted: ema (4 tensors, 104 bytes)",
        "names are shown without module._orig_mod., which wrappers of the model add",
    ]
    listed = json.loads(cli("vars net.ckpt --format json").out)
    assert [row["path"] for row in listed["variables"]][:4] == [f"state_dict/{name}" for name in names]
    assert [row["path"] for row in listed["variables"] if row.get("kind") != "state"] == [
        f"state_dict/{name}" for name in names
    ]
    assert listed["totals"] == {
        "variables": 21,
        "parameters": 26,
        "bytes": 104,
        "state_bytes": 26 * 8 + 16 + 5056 + 104,
        "dtypes": [
            {"dtype": "float32", "parameters": 26, "bytes": 104, "overhead_bytes": 0, "bits_per_parameter": 32.0}
        ],
    }


def test_one_line_says_what_a_file_is(cli, folder):
    state = {}
    for i in range(2):
        for name, rank in (("q_proj", 8), ("v_proj", 4)):
            state[f"base_model.model.h.{i}.{name}.lora_A.weight"] = np.zeros((rank, 16), "f4")
            state[f"base_model.model.h.{i}.{name}.lora_B.weight"] = np.zeros((16, rank), "f4")
    save("lora.safetensors", state, {"modelspec.title": "Cats \x1b[31m", "note": "x" * 99})
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))
    drawn = cli("summary lora.safetensors --format plain").out
    assert " LoRA adapter of rank 4 to 8 on q_proj, v_proj; llama; Cats \\x1b[31m\n" in drawn
    assert " modelspec.title=Cats \\x1b[31m and 1 more (vars --metadata)\n" in drawn
    assert json.loads(cli("summary lora.safetensors --format json").out)["model"] == {
        "name": "lora.safetensors",
        "class": None,
        "source": "lora.safetensors",
        "kind": "LoRA adapter of rank 4 to 8 on q_proj, v_proj; llama; Cats \x1b[31m",
    }


def test_a_tied_entry_counts_once_in_the_row_of_the_root():
    x = torch.ones(3)
    torch.save({"a": x, "b": x, "c": torch.ones(2)}, "net.pt")
    [own] = summarize_file(open_weights("net.pt")).rows
    assert own.parameters == 5


def test_a_dtype_that_is_not_known_is_listed_by_its_bytes(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    header = json.dumps(
        {
            "a": {"dtype": "F3_E1M1", "shape": [4, 4], "data_offsets": [0, 6]},
            "b": {"dtype": "F32", "shape": [2], "data_offsets": [6, 14]},
        }
    ).encode()
    Path("new.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(6) + b"\0\0\x80?" * 2)
    done = cli("vars", "new.safetensors", "--stats", "--format", "json")
    rows = {row["path"]: row for row in json.loads(done.out)["variables"]}
    assert (rows["a"]["dtype"], rows["a"]["bytes"], rows["b"]["statistics"]["mean"]) == ("f3_e1m1", 6, 1)
    assert done.err == "the values of 'a' are not read: it is of the unknown dtype F3_E1M1\n"


def test_folders_without_a_config(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shards = {"a.weight": "pytorch_model-1.bin", "b.weight": "pytorch_model-2.bin"}
    (tmp_path / "bin").mkdir()
    for name, shard in shards.items():
        torch.save({name: torch.ones(3, 4)}, f"bin/{shard}")
    Path("bin/pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": shards}))
    assert "Parameters:  24 (96 B)\n" in cli("summary", "bin").out
    (tmp_path / "parts").mkdir()
    Path("parts/.metadata").write_bytes(b"")
    assert cli("summary", "parts").err == (
        "error: parts is a distributed checkpoint of torch, whose parts layercli does not put together\n"
        "hint: python -m torch.distributed.checkpoint.format_utils dcp_to_torch parts model.pt\n"
    )


def test_the_attribute_of_a_lightning_module(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for names, taken_off in ((("model.a.weight",), True), (("model.a.weight", "loss.w"), False)):
        state = {name: torch.ones(2) for name in names}
        torch.save({"state_dict": state, "pytorch-lightning_version": "2.1.0", "epoch": 3}, "m.ckpt")
        done = cli("summary", "m.ckpt", "--format", "json", "--depth", "9")
        note = "names are shown without model., the attribute of the LightningModule that holds the model"
        assert (note in json.loads(done.out).get("notes", [])) == taken_off
        assert ("model/a" in [row["path"] for row in json.loads(done.out)["rows"]]) != taken_off
    torch.save({"state_dict": {"model.a.weight": torch.ones(2)}, "epoch": 3}, "m.ckpt")
    assert "model/a" in cli("summary", "m.ckpt").out


def test_a_table_of_many_rows_is_drawn_in_parts_that_are_one_text(monkeypatch):
    columns = [Column("Layer"), Column("Size", numeric=True)]
    drawn = Table(
        "t", columns, [[f"層{i}" if i == 7 else f"l{i}\n", 10**i] for i in range(9)], [("Sum", "9")], ["a note"]
    )
    whole = plain.draw(drawn)
    monkeypatch.setattr(plain, "AT_ONCE", 2)
    for kept in (9, 8):  # the texts are made once, or twice
        monkeypatch.setattr(plain, "MOST_KEPT", kept)
        parts = list(plain.parts(drawn))
        assert (len(parts), "".join(parts)) == (9, whole)
    assert "\n層7     10,000,000\nl8\\n   100,000,000\n" in whole
