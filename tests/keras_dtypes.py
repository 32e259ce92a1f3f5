"""Dtypes of results, by expression and by the dtypes of its tensors, as Keras on torch gives them: tests/reference/dtypes.json.

``KERAS_BACKEND=torch python -m tests.keras_dtypes`` asks Keras again for every expression that stands there.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import torch

RECORD = Path(__file__).parent / "reference" / "dtypes.json"

ALONE = ["bool", "int8", "uint8", "int32", "int64", "float16", "bfloat16", "float32"]
PAIRS = [
    ("bool", "int8"), ("bool", "int32"), ("bool", "float16"), ("uint8", "int8"), ("int8", "int32"), ("int32", "int8"),
    ("int32", "int64"), ("int32", "float16"), ("float16", "bfloat16"), ("float16", "float32"), ("int64", "float32"),
]  # fmt: skip
VALUES = torch.tensor([[1, 2, 2], [2, 1, 1], [2, 1, 2]])


def tensor(dtype, values=VALUES):
    """Return the values in the dtype."""
    return values.to(getattr(torch, dtype))


def environments(kind):
    """Return the names that the expressions of a kind use, once for each case: x and m, x beside y or z (no axes), or none."""
    if kind == "alone":
        return [{"x": tensor(d), "m": tensor(d, torch.eye(3) * 4)} for d in ALONE]
    if kind == "pairs":
        return [{"x": tensor(a), "y": tensor(b), "z": tensor(b)[0, 0]} for a, b in PAIRS]
    return [{}]


def dtype_of(ops, expression, names):
    """Return the dtypes of the results of an expression: names joined by commas; - where it raises."""
    try:
        found = eval(expression, {"np": np, **{name: getattr(ops, name) for name in dir(ops)}, **names})
    except Exception:
        return "-"
    several = found if type(found) in (tuple, list) else [found]
    return ",".join(str(getattr(each, "dtype", type(each).__name__)).removeprefix("torch.") for each in several)


def answers(ops, kind, expressions, change=lambda names: names):
    """Return, for each expression, the dtypes of its cases in one line."""
    cases = [change(names) for names in environments(kind)]
    return {each: " ".join(dtype_of(ops, each, names) for names in cases) for each in expressions}


def main():
    """Ask Keras for every expression that is recorded."""
    import keras

    warnings.simplefilter("ignore")
    recorded = json.loads(RECORD.read_text())
    found = {kind: answers(keras.ops, kind, expressions) for kind, expressions in recorded.items()}
    RECORD.write_text(json.dumps(found, indent=0) + "\n")


if __name__ == "__main__":
    main()
