"""An ``.onnx`` file as a module, run by onnxruntime (an optional extra)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from ctypes import string_at
from pathlib import Path
from typing import Any

import numpy as np
import torch

from layercli.core.spec import Spec
from layercli.core.symbolic_dim import UNKNOWN
from layercli.core.text import STRING, is_text, text_array
from layercli.dataclass import dataclass
from layercli.errors import DeviceError, FormatError, MissingPackageError
from layercli.formats.onnx import load
from layercli.formats.os_errors import reading
from layercli.inspect.onnx.symbolic_dims import Names
from layercli.inspect.onnx.training_mode import training_notes
from layercli.runtime.execution import tensors
from layercli.runtime.execution.graph_module import GraphModule, refused, unreadable
from layercli.runtime.execution.grouped_inputs import grouped

DTYPES = {
    "float": "float32", "double": "float64", "float16": "float16", "bool": "bool", "string": STRING,
    **{f"{kind}{bits}": f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
}  # fmt: skip
"""Dtypes by onnxruntime's names, limited to text and those that numpy has too."""
OTHERS = {
    "bfloat16": ("bfloat16", 16), "float8e4m3fn": ("float8_e4m3fn", 17), "float8e4m3fnuz": ("float8_e4m3fnuz", 18),
    "float8e5m2": ("float8_e5m2", 19), "float8e5m2fnuz": ("float8_e5m2fnuz", 20),
}  # fmt: skip
"""Dtypes that torch has and numpy lacks, by onnxruntime's names, with their numbers in ONNX."""
OPEN = re.compile(r"(optional\()?(seq\()?tensor\((\w+)\)+")
"""onnxruntime's name of the type of an input: a tensor, a sequence of tensors, or an optional one of them."""
OUTPUT = re.compile(r"tensor\((\w+)\)")
"""onnxruntime's name of the type of a tensor."""
OPEN_OTHER = re.compile(rf"\b({'|'.join(OTHERS)})\b")
PACKED = re.compile(r"\b(u?int[24]|float4e2m1)\b")
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


@dataclass(frozen=True)
class OnnxInput:
    """An input of a graph: a tensor, a sequence of tensors of one dtype, or an optional one of them."""

    spec: Spec
    optional: bool = False
    sequence: bool = False

    @staticmethod
    def of(file: str, x: Any, names: Names) -> OnnxInput:
        """Return the input that onnxruntime describes; FormatError unless it holds numbers."""
        found = OPEN.fullmatch(x.type)
        dtype = None if found is None else DTYPES.get(found[3]) or OTHERS.get(found[3], (None,))[0]
        if found is None or dtype is None or (found[2] and found[3] in OTHERS):
            raise FormatError(f"{file} takes {x.name} as {x.type}, which layercli has no arrays for")
        return OnnxInput(Spec(names.shape(x.shape, end=True), dtype), bool(found[1]), bool(found[2]))

    def specs(self, name: str, given: Collection[str]) -> dict[str, Spec]:
        """Return the Specs by name: of a sequence one for each entry in ``given``, whose sizes are not declared."""
        if self.sequence:
            return {each: self.spec for each in given if re.fullmatch(rf"{re.escape(name)}\.\d+", each)}
        return {} if self.optional and name not in given else {name: self.spec}

    def value(self, name: str, arrays: Mapping[str, np.ndarray]) -> Any:
        """Return what onnxruntime takes: an array, a list of the entries, or None for an optional input without a value."""
        if self.sequence:
            entries = {each.rpartition(".")[2]: x for each, x in arrays.items() if each.rpartition(".")[0] == name}
            found = grouped(name, entries)
            return (
                None
                if self.optional and not found
                else [x if is_text(x) else x.astype(self.spec.dtype, copy=False) for x in found]
            )
        return arrays.get(name)


def onnxruntime() -> Any:
    """Return the onnxruntime package; MissingPackageError names the extra that installs it."""
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise MissingPackageError(
            "running ONNX needs onnxruntime, which is not installed", hint="pip install 'layercli[onnx]'"
        ) from None
    return onnxruntime


def as_array(x: Any) -> np.ndarray:
    """Return a tensor as an array; text is one already."""
    return tensors.to_numpy(x) if isinstance(x, torch.Tensor) else x


def ort_value(x: torch.Tensor) -> Any:
    """Return a tensor as onnxruntime takes it; the bytes of dtypes that numpy lacks go as integers of their width."""
    made = onnxruntime().OrtValue
    number = next((number for dtype, number in OTHERS.values() if dtype == str(x.dtype).removeprefix("torch.")), None)
    if number is None:
        return made.ortvalue_from_numpy(as_array(x))
    whole = torch.uint16 if x.element_size() == 2 else torch.uint8
    return made.ortvalue_from_numpy_with_onnx_type(x.contiguous().cpu().view(whole).numpy(), number)


def from_ort_value(x: Any) -> Any:
    """Return a value of onnxruntime as an array, or, of a dtype that numpy lacks, as a tensor."""
    found = OPEN_OTHER.search(x.data_type())
    if found is None:
        return x.numpy() if x.is_tensor() else x
    dtype = tensors.dtype_of(OTHERS[found[1]][0])
    stored = bytearray(string_at(x.data_ptr(), x.tensor_size_in_bytes()))
    return torch.frombuffer(stored, dtype=dtype).reshape(x.shape()) if stored else torch.empty(x.shape(), dtype=dtype)


