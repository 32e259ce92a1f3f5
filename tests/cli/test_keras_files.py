"""``.keras`` and ``.h5`` files on the command line: described from their config, run, trained and measured with their values."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest

import layercli
from layercli import layers
from layercli.core import custom_objects

RNG = np.random.default_rng(8)
X = RNG.standard_normal((16, 6)).astype("float32")
Y = X.sum(1, keepdims=True)

NET = """
from layercli import Model, layers


class Net(Model):
    def __init__(self, units=4):
        super().__init__()
        self.hidden = layers.Dense(units)
        self.out = layers.Dense(1)

    def call(self, x):
        return self.out(self.hidden(x))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(custom_objects, "_registered", {})
    layercli.core.naming.clear_session()
    layercli.random.set_seed(1)
    np.savez("d.npz", x=X, y=Y)
    np.save("x.npy", X)
    return tmp_path


def drawn():
    inputs = layercli.Input((6,))
    hidden = layers.Dense(3, activation="relu")(inputs) + 1.0
    return layercli.Model(inputs, layers.Dense(1, name="out")(hidden), name="m")


def trained():
    model = drawn()
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(X, Y, epochs=2, verbose=0)
    model.save("m.keras")
    return model


SUMMARY = """\
m.keras (Functional)

Layer (type)   Output shape  Parameters
dense (Dense)  (None, 3)             21
out (Dense)    (None, 1)              4

Input:          input_layer float32[None, 6]
Output:         float32[None, 1]
Parameters:     25 (100 B)
Trainable:      25
Non-trainable:  0
MACs:           21*B

B is the batch size
"""
VARS = """\
m.keras

Variable      Shape   Dtype    Trainable  Parameters  Bytes  Initializer
dense/kernel  (6, 3)  float32  yes                18     72  glorot_uniform
dense/bias    (3,)    float32  yes                 3     12  zeros
out/kernel    (3, 1)  float32  yes                 3     12  glorot_uniform
out/bias      (1,)    float32  yes                 1      4  zeros

Variables:   4
Parameters:  25 (100 B)
"""


def test_it_is_described_from_its_config(cli, folder):
    trained()
    assert (done := cli("summary m.keras")).code == 0, done.err
    assert done.out == SUMMARY
    assert cli("vars m.keras").out == VARS
    os.rename("m.keras", "other.zip")
    assert cli("summary other.zip").out == SUMMARY.replace("m.keras", "other.zip")


def test_looking_at_it_needs_no_torch_and_reads_no_weights(folder):
    trained()
    code = (
        "import sys\n"
        "for name in ('torch', 'h5py', 'numpy'): sys.modules[name] = None\n"
        "from layercli.cli.main import run\n"
        "sys.exit(run(['summary', 'm.keras']) or run(['vars', 'm.keras']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", SUMMARY + VARS)


def test_statistics_of_a_file_need_no_torch(folder):
    model = trained()
    model.save_weights("m.weights.h5")
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "from layercli.cli.main import run\n"
        "run(['vars', 'm.keras', '--stats', '--format', 'json'])\n"
        "print('--')\n"
        "run(['vars', 'm.weights.h5', 'layers', '--stats', '--values', '--format', 'json'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == ""
    first, second = map(json.loads, done.stdout.split("\n--\n"))
    weights = model.get_weights()
    assert [v["path"] for v in first["variables"]] == ["dense/kernel", "dense/bias", "out/kernel", "out/bias"]
    assert [v["path"] for v in second["variables"]] == [
        f"layers/{name}/vars/{i}" for name in ("dense", "dense_1") for i in (0, 1)
    ]
    for found in (first, second):
        assert [v["statistics"]["minimum"] for v in found["variables"]] == [float(w.min()) for w in weights]
        assert [v["statistics"]["zeros"] for v in found["variables"]] == [int((w == 0).sum()) for w in weights]
    for variable, weight in zip(second["variables"], weights, strict=True):
        assert np.array_equal(np.asarray(variable["values"], "float32"), weight)


