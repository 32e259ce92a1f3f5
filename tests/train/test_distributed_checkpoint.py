"""A folder of checkpoints: what is in it and is none is neither followed nor removed, and one process writes it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import numpy as np
import pytest

from layercli import Input, Sequential, distributed, layers
from layercli.cli.main import run
from layercli.errors import FormatError
from layercli.formats.locks import lock_of


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def net(value):
    model = Sequential([Input((2,)), layers.Dense(1)], name="net")
    model.set_weights([np.full((2, 1), value, "float32"), np.zeros(1, "float32")])
    return model


def held(path):
    model = net(0.0)
    distributed.load(model, path)
    return float(model.get_weights()[0][0, 0])


def test_links_and_names_that_are_no_numbers_are_no_checkpoints(folder):
    distributed.save(net(1.0), "out")
    (folder / "victim").mkdir()
    (folder / "victim" / "kept").write_bytes(b"mine")
    (folder / "out" / "00000009").symlink_to("../victim")
    (folder / "out" / ".writing").symlink_to("../victim")
    for name in ("²", "9", "00000009.old", "٠٠٠٠٠٠٠٩"):
        (folder / "out" / name).mkdir()
    assert held("out") == 1.0
    distributed.save(net(2.0), "out")
    assert held("out") == 2.0
    assert os.listdir("victim") == ["kept"]
    assert [name for name in sorted(os.listdir("out")) if name.isascii() and name.isdigit()] == [
        "00000002",
        "00000009",
        "9",
    ]


def test_a_checkpoint_has_the_permissions_of_the_one_before(folder):
    distributed.save(net(1.0), "deep/er/out")
    (folder / "deep/er/out/00000001").chmod(0o700)
    distributed.save(net(2.0), "deep/er/out")
    assert stat.S_IMODE((folder / "deep/er/out/00000002").stat().st_mode) == 0o700
    assert os.listdir("deep/er") == ["out"]


def test_a_folder_without_a_checkpoint_is_said(folder):
    (folder / "out" / "00000001.tmp").mkdir(parents=True)
    with pytest.raises(FormatError) as raised:
        held("out")
    assert str(raised.value) == "out holds no checkpoint"


HOLDER = """
import sys
from layercli.formats.locks import locked
with locked(sys.argv[1]):
    print("ready", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("target", ["m.keras", "m.safetensors", "out/"])
def test_one_process_trains_to_a_target(folder, capsys, target):
    np.savez("d.npz", x=np.ones((4, 2), "float32"), y=np.ones((4, 2), "float32"))
    command = f"fit linear-regression --input-shape B,2 --data d.npz --loss mse --device cpu --save {target}".split()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, target], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "ready\n"
        code, said = run(command), capsys.readouterr()
        assert (code, said.out) == (2, "")
        assert f"error: {target} is being written by process {holder.pid}\n" in said.err
        assert sorted(os.listdir()) == sorted(["d.npz", lock_of(target).name])
        holder.communicate("\n")
    assert run(command) == 0
    assert sorted(os.listdir()) == sorted(["d.npz", target.rstrip("/")])
