"""Files of recorded answers: one a test module, every array of a type in one run of values, the rest as JSON."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from pathlib import Path

import numpy as np

__all__ = ["Damaged", "NotData", "Records", "plain"]

FOLDER = Path(__file__).parent / "reference"


class NotData(Exception):
    """A value that a file of records cannot hold."""


class Damaged(Exception):
    """A file of records that does not hold what was written."""


def plain(value):
    """Return what ``value`` of Keras's or JAX's holds as NumPy arrays, numbers, texts and lists of them."""
    if value is None or type(value) in (bool, int, float, complex, str):
        return value
    if isinstance(value, tuple | list):
        return type(value)(map(plain, value)) if type(value) in (tuple, list) else tuple(map(plain, value))
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, np.dtype):
        return value
    if isinstance(value, np.ndarray | np.generic) or hasattr(value, "__array__"):
        array = np.asarray(value)
        if array.dtype != object:
            return array
    raise NotData(type(value).__name__)


class Records:
    """The recorded answers of one test module: by key, each decoded when it is looked up."""

    def __init__(self, name):
        self.path = FOLDER / f"{name}.npz"
        self.answers, self.runs = read(self.path) if self.path.exists() else ({}, {})
        self.used, self.new = set(), {}

    def __contains__(self, key):
        return key in self.new or key in self.answers

    def __getitem__(self, key):
        self.used.add(key)
        return self.new[key] if key in self.new else decoded(self.answers[key], self.runs)

    def add(self, key, value):
        self.new[key] = value

    def save(self, whole):
        """Write what is new beside what is there; if ``whole``, the module ran whole, nothing that it did not ask for."""
        FOLDER.mkdir(exist_ok=True)
        with open(self.path.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            answers, runs = read(self.path) if self.path.exists() else ({}, {})
            kept = {key: decoded(answer, runs) for key, answer in answers.items() if not whole or key in self.used}
            if kept.keys() != answers.keys() or self.new.keys() - kept.keys():
                write(self.path, {**kept, **self.new})
            os.unlink(lock.name)


def write(path, values):
    """Write ``values`` by key, the arrays of each type as one."""
    runs, answers = {}, {}
    for key in sorted(values):
        answers[key] = encoded(values[key], runs)
    arrays = {name: np.concatenate([part for _, part in run.values()]) for name, run in runs.items()}
    text = json.dumps(answers, separators=(",", ":")).encode()
    arrays["answers"] = np.frombuffer(text, "uint8")
    arrays["digest"] = np.frombuffer(digest_of(arrays), "uint8")
    part = path.with_suffix(f".{os.getpid()}.npz")
    np.savez_compressed(part, **arrays)
    part.replace(path)


def read(path):
    """Return the encoded answers of a file and its runs of values; one that was changed is refused."""
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        written = arrays.pop("digest").tobytes()
        intact = written == digest_of(arrays)
    except Exception as error:
        raise Damaged(f"{path} is damaged: remove it, and record it anew with pytest --record") from error
    if not intact:
        raise Damaged(f"{path} is damaged: remove it, and record it anew with pytest --record")
    return json.loads(arrays.pop("answers").tobytes()), arrays


def digest_of(arrays):
    found = hashlib.sha256()
    for name in sorted(arrays):
        found.update(f"{name} {arrays[name].dtype} {arrays[name].size};".encode() + arrays[name].tobytes())
    return found.digest()


def encoded(value, runs):
    """Return ``value`` as JSON; arrays go to the run of their type, equal ones once, and their place there is what is left."""
    if value is None or type(value) in (bool, str):
        return value
    if type(value) in (int, float, complex):
        return {type(value).__name__: repr(value)}
    if isinstance(value, tuple | list):
        return {type(value).__name__: [encoded(each, runs) for each in value]}
    if isinstance(value, dict):
        return {"dict": [[encoded(key, runs), encoded(each, runs)] for key, each in value.items()]}
    if isinstance(value, np.dtype):
        return {"dtype": str(value)}
    if isinstance(value, np.generic):
        value = np.asarray(value)
    name = str(value.dtype)
    flat = np.ascontiguousarray(value).reshape(-1)
    stored = flat.view(f"uint{8 * flat.itemsize}") if value.dtype.kind == "V" or name == "bfloat16" else flat
    run = runs.setdefault(name, {})
    if (values := stored.tobytes()) not in run:
        run[values] = sum(len(part) for _, part in run.values()), stored
    return {"array": [name, run[values][0], list(value.shape)]}


def decoded(answer, runs):
    """Return the value that ``encoded`` made ``answer`` of."""
    if not isinstance(answer, dict):
        return answer
    ((kind, held),) = answer.items()
    if kind in ("int", "float", "complex"):
        return {"int": int, "float": float, "complex": complex}[kind](held)
    if kind in ("tuple", "list"):
        return (tuple if kind == "tuple" else list)(decoded(each, runs) for each in held)
    if kind == "dict":
        return {decoded(key, runs): decoded(each, runs) for key, each in held}
    if kind == "dtype":
        return dtype_of(held)
    name, place, shape = held
    size = int(np.prod(shape, dtype=int))
    return runs[name][place : place + size].view(dtype_of(name)).reshape(shape).copy()


def dtype_of(name):
    if name == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name)
