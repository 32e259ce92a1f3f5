"""Compare a graph that was written with what it was made of: tensors of a .pt2 bit for bit, outputs of an .onnx."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from layercli.errors import FormatError
from layercli.formats.pt2_state_dict import Pt2File
from layercli.runtime.execution import tensors
from layercli.runtime.execution.onnxruntime_module import OnnxGraph
from layercli.runtime.export.onnx_export import COMPUTED
from layercli.runtime.export.tensors_file import tensors_of

TOLERANCE: Mapping[torch.dtype, float] = {torch.float16: 1e-2}
"""How far outputs of onnxruntime may be from torch's, as a share of the largest; 1e-3 for other dtypes."""
NOT_COMPUTED = "the outputs were not compared: onnxruntime does not compute in the model's dtype"


def is_computed(module: nn.Module) -> bool:
    """Whether onnxruntime computes in the dtypes of all floating values of a module."""
    return all(x.dtype in COMPUTED for x in tensors_of(module).values() if x.is_floating_point())


def compare_state(expected: Mapping[str, torch.Tensor], file: Path, target: str) -> None:
    """Raise FormatError unless the written program holds every tensor with the very same values."""
    written = Pt2File(file)
    for path, x in expected.items():
        check_same(target, path, tensors.to_numpy(x), written.read(path) if path in written.entries else None)


def compare_outputs(expected: Sequence[torch.Tensor], inputs: Sequence[torch.Tensor], file: Path, target: str) -> None:
    """Run the written graph on ``inputs``, and raise FormatError unless its outputs are the ``expected`` ones.

    The exporter folds and merges tensors, so they cannot be compared one by one.
    """
    graph = OnnxGraph(str(file))
    found = list(graph(*[x for x, _ in zip(inputs, graph.specs, strict=True)]).values())
    for ours, theirs in zip(expected, found, strict=True):
        bound = TOLERANCE.get(ours.dtype, 1e-3) * float(ours.abs().max().clamp(min=1e-3)) if ours.numel() else 0.0
        if ours.shape != theirs.shape or bool(((ours - theirs).abs() > bound).any()):
            raise FormatError(f"{target} was not written as it should be: its outputs are not the model's")


def check_same(target: str, path: str, expected: np.ndarray, found: np.ndarray | None) -> None:
    """Raise FormatError unless two arrays have the very same bytes."""
    if found is None or found.dtype != expected.dtype or found.tobytes() != expected.tobytes():
        raise FormatError(f"{target} was not written as it should be: {path!r} has other values there")
