"""Whatever text a file holds, nothing of it steers the terminal, the pipe or the table that it is shown in."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from layercli.cli import output
from layercli.core.interactive_logging import say
from layercli.escaping import printable
from layercli.formats.safetensors import save
from layercli.render.progress import show

EVIL = "a\x1b[2J\x1b]0;owned\x07\x7f\x9b31m\u202egnp\u200b\r\nerror: all is well\x00"
NAME = EVIL.replace("\x00", "").replace("/", "")
FORMATS = ("table", "plain", "json", "csv", "markdown")


def stray(text):
    """Return the characters that a terminal, or a reader of lines, would take for more than text."""
    return {c for c in text if not c.isprintable() and c != "\n"}


def archive(path, config):
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("metadata.json", "{}")
        zipped.writestr("config.json", json.dumps(config))
        with zipped.open("model.weights.h5", "w") as stream:
            stream.write(b"")


def onnx_file(path):
    from onnx import TensorProto, helper

    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 3]) for name in ("x", "y")]
    graph = helper.make_graph(
        [helper.make_node(EVIL, ["x"], ["y"], name=EVIL, domain=EVIL)], EVIL, values[:1], values[1:]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid(EVIL, 1)])
    Path(path).write_bytes(model.SerializeToString())


def keras_named(name):
    layer = {"module": "keras.layers", "class_name": "Dense", "config": {"name": name, "units": 2}}
    start = {"module": "keras.layers", "class_name": "InputLayer", "config": {"name": "i", "batch_shape": [None, 3]}}
    return {"module": "keras", "class_name": "Sequential", "config": {"name": name, "layers": [start, layer]}}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Files of every kind that hold such text wherever text can be."""
    monkeypatch.chdir(tmp_path)
    save("w.safetensors", {EVIL: np.ones((2, 2)), "b": np.ones(3)}, {EVIL: EVIL})
    np.savez("w.npz", **{NAME: np.ones(3)})
    onnx_file("net.onnx")
    archive("named.keras", keras_named(NAME))
    other = {"module": EVIL, "class_name": EVIL, "registered_name": EVIL, "config": {}}
    archive("other.keras", other)
    archive("layers.keras", {**keras_named("n"), "config": {"name": "n", "layers": [other]}})
    Path("model.safetensors.index.json").write_text(json.dumps({"weight_map": {EVIL: EVIL}}))
    Path("twice.json").write_text('{"weight_map": {"\\u001b[2J": "m", "\\u001b[2J": "n"}}')
    Path("x.csv").write_text(f"a,b\n1,{EVIL}\n", newline="")
    Path("head.csv").write_text("a\x1b[2J,b\x1b[2J\n1,2\n")
    Path("record.json").write_text(json.dumps({"schema": EVIL}))
    Path("labels.txt").write_text("\n".join(f"\x1b[{i}m\u202e\x9b" for i in range(10)))
    for name in (f"cat{NAME}", f"dog{NAME}"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        Image.new("RGB", (4, 4)).save(tmp_path / "photos" / name / "x.png")
    np.save("x.npy", np.ones((2, 784), "float32"))
    (tmp_path / NAME).write_bytes(b"no model")
    return tmp_path


COMMANDS = [
    "vars w.safetensors", "vars w.safetensors --stats", "summary w.safetensors", "vars w.npz", "vars net.onnx",
    "summary net.onnx", "run net.onnx", "summary named.keras", "vars named.keras", "run named.keras --device cpu",
    "summary other.keras", "summary layers.keras", "vars model.safetensors.index.json", "vars twice.json",
    "run mlp --input x.csv --device cpu", "run mlp --input head.csv --device cpu", "run --from record.json",
    "run mlp --weights w.safetensors --device cpu", "run mlp --input x.npy --top 3 --labels labels.txt --device cpu",
    "run mlp --input w.npz:no --device cpu", "gpu-check --from record.json", "fit mlp --data w.npz --loss mse --device cpu",
]  # fmt: skip


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_of_a_file_reaches_the_terminal(cli, folder, command, format):
    done = cli(*command.split(), "--format", format)
    assert done.code in (0, 2)
    assert done.out or done.err
    assert not stray(done.out + done.err)
    assert "\nerror: all is well" not in f"\n{done.out}\n{done.err}"
    if done.out and format == "json":
        json.loads(done.out)


@pytest.mark.parametrize("command", ["summary", "vars", "run", "fit --data x.npy", "evaluate --data x.npy"])
def test_a_name_on_the_command_line_is_escaped_too(cli, folder, command):
    for name in (NAME, f"no-{NAME}", f"{NAME}.py:Net", f"--{NAME}"):
        first, *rest = command.split()
        for debug in ([], ["--debug"]):
            done = cli(*debug, first, name, *rest)
            assert done.code == 2
            assert not stray(done.err)


def test_the_names_of_classes_are_escaped(cli, folder):
    Path("cnn.py").write_text(
        "from layercli import Sequential, layers\n"
        "def net():\n    return Sequential([layers.Input((4, 4, 3)), layers.Flatten(), layers.Dense(2)])\n"
    )
    words = "fit cnn.py:net --data photos --loss sparse_categorical_crossentropy:from_logits=true --device cpu"
    for format in FORMATS:
        done = cli(*words.split(), "--format", format)
        assert done.code == 0, done.err
        assert not stray(done.out + done.err)
    assert json.loads(cli(*words.split(), "--format", "json").out)["classes"] == [f"cat{NAME}", f"dog{NAME}"]


def test_json_says_what_it_was_and_csv_how_it_is_written(cli, folder):
    found = json.loads(cli("vars w.safetensors --format json").out)
    assert EVIL in [row["path"] for row in found["variables"]]
    rows = list(csv.reader(io.StringIO(cli("vars w.safetensors --format csv").out)))
    assert printable(EVIL) in [row[0] for row in rows]
    assert len({len(row) for row in rows}) == 1


def test_what_libraries_warn_of_is_escaped():
    warned = [EVIL, UserWarning, f"{EVIL}.py", 1, EVIL]
    assert stray(warnings.formatwarning(*warned))
    with output.warnings_escaped():
        assert not stray(warnings.formatwarning(*warned))
    assert stray(warnings.formatwarning(*warned))


def test_progress_and_what_callbacks_say_is_escaped(capsys):
    assert not stray(show({EVIL: 1.0}))
    say(1, EVIL)
    assert not stray(capsys.readouterr().err)


def test_the_installed_program_escapes(folder):
    program = str(Path(sys.executable).parent / "layercli")
    for command in ("vars w.safetensors -f csv", "summary net.onnx -f table", "summary other.keras -f plain"):
        done = subprocess.run([program, *command.split()], capture_output=True, check=False)
        assert done.returncode in (0, 2)
        assert not stray(done.stdout.decode() + done.stderr.decode())
