"""An ``.onnx`` file as a module, run by onnxruntime (an optional extra)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from layercli.core.spec import Spec, with_batch_dim
from layercli.errors import DeviceError, FormatError, MissingPackageError
from layercli.formats.os_errors import reading
from layercli.runtime.execution import tensors
from layercli.runtime.execution.graph_module import GraphModule, refused, unreadable

DTYPES = {
    "float": "float32", "double": "float64", "float16": "float16", "bool": "bool",
    **{f"{kind}{bits}": f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
}  # fmt: skip
"""Dtypes by onnxruntime's names, limited to those that numpy has too."""
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def onnxruntime() -> Any:
    """Return the onnxruntime package; MissingPackageError names the extra that installs it."""
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise MissingPackageError(
            "running ONNX needs onnxruntime, which is not installed", hint="pip install 'layercli[onnx]'"
        ) from None
    return onnxruntime


class OnnxGraph(GraphModule):
    """The graph in an ``.onnx`` file; inputs and outputs have the file's names."""

    compiles = False

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self._open(torch.device("cpu"))
        self.specs = {x.name: spec_of(file, x) for x in self._session.get_inputs()}

    def forward(self, *inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the outputs by name; the arrays of the sequence ``y`` are ``y.0``, ``y.1`` and so on."""
        given = {name: tensors.to_numpy(x) for name, x in zip(self.specs, inputs, strict=True)}
        try:
            found = self._session.run(None, given)
        except Exception as error:
            raise refused(self.file, error, inputs) from error
        outputs: dict[str, torch.Tensor] = {}
        for x, value in zip(self._session.get_outputs(), found, strict=True):
            parts = (
                {f"{x.name}.{i}": part for i, part in enumerate(value)} if isinstance(value, list) else {x.name: value}
            )
            outputs |= {name: self._tensor(name, part, x.type) for name, part in parts.items()}
        return outputs

    def _tensor(self, name: str, value: Any, kind: str) -> torch.Tensor:
        """Return an output as a tensor; FormatError unless it is an array of numbers."""
        if not isinstance(value, np.ndarray) or value.dtype.name not in DTYPES.values():
            raise FormatError(f"{self.file} gives {name} as {kind}, which is not an array of numbers")
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


def spec_of(file: str, x: Any) -> Spec:
    """Return the Spec of an input; dynamic sizes have their names, the first axis is the batch."""
    kind = x.type.removeprefix("tensor(").removesuffix(")")
    if kind not in DTYPES:
        raise FormatError(f"{file} takes {x.name} as {x.type}, which is not an array of numbers")
    if not x.shape:
        return Spec((), DTYPES[kind])
    first, *rest = x.shape
    sizes = [size if isinstance(size, int) or (size or "").isidentifier() else None for size in rest]
    return Spec(with_batch_dim((first if isinstance(first, int) else None, *sizes)), DTYPES[kind])
