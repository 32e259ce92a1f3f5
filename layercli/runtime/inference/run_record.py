"""Records of runs for reproduction: what was run, with which versions, and the hashes of inputs and outputs."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from layercli.core import tree
from layercli.core.text import is_text
from layercli.core.types import JSONObject, TensorTree
from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.formats.atomic import replacing
from layercli.formats.os_errors import check_regular, reading
from layercli.formats.strict_json import parse
from layercli.runtime.inference.model_inputs import Request
from layercli.runtime.inference.prepared_model import PreparedModel, RunSettings
from layercli.version import __version__

SCHEMA = "layercli.repro/1"


@dataclass(frozen=True)
class Plan:
    """What to run: the model with its arguments, its inputs, and the run settings."""

    model: str
    set: list[str]
    request: Request
    settings: RunSettings
    config: str | None = None
    """The JSON file with the config for a class or factory in Python."""


@dataclass(frozen=True)
class Record:
    """A plan that was run: versions, and the SHA-256 of the weight file, of each input and of each output."""

    plan: Plan
    versions: dict[str, str]
    weights: str | None
    inputs: list[str]
    outputs: dict[str, str]

    def to_json(self) -> JSONObject:
        """Return the record as JSON data."""
        return {"schema": SCHEMA, **asdict(self)}


@dataclass(frozen=True)
class Verdict:
    """The result of comparing a run with its record."""

    same_inputs: bool
    bit_equal: bool
    changed: list[str]

    def to_json(self) -> JSONObject:
        """Return the verdict as JSON data."""
        return asdict(self)


def record(plan: Plan, program: PreparedModel, inputs: TensorTree, outputs: dict[str, np.ndarray]) -> Record:
    """Return the record of a plan that was run, with the device and the threads it used."""
    settings = replace(plan.settings, device=str(program.device), threads=torch.get_num_threads())
    given = plan.settings.weights or (plan.model if os.path.isfile(plan.model) else None)
    return Record(
        replace(plan, settings=settings),
        versions(program.device),
        None if given is None else hash_of_file(given),
        [hash_of(np.asarray(x)) for x in tree.flatten(inputs)],
        {name: hash_of(array) for name, array in outputs.items()},
    )


def versions(device: torch.device) -> dict[str, str]:
    """Return the versions that results depend on."""
    processor = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "layercli": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "processor": processor,
        "capability": torch.backends.cpu.get_cpu_capability(),
    }


def hash_of(array: np.ndarray) -> str:
    """Return the SHA-256 of an array's dtype, shape and values."""
    digest = hashlib.sha256(f"{array.dtype.name}{array.shape}".encode())
    digest.update(json.dumps(array.tolist()).encode() if is_text(array) else np.ascontiguousarray(array).data)
    return digest.hexdigest()


def hash_of_file(path: str) -> str:
    """Return the SHA-256 of a file."""
    with reading(Path(path)), open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def compare(before: Record, now: Record) -> Verdict:
    """Return how a run compares with the recorded run ``before``."""
    changed = [
        f"{name} {now.versions.get(name)} (recorded: {value})"
        for name, value in before.versions.items()
        if now.versions.get(name) != value
    ]
    same = (before.inputs, before.weights) == (now.inputs, now.weights)
    return Verdict(same, before.outputs == now.outputs, changed)


def save(path: str | os.PathLike[str], found: Record) -> None:
    """Write a record as JSON, atomically."""
    with replacing(path) as stream:
        stream.write((json.dumps(found.to_json(), indent=2) + "\n").encode())


def load(path: str | os.PathLike[str]) -> Record:
    """Return the record in a file; FormatError if it does not hold one."""
    file = Path(path)
    check_regular(file)
    with reading(file):
        raw = file.read_bytes()
    try:
        document = parse(file, raw, "content")
    except FormatError:
        document = None
    if not isinstance(document, dict) or document.pop("schema", None) != SCHEMA:
        raise FormatError(f"{file} is not a record of a run", hint="layercli run MODEL --record FILE.json writes one")
    try:
        plan = document.pop("plan")
        request = checked(Request, {"texts": [], "arguments": [], **plan.pop("request")})  # older ones lack them
        settings = checked(RunSettings, {"offload": False, "shard": False, **plan.pop("settings")})
        made: Record = checked(
            Record,
            {**document, "plan": checked(Plan, {"config": None, **plan, "request": request, "settings": settings})},
        )
        return made
    except (KeyError, TypeError, AttributeError):
        raise FormatError(f"{file} is a damaged record of a run") from None


KINDS: dict[str, Any] = {
    "str": str, "str | None": (str, type(None)), "int": int, "int | None": (int, type(None)), "bool": bool,
    "list[str]": list, "Sequence[str]": list, "dict[str, str]": dict,
    "Request": Request, "RunSettings": RunSettings, "Plan": Plan,
}  # fmt: skip


def checked(cls: Any, values: dict[str, object]) -> Any:
    """Return ``cls`` of ``values``; TypeError if one is missing, unknown or of the wrong type."""
    made = cls(**values)
    for field in fields(cls):
        value = getattr(made, field.name)
        inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
        if field.name not in values or not isinstance(value, KINDS[str(field.type)]):
            raise TypeError(field.name)
        if not all(isinstance(item, str) for item in inner):
            raise TypeError(field.name)
    return made
