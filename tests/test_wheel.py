"""Installed as a wheel into a clean environment and started from another folder, everything works."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

import layercli

SOURCE = Path(layercli.__file__).parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Return the python of an environment in which the wheel is installed, the packages it needs being borrowed."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    copy = folder / "source"  # another worker may be building at the same time
    for name in ("layercli", "models"):
        shutil.copytree(SOURCE / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(SOURCE / name, copy / name)
    how = ["--no-deps", "--no-build-isolation"]  # the installation of the project itself builds with what it fetches
    subprocess.run([*pip, "wheel", *how, "--wheel-dir", folder, copy], check=True, capture_output=True)
    [wheel] = folder.glob("layercli-*.whl")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run(
        [*pip, "--python", python, "install", "--no-deps", "--no-compile", wheel], check=True, capture_output=True
    )
    [site] = (folder / "venv" / "lib").glob("python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


@pytest.fixture
def elsewhere(tmp_path):
    """Return a folder with a ``models`` package of the user's own."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").write_text("raise RuntimeError('the user's models were imported')\n")
    (tmp_path / "net.py").write_text(
        "from layercli import Model, layers\n\n\n"
        "class Net(Model):\n"
        "    units: int = 8\n\n"
        "    def setup(self):\n"
        "        self.dense = layers.Dense(self.units)\n\n"
        "    def call(self, inputs):\n"
        "        return self.dense(inputs)\n"
    )
    return tmp_path


def run(python, folder, *args):
    done = subprocess.run([python, *args], cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_it_is_the_wheel_that_runs(installed, elsewhere):
    where = run(
        installed, elsewhere, "-c", "import layercli.models; print(layercli.__file__, layercli.models.__file__)"
    )
    assert all(str(installed.parent.parent) in path for path in where.split())


@pytest.mark.parametrize("how", ["script", "module"])
def test_commands(installed, elsewhere, how):
    start = [installed.parent / "layercli"] if how == "script" else [installed, "-m", "layercli"]
    out = run(start[0], elsewhere, *start[1:], "summary", "resnet-block", "--format", "json")
    assert json.loads(out)["totals"]["parameters"] == 41
    out = run(start[0], elsewhere, *start[1:], "summary", "net.py:Net", "--set", "units=64", "--input-shape", "32,100")
    assert "dense (Dense)  (32, 64)           6,464" in out
    assert "resnet50" in run(start[0], elsewhere, *start[1:], "models")
    assert "output" in run(start[0], elsewhere, *start[1:], "run", "my-dense", "--device", "cpu")


def test_the_types_are_shipped(installed):
    [marker] = (installed.parent.parent / "lib").glob("python*/site-packages/layercli/py.typed")
    assert marker.read_text() == ""
