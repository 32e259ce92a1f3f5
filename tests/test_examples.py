"""The scripts in examples/ run, and do what their first lines say."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent / "examples"


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_custom_layer(capsys):
    load("custom_layer").main()
    out = capsys.readouterr().out
    assert "(2, 4) ['scaled_dense/kernel']" in out
    assert "4,640" in out  # two kernels of 3 * 3 * 16 * 16 and two biases of 16


def test_train_and_save(tmp_path, capsys):
    losses, same = load("train_and_save").main(tmp_path / "model.keras")
    assert same
    assert losses[-1] < losses[0]


def test_two_processes_train_together():
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(EXAMPLES / "distributed_training.py")], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 processes, loss ")


def test_gates_for_ci():
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", str(EXAMPLES / "ci_gates.sh"), "mlp"], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert "same: every module and operation" in done.stdout