def test_it_runs_with_its_own_values_or_others(cli, folder):
    model = trained()
    expected = model.predict(X, verbose=0)
    assert (done := cli("run m.keras --input x.npy --output y.npy --device cpu")).code == 0, done.err
    assert np.array_equal(np.load("y.npy"), expected)
    other = drawn()
    other.save_weights("other.weights.h5")
    assert cli("run m.keras --input x.npy --output z.npy --device cpu --weights other.weights.h5").code == 0
    assert np.array_equal(np.load("z.npy"), other.predict(X, verbose=0))
    assert cli("run m.keras --input x.npy --output b.npy --device cpu --batch-size 5").code == 0
    assert np.allclose(np.load("b.npy"), expected, atol=1e-6)


def test_a_whole_model_in_hdf5_is_opened_as_an_archive_is(cli, folder):
    inputs = layercli.Input((6,))
    model = layercli.Model(inputs, layers.Dense(1, name="out")(layers.Dense(3)(inputs)), name="m")
    model.save("m.h5")
    assert (done := cli("summary m.h5")).code == 0, done.err
    assert done.out == SUMMARY.replace("m.keras", "m.h5")
    assert cli("vars m.h5").out == VARS.replace("m.keras", "m.h5")
    assert (done := cli("run m.h5 --input x.npy --output y.npy --device cpu")).code == 0, done.err
    assert np.array_equal(np.load("y.npy"), model.predict(X, verbose=0))
    with h5py.File("m.h5", "r+") as file:
        file.attrs["model_config"] = file.attrs["model_config"].replace('"Dense"', '"Strange"')
    assert refusal(cli, "summary m.h5").startswith(
        "error: m.h5 holds a Strange, which layercli does not make from a file"
    )
    assert "model_weights/out/m/out/kernel      (3, 1)" in cli("vars m.h5").out


def document(done):
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_it_is_measured_and_trained_as_it_was_compiled(cli, folder):
    model = trained()
    loss, mae = model.evaluate(X, Y, verbose=0)
    found = document(cli("evaluate m.keras --data d.npz --device cpu --format json"))
    assert (found["loss"], found["mae"]) == (loss, mae)
    assert "mae" not in document(cli("evaluate m.keras --data d.npz --loss mae --metrics mse --format json"))
    again = layercli.load_model("m.keras")
    expected = again.fit(X, Y, epochs=2, verbose=0).history
    found = document(cli("-q fit m.keras --data d.npz --epochs 2 --device cpu --save n.keras --format json"))
    assert [epoch["loss"] for epoch in found["epochs"]] == expected["loss"]
    for ours, theirs in zip(layercli.load_model("n.keras").get_weights(), again.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)


def test_training_a_file_is_resumed_where_it_stopped(cli, folder):
    trained()
    whole = document(cli("-q fit m.keras --data d.npz --epochs 4 --batch-size 5 --save whole.keras --format json"))
    document(cli("-q fit m.keras --data d.npz --epochs 2 --batch-size 5 --save part.keras --format json"))
    rest = document(
        cli("-q fit m.keras --data d.npz --epochs 4 --batch-size 5 --save part.keras --resume --format json")
    )
    assert rest["epochs"] == whole["epochs"][2:]
    parts = [layercli.load_model(f"{name}.keras").get_weights() for name in ("whole", "part")]
    assert all(np.array_equal(a, b) for a, b in zip(*parts, strict=True))


def test_another_optimizer_starts_afresh(cli, folder):
    trained()
    document(cli("-q fit m.keras --data d.npz --optimizer sgd:momentum=0.5 --save n.keras --format json"))
    optimizer = layercli.load_model("n.keras").optimizer
    assert (type(optimizer).__name__, optimizer.momentum, optimizer.iterations) == ("SGD", 0.5, 1)


