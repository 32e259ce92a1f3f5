"""``layercli run --record`` and ``--replay``: the same again, bit for bit."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest


@pytest.fixture
def recorded(cli, tmp_path, monkeypatch):
    """A run that was written down, as JSON."""
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.random.default_rng(0).standard_normal((3, 784)).astype("float32"))
    done = cli("run mlp --set hidden=8 --input x.npy --seed 5 --device cpu --dtype float64 --record run.json")
    assert (done.code, done.err) == (0, "wrote run.json\n")
    return json.loads((tmp_path / "run.json").read_text())


def again(cli):
    done = cli("run --replay run.json --format json")
    return done.code, json.loads(done.out)["reproduction"]


def test_the_same_again_is_bit_equal(cli, recorded):
    assert recorded["plan"]["model"] == "mlp"
    assert recorded["plan"]["settings"]["device"] == "cpu"
    assert again(cli) == (0, {"same_inputs": True, "bit_equal": True, "changed": []})


def test_another_input_is_noticed(cli, recorded):
    np.save("x.npy", np.zeros((3, 784), "float32"))
    assert again(cli) == (1, {"same_inputs": False, "bit_equal": False, "changed": []})


def test_another_version_is_named(cli, recorded, tmp_path):
    recorded["versions"]["numpy"] = "0.1"
    (tmp_path / "run.json").write_text(json.dumps(recorded))
    assert again(cli) == (
        0,
        {"same_inputs": True, "bit_equal": True, "changed": [f"numpy {np.__version__} (recorded: 0.1)"]},
    )
    assert (
        f"Changed since:       numpy {np.__version__} (recorded: 0.1)\nBit-equal:           yes\n"
        in cli("run --replay run.json --format plain").out
    )


def test_one_bit_is_enough(cli, recorded, tmp_path):
    recorded["plan"]["settings"]["seed"] = 6
    (tmp_path / "run.json").write_text(json.dumps(recorded))
    assert again(cli) == (1, {"same_inputs": True, "bit_equal": False, "changed": []})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("plan"), "run.json is a damaged record of a run"),
        (lambda d: d["plan"]["settings"].update(seed="5"), "run.json is a damaged record of a run"),
        (lambda d: d["plan"]["request"].update(files=[1]), "run.json is a damaged record of a run"),
        (lambda d: d["plan"].update(more=1), "run.json is a damaged record of a run"),
        (lambda d: d["plan"]["request"].pop("cast"), "run.json is a damaged record of a run"),
        (lambda d: d.update(schema="x"), "run.json is not a record of a run"),
    ],
)
def test_a_damaged_record_is_refused(cli, recorded, tmp_path, change, message):
    change(recorded)
    (tmp_path / "run.json").write_text(json.dumps(recorded))
    done = cli("run --replay run.json")
    assert (done.code, done.out, done.err.splitlines()[0]) == (2, "", f"error: {message}")


def test_a_pipe_is_not_waited_for(cli, tmp_path):
    os.mkfifo(tmp_path / "run.json")
    done = cli("run", "--replay", str(tmp_path / "run.json"))
    assert (done.code, done.err) == (2, f"error: {tmp_path / 'run.json'} is not a regular file\n")


def test_one_model_is_run_and_nothing_overwritten(cli, recorded):
    assert (
        cli("run mlp --replay run.json").err
        == "error: --replay run.json says which model to run: unexpected model mlp\n"
    )
    assert cli("run").err == "error: missing argument 'MODEL'\nhint: as in: layercli run resnet-block\n"
    assert cli("run mlp --record run.json").err == "error: run.json exists already\nhint: --force overwrites it\n"


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ("--input x.npy", "--input"), ("--seed 0", "--seed"), ("--dtype float32", "--dtype"), ("--set hidden=4", "--set"),
        ("--fill zeros", "--fill"), ("--device auto", "--device"), ("--compile", "--compile"), ("--at T=3", "--at"),
    ],
)  # fmt: skip
def test_a_record_is_not_run_in_another_way(cli, recorded, words, option):
    done = cli(f"run --replay run.json {words}")
    sentence = f"error: --replay run.json says how to run it: unexpected {option}\n"
    assert (done.code, done.out, done.err) == (2, "", sentence)
    assert cli("run --replay run.json --output y.npy --check").code == 0


@pytest.mark.parametrize(
    ("words", "both"),
    [
        ("--output a.npy --record a.npy", "--output and --record would both write a.npy"),
    ],
)
def test_one_file_is_not_written_twice(cli, recorded, words, both):
    done = cli(f"run mlp --device cpu {words}")
    assert (done.code, done.out, done.err) == (2, "", f"error: {both}\n")


NET = """
from pathlib import Path

from layercli import Sequential, layers

Path("imported").touch()


def net():
    return Sequential([layers.Dense(2, name="dense")], name="net")
"""


def test_a_record_never_says_which_python_is_executed(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_net.py").write_text(NET)
    assert cli("run own_net.py:net --input-shape 1,3 --device cpu --record run.json").code == 0
    (tmp_path / "imported").unlink()
    refused = (
        "error: run.json names own_net.py:net, and a file never says which Python is executed\n"
        "hint: name the model again if you trust it: layercli run own_net.py:net --replay run.json\n"
    )
    done = cli("run --replay run.json")
    assert (done.code, done.out, done.err) == (2, "", refused)
    done = cli("run own_net.py:other --replay run.json")
    assert (done.code, done.err) == (
        2,
        "error: run.json is the record of a run of own_net.py:net, not of own_net.py:other\n",
    )
    assert not (tmp_path / "imported").exists()
    done = cli("run own_net.py:net --replay run.json --format json")
    assert (done.code, json.loads(done.out)["reproduction"]["bit_equal"]) == (0, True)


@pytest.mark.parametrize("model", ["os:system", "evil.py:run", "subprocess:getoutput", "evil:run", ":", "a:b:c"])
def test_no_record_runs_a_command(cli, recorded, tmp_path, model):
    (tmp_path / "evil.py").write_text("open('owned', 'w')\n\n\ndef run(command='touch owned'): ...\n")
    recorded["plan"] |= {"model": model, "set": ["command=touch owned"]}
    (tmp_path / "run.json").write_text(json.dumps(recorded))
    done = cli("run --replay run.json")
    sentence = f"error: run.json names {model}, and a file never says which Python is executed"
    assert (done.code, done.out, done.err.splitlines()[0]) == (2, "", sentence)
    assert not (tmp_path / "owned").exists()
