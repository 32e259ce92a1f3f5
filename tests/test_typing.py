"""mypy and pyright accept the calls that work and refuse those that do not: see typing_tests/.

Both find layercli where it is installed, as for any other project: here that is an editable installation.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "typing_tests"
REFUSED = sorted(FOLDER.glob("refused_*.py"))


def expected():
    """Return (file, line, code) of every error that the scripts announce."""
    return [
        (path.name, number, found[1])
        for path in REFUSED
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (found := re.search(r"# expect: (\S+)$", line))
    ]


def test_mypy(tmp_path):
    pytest.importorskip("mypy", reason="mypy comes with layercli[check]")
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file",
        str(FOLDER / "mypy.ini"),
        "--no-error-summary",
        str(FOLDER),
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    pattern = r"^.*[/\\](\S+):(\d+): error: .*\[(\S+)\]$"
    reported = [re.match(pattern, line) for line in run.stdout.splitlines() if ": error:" in line]
    assert all(reported), run.stdout
    assert sorted((m[1], int(m[2]), m[3]) for m in reported) == expected(), run.stdout + run.stderr


def test_pyright(tmp_path):
    pytest.importorskip("basedpyright", reason="basedpyright comes with layercli[check]")
    command = [sys.executable, "-m", "basedpyright", "-p", str(FOLDER), "--pythonpath", sys.executable, "--outputjson"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    found = json.loads(run.stdout)["generalDiagnostics"]
    reported = [(Path(each["file"]).name, each["range"]["start"]["line"] + 1) for each in found]
    assert sorted(reported) == [(name, line) for name, line, _ in expected()], run.stdout