def test_a_class_of_ones_own_is_named_on_the_command_line(cli, folder):
    (folder / "net.py").write_text(NET)
    from layercli.inspect.python_import import from_file

    model = from_file(folder / "net.py").Net(5)
    model.predict(X, verbose=0)
    model.save("n.keras")
    done = cli("summary n.keras")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: n.keras holds a Net, which layercli does not make from a file\n"
        "hint: a class of your own is given as custom_objects={'Net': Net}, or --custom FILE.py:Net\n"
    )
    assert cli("summary n.keras --custom net.py:Net").code == 0
    assert cli("vars n.keras --custom net.py:Net").code == 0
    assert cli("run n.keras --custom net.py:Net --input x.npy --output y.npy --device cpu").code == 0
    assert np.array_equal(np.load("y.npy"), model.predict(X, verbose=0))
    assert cli("evaluate n.keras --custom net.py:Net --data d.npz --loss mse --device cpu").code == 0


def refusal(cli, command):
    done = cli(command)
    assert (done.code, done.out) == (2, "")
    return done.err


def text(name, content=b"no model"):
    with open(name, "wb") as file:
        file.write(content)


BAD = {
    "summary none.keras": "error: none.keras does not exist\nhint: did you mean config.keras or m.keras or wide.keras?\n",
    "summary m.keras --set units=3": "error: m.keras is an existing model: it takes no arguments\n",
    "summary m.keras --custom net.py": "error: --custom names a class or a function as net.py:Net, got 'net.py'\n",
    "summary m.keras --custom other.py:Net": "error: other.py does not exist\n",
    "summary text.keras": "error: text.keras is in no format that layercli knows\n",
    "vars empty.keras": "error: empty.keras is empty\n",
    "vars cut.keras": "error: cut.keras is a damaged zip archive: file is not a zip file\n",
    "run config.keras": "error: config.keras holds no model.weights.h5\n",
    "vars lambda.keras": (
        "error: lambda.keras: Lambda 'dense': its function has no name, and code in a file is never executed\n"
    ),
    "summary inward.keras": "error: inward.keras has a config that is nested too deeply\n",
    "vars wide.keras --stats": (
        "error: layers/dense/vars/0 in wide.keras has the shape (6, 3), the model's is (6, 4000000000)\n"
    ),
    "evaluate plain.keras --data d.npz": (
        "error: evaluate needs a loss, and plain.keras names none\nhint: --loss mse\n"
    ),
    "fit mlp --data d.npz": "error: fit needs a loss\nhint: --loss mse\n",
    "vars none.weights.h5": "error: none.weights.h5 does not exist\n",
    "vars text.h5": "error: text.h5 does not begin as an HDF5 file does\n",
    "vars linked.h5": "error: linked.h5: away is a link that leads elsewhere\n",
    "vars outside.h5": "error: outside.h5: away is stored outside the file\n",
    "vars words.h5": "error: words.h5: words holds object, which is not numeric\n",
    "vars circle.h5": "error: circle.h5: a/a contains itself, or groups nested too deeply\n",
    "vars deep.h5": f"error: deep.h5: {'/'.join('a' * 66)} contains itself, or groups nested too deeply\n",
    "vars chain.h5": f"error: chain.h5: g66{'/n' * 65} contains itself, or groups nested too deeply\n",
    "vars twice.h5": "error: twice.h5, whose groups have several paths, has 1,000,112 nodes, more than the limit of 1,000,000\n"
    "hint: --limit nodes=N sets the limit, as does the environment variable LAYERCLI_MAX_NODES\n",
    "vars virtual.h5": "error: virtual.h5: away is stored outside the file\n",
    "vars soft.h5": "error: soft.h5: b is a link that leads elsewhere\n",
}


