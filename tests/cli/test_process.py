"""Leaving a process that torch is in: quickly, and with nothing lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

NET = """
import atexit, threading, time
from torch import nn

class Net(nn.Identity):
    def __init__(self):
        super().__init__()
        atexit.register(lambda: open("left", "w").write("yes"))
        threading.Thread(target=lambda: (time.sleep(0.3), open("ended", "w").write("yes"))).start()
"""


def test_exit_functions_and_threads_of_a_model_end_first(tmp_path, monkeypatch, warm):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET)
    for name, more, code in (("run", "--output=-", 0), ("compare", "--with=cpu", 0), ("run", "--device=gpu", 2)):
        process = warm.start([name, "net.py:Net", "--input-shape", "2,3", "--device", "cpu", more])
        out, err = process.written()
        assert process.returncode == code, err
        assert out.startswith(b"\x93NUMPY") == (more == "--output=-")
        for file in ("left", "ended"):
            assert (tmp_path / file).read_text() == "yes"
            (tmp_path / file).unlink()


SCRIPT = """
import argparse, os
parser = argparse.ArgumentParser()
parser.add_argument("--units", default=3, type=int)
units = parser.parse_args().units
os.write(1, b"from C code\\n")
os.system("echo from a child")
from layercli import layers
net = layers.Dense(units)
"""


def test_a_script_reads_no_arguments_of_ours_and_what_it_writes_is_no_data(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "layercli", "summary", "script.py:net", "--input-shape", "2,4", "-f", "json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert json.loads(done.stdout)["totals"]["parameters"] == 15
    assert done.stderr == "from C code\nfrom a child\n"


@pytest.mark.parametrize("rank", [0, 1])
def test_of_the_ranks_that_torchrun_ends_only_the_first_prints(rank):
    code = "import os; from layercli.cli import distributed; distributed.notice_the_end(); os.kill(os.getpid(), 15)"
    job = {"TORCHELASTIC_RUN_ID": "1", "RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "localhost"}
    ended = subprocess.run([sys.executable, "-c", code], env=os.environ | job, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: another rank exited") if rank == 0 else ended.stderr == ""
