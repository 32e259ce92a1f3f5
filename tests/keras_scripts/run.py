"""Execute the scripts of this folder, with Keras or with layercli in its place, and collect their ``results``.

A script is written for Keras; the lines that import ``keras`` are all that is changed for layercli.
``KERAS_BACKEND=torch python -m tests.keras_scripts.run FILE [NAME ...]`` writes what Keras answers to a JSON file.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path

import numpy as np

__all__ = ["NAMES", "digest", "execute"]

FOLDER = Path(__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in ("__init__", "run", "weights"))


def digest(name):
    """Return a digest of a script and of the weights that it is given."""
    sources = [(FOLDER / f"{each}.py").read_bytes() for each in (name, "weights")]
    return hashlib.sha256(b"".join(sources)).hexdigest()[:16]


def execute(name, keras="keras"):
    """Execute a script with ``keras`` imported from the module of that name, and return its results as numbers."""
    path = FOLDER / f"{name}.py"
    source = re.sub(r"(?m)^import keras$", f"import {keras} as keras", path.read_text())
    source = re.sub(r"(?m)^from keras\b", f"from {keras}", source)
    namespace = {"__name__": f"script_{name}"}
    exec(compile(source, str(path), "exec"), namespace)
    return {key: plain(value) for key, value in namespace["results"].items()}


def plain(value):
    """Return lists of numbers and texts: six digits are more than two orders of summation agree on."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, str):
        return value
    value = value.detach().cpu() if hasattr(value, "detach") else value
    array = np.asarray(value)
    if array.dtype.kind == "f":
        array = np.vectorize(lambda each: float(f"{each:.7g}"), otypes=[float])(array) if array.size else array
    return array.tolist()


def main(file, *names):
    answers = {name: {"digest": digest(name), "results": execute(name)} for name in names or NAMES}
    Path(file).write_text(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