@pytest.fixture
def bad(folder):
    """A folder of files that are not what they seem."""
    trained()
    drawn().save("plain.keras")
    for name in ("text.keras", "text.h5"):
        text(name)
    text("empty.keras", b"")
    with open("m.keras", "rb") as file:
        text("cut.keras", file.read()[:-30])
    with zipfile.ZipFile("m.keras") as good:
        config, weights = good.read("config.json"), good.read("model.weights.h5")
    for name, changed in (
        ("lambda", config.replace(b'"Dense"', b'"Lambda"')),
        ("wide", config.replace(b'"units": 3', b'"units": 4000000000')),
        ("inward", config.replace(b'"units": 3', b'"units": ' + b'{"a":' * 900 + b"3" + b"}" * 900)),
    ):
        with zipfile.ZipFile(f"{name}.keras", "w") as archive:
            archive.writestr("config.json", changed)
            archive.writestr("model.weights.h5", weights)
    with zipfile.ZipFile("config.keras", "w") as archive:
        archive.writestr("config.json", config)
    with h5py.File("linked.h5", "w") as file:
        file["away"] = h5py.ExternalLink("other.h5", "/x")
    with h5py.File("outside.h5", "w") as file:
        file.create_dataset("away", (3,), "float32", external=[("d.npz", 0, 12)])
    with h5py.File("words.h5", "w") as file:
        file["words"] = ["a", "b"]
    with h5py.File("soft.h5", "w") as file:
        file["b"] = h5py.SoftLink("/b")
    with h5py.File("deep.h5", "w") as file:
        file.create_group("/".join("a" * 3000))  # HDF5 itself visits a group in a group by a call in a call
    with h5py.File("twice.h5", "w") as file:
        group = file
        for _ in range(60):
            group["b"] = group.create_group("a")
            group = group["a"]
    with h5py.File("chain.h5", "w") as file:  # each group is visited at the root, before the one that has it too
        for i in range(99):
            file.create_group(f"g{i:02}")
            if i:
                file[f"g{i:02}/n"] = file[f"g{i - 1:02}"]
    with h5py.File("virtual.h5", "w", libver="latest") as file:
        layout = h5py.VirtualLayout((3,), "float32")
        layout[:] = h5py.VirtualSource("m.keras", "x", (3,))
        file.create_virtual_dataset("away", layout)
    with h5py.File("circle.h5", "w") as file:
        group = file.create_group("a")
        group["a"] = group


def test_what_is_no_model_and_no_weights(cli, bad):
    assert {command: refusal(cli, command) for command in BAD} == BAD


def test_a_group_with_two_names_is_listed_by_both(cli, tmp_path):
    with h5py.File(tmp_path / "tied.h5", "w") as file:
        for key in ("10", "9", "b"):
            file[f"a/{key}"] = np.zeros(3, "float32")
        file["z"] = file["a"]
    rows = json.loads(cli("vars", str(tmp_path / "tied.h5"), "--format", "json").out)["variables"]
    assert [row["path"] for row in rows] == ["a/9", "a/10", "a/b", "z/9", "z/10", "z/b"]


def test_quantized_layers_are_shown_with_what_they_hold(cli, tmp_path):
    from keras_parity import keras

    inputs = keras.Input((8,))
    model = keras.Model(inputs, keras.layers.Dense(4)(inputs))
    model.quantize("int8")
    file = tmp_path / "int8.keras"
    model.save(file)
    rows = json.loads(cli("vars", str(file), "--format", "json").out)["variables"]
    assert [(row["shape"], row["dtype"]) for row in rows] == [([4], "float32"), ([8, 4], "int8"), ([4], "float32")]
    done = cli("summary", str(file))
    assert (done.code, done.err) == (0, "")
    assert "int8" in done.out


def test_dtypes_of_every_stored_type_are_listed(cli, tmp_path):
    stored = ["<f4", ">f4", "<f2", ">f8", "<i2", ">i2", "<u2", "<i8", "u1", "i1", "?", "<c8", ">c16", "V2"]
    with h5py.File(tmp_path / "types.h5", "w") as file:
        for i, dtype in enumerate(stored * 2):
            file.create_dataset(f"{i}", (2,), dtype)
        file["named"] = np.dtype(">f4")
        file.create_dataset("z", (2,), file["named"])
    rows = json.loads(cli("vars", str(tmp_path / "types.h5"), "--format", "json").out)["variables"]
    names = ["bfloat16" if dtype == "V2" else np.dtype(dtype).name for dtype in stored]
    assert [row["dtype"] for row in rows] == [*names, *names, "float32"]
