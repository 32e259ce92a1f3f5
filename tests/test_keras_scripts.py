"""Scripts for Keras, as in its guides and examples: with layercli imported as ``keras`` they give what Keras does on torch.

tests/reference/scripts.json holds Keras's results. ``--live`` asks Keras again, in one process for all scripts, and compares with
what is recorded; ``--record`` writes what was missing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from tests.keras_scripts import run

FILE = Path(__file__).parent / "reference" / "scripts.json"
ROOT = Path(__file__).parent.parent
TOLERANCE = 2e-4  # of the scale: a few steps of Adam, whose first divides gradients by themselves


@pytest.fixture(scope="module")
def recorded(request, tmp_path_factory):
    """Return Keras's results by script."""
    options, known = request.config.option, json.loads(FILE.read_text()) if FILE.exists() else {}
    if not (options.live or options.record):
        return known
    file = tmp_path_factory.mktemp("keras") / "scripts.json"
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    command = [sys.executable, "-W", "ignore", "-m", "tests.keras_scripts.run", str(file)]
    subprocess.run(command, check=True, env=environment, cwd=ROOT)
    live = json.loads(file.read_text())
    for name in run.NAMES:
        if known.get(name, {}).get("digest") == live[name]["digest"]:
            compare(known[name]["results"], live[name]["results"], f"the record of {name}")
            live[name] = known[name]
    if options.record:
        FILE.write_text(json.dumps(live, separators=(",", ":"), sort_keys=True) + "\n")
    return live


@pytest.mark.parametrize("name", run.NAMES)
def test_the_results_are_those_of_keras(name, recorded):
    assert recorded.get(name, {}).get("digest") == run.digest(name), "not recorded: make record"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = run.execute(name, "layercli")
    compare(found, recorded[name]["results"], name)


def compare(found, wanted, where):
    """Assert that results are equal, and numbers within TOLERANCE of the largest."""
    if isinstance(wanted, dict):
        assert sorted(found) == sorted(wanted), where
        for key, each in wanted.items():
            compare(found[key], each, f"{where}: {key}")
    elif numeric(wanted):
        got, want = np.asarray(found, "float64"), np.asarray(wanted, "float64")
        assert got.shape == want.shape, where
        scale = np.abs(want).max(initial=1e-6)
        np.testing.assert_allclose(got / scale, want / scale, rtol=0, atol=TOLERANCE, err_msg=where)
    elif isinstance(wanted, list):
        assert len(found) == len(wanted), where
        for index, (a, b) in enumerate(zip(found, wanted, strict=True)):
            compare(a, b, f"{where}[{index}]")
    else:
        assert found == wanted, where


def numeric(value):
    """Return whether a value is a number or nested lists of numbers of one shape."""
    try:
        return np.asarray(value).dtype.kind in "biuf"
    except ValueError:
        return False
