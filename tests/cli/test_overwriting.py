"""A model and a result that exist are not written over without ``--force``; pictures and pages are drawn anew."""

from pathlib import Path

import numpy as np
import pytest

from layercli.formats.safetensors import save

FIT = "fit linear-regression --input-shape B,2 --data d.npz --loss mse --device cpu"
WRITERS = [
    ("run linear-regression --input-shape 1,2 --fill ones --device cpu --output y.npy", "y.npy"),
    ("run linear-regression --input-shape 1,2 --fill ones --device cpu --record r.json", "r.json"),
    ("diff a.safetensors b.safetensors --write-rename rules.txt", "rules.txt"),
    ("convert a.safetensors c.npz", "c.npz"),
    (f"{FIT} --save m.safetensors", "m.safetensors"),
    (f"{FIT} --save m.keras", "m.keras"),
]


@pytest.mark.parametrize(("command", "target"), WRITERS)
def test_a_file_that_exists_is_kept(cli, tmp_path, monkeypatch, command, target):
    monkeypatch.chdir(tmp_path)
    np.savez("d.npz", x=np.ones((4, 2), "float32"), y=np.ones((4, 2), "float32"))
    save("a.safetensors", {"w": np.ones(2, "float32")})
    save("b.safetensors", {"m.w": np.ones(2, "float32")})
    Path(target).write_text("mine")
    done = cli(f"-q {command}")
    resumes = "--resume continues it, " if target == "m.keras" else ""
    assert (done.code, done.out) == (2, "")
    assert done.err == f"error: {target} exists already\nhint: {resumes}--force overwrites it\n"
    assert Path(target).read_text() == "mine"
    assert cli(f"-q {command} --force").code == 0
    assert Path(target).read_bytes()[:4] != b"mine"


@pytest.mark.parametrize("command", ["plot mlp -o {}/m.svg", "report mlp -o {}/m.html"])
def test_a_picture_is_drawn_anew(cli, tmp_path, command):
    made = command.format(tmp_path)
    assert cli(f"-q {made}").code == 0
    (file,) = tmp_path.iterdir()
    first = file.read_bytes()
    file.write_text("old")
    assert cli(f"-q {made}").code == 0
    assert file.read_bytes() == first


def test_training_goes_on_in_the_file_that_is_named_as_the_model(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("d.npz", x=np.ones((4, 2), "float32"), y=np.ones((4, 2), "float32"))
    assert cli(f"-q {FIT} --save m.keras").code == 0
    before = Path("m.keras").read_bytes()
    assert cli("-q fit m.keras --data d.npz --save ./m.keras").code == 0
    assert Path("m.keras").read_bytes() != before


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("diff a b --force", "--force writes over a file that exists: --write-rename says which"),
        (f"{FIT} --force", "--force writes over a file that exists: --save says which"),
    ],
)
def test_force_without_a_file_is_refused(cli, command, error):
    done = cli(command)
    assert (done.code, done.out, done.err) == (2, "", f"error: {error}\n")
