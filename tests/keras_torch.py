"""Keras on torch, asked in a process of its own: in those of the tests Keras runs on JAX."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def on_torch(code):
    """Return what ``found`` is after the statements ``code``, as JSON has it."""
    lines = f"import json; {code}; print(); print(json.dumps(found))"
    env = {**os.environ, "KERAS_BACKEND": "torch", "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-c", lines], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