class OnnxGraph(GraphModule):
    """The graph in an ``.onnx`` file; inputs and outputs have the file's names."""

    compiles = False

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self._open(torch.device("cpu"))
        self.specs: dict[str, Spec] = {}
        ends = self._session.get_inputs()
        names = Names(x.shape for x in ends)
        self._ends = {x.name: OnnxInput.of(file, x, names) for x in ends}
        self.declare(())
        with suppress(MissingPackageError):
            self.notes = training_notes(load(Path(file)).graph)

    def declare(self, given: Collection[str]) -> None:
        """Declare the inputs: all tensors, and of sequences and optional inputs those in ``given``."""
        self.specs = {name: spec for name, end in self._ends.items() for name, spec in end.specs(name, given).items()}
        self.entries = frozenset(self.specs.keys() - self._ends.keys())

    def forward(self, *inputs: torch.Tensor) -> dict[str, Any]:
        """Return the outputs by name, tensors or arrays of text; those of the sequence ``y`` are ``y.0``, ``y.1`` and so on."""
        try:
            found = self._found(inputs)
        except Exception as error:
            raise refused(self.file, error, inputs) from error
        outputs: dict[str, Any] = {}
        for x, value in zip(self._session.get_outputs(), found, strict=True):
            if value is None:  # an optional output without a value
                continue
            parts = (
                {f"{x.name}.{i}": part for i, part in enumerate(value)} if isinstance(value, list) else {x.name: value}
            )
            outputs |= {name: self._tensor(name, part, x.type) for name, part in parts.items()}
        if not outputs:
            names = ", ".join(x.name for x in self._session.get_outputs())
            raise FormatError(f"{self.file} gives nothing for these inputs: {names} is empty")
        return outputs

    def output_specs(self) -> dict[str, Spec] | None:
        """Return the Specs of the outputs; None if one is a sequence or optional, or of a dtype that arrays do not have."""
        kinds = {x.name: (OUTPUT.fullmatch(x.type), x.shape) for x in self._session.get_outputs()}
        found = {name: (DTYPES.get(kind[1]) if kind else None, shape) for name, (kind, shape) in kinds.items()}
        if any(dtype is None for dtype, _ in found.values()):
            return None
        return {name: Spec((UNKNOWN,) * len(shape), str(dtype)) for name, (dtype, shape) in found.items()}

    def _found(self, inputs: tuple[torch.Tensor, ...]) -> list[Any]:
        """Return what the session gives: arrays, and tensors of the dtypes that numpy lacks."""
        for x in self._session.get_outputs():
            if PACKED.search(x.type):
                raise FormatError(f"{self.file} gives {x.name} as {x.type}, which layercli has no arrays for")
        if not any(OPEN_OTHER.search(x.type) for x in [*self._session.get_inputs(), *self._session.get_outputs()]):
            arrays = {name: as_array(x) for name, x in zip(self.specs, inputs, strict=True)}
            return list(self._session.run(None, {name: end.value(name, arrays) for name, end in self._ends.items()}))
        given = {name: ort_value(x) for name, x in zip(self.specs, inputs, strict=True)}
        return [from_ort_value(x) for x in self._session.run_with_ort_values(None, given)]

    def _tensor(self, name: str, value: object, kind: str) -> Any:
        """Return an output as a tensor, text as an array; FormatError for anything else."""
        if isinstance(value, torch.Tensor):
            return value
        if isinstance(value, np.ndarray) and is_text(value):
            return text_array(value)
        if not isinstance(value, np.ndarray) or value.dtype.name not in DTYPES.values():
            raise FormatError(f"{self.file} gives {name} as {kind}, which is neither an array of numbers nor text")
        return torch.from_numpy(value.view(value.dtype.name))  # torch does not know numpy's ulonglong

    def to(self, place: torch.device) -> OnnxGraph:  # type: ignore[override]  # only a device is supported
        """Move to the device; DeviceError if this onnxruntime build does not support it."""
        if self._opened_for != (place, torch.get_num_threads()):
            self._open(place)
        return self

    def _open(self, place: torch.device) -> None:
        runtime, provider = onnxruntime(), PROVIDERS[place.type]
        if provider not in runtime.get_available_providers():
            raise DeviceError(
                f"this onnxruntime cannot run on {place}", hint="pip install onnxruntime-gpu, or --device cpu"
            )
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4  # onnxruntime raises what it logs as well
        chosen = [(provider, {"device_id": place.index or 0})] if place.type == "cuda" else [provider]
        with reading(Path(self.file)):
            Path(self.file).stat()
        try:
            self._session = runtime.InferenceSession(self.file, options, providers=chosen)
        except Exception as error:
            raise unreadable(self.file, f"onnxruntime {runtime.__version__}", error) from error
        self._opened_for = place, torch.get_num_threads()
        if provider not in self._session.get_providers():  # onnxruntime silently ignores a provider that it cannot load
            raise DeviceError(f"onnxruntime cannot use {place}", hint="layercli gpu-check says why; --device cpu")
