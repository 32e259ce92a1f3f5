"""Export a model to ONNX with each layer's result among the outputs, and run it in onnxruntime."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path

import torch
from torch import nn

from layercli.core import tree
from layercli.core.types import TensorTree
from layercli.errors import MissingPackageError, UsageError
from layercli.runtime.execution import tensors
from layercli.runtime.execution.forward_hooks import HookedCall, forward_hooks
from layercli.runtime.execution.graph_module import first_line
from layercli.runtime.execution.onnxruntime_module import OnnxGraph
from layercli.runtime.export.silence import silence
from layercli.runtime.inference.prepared_model import PreparedModel

COMPUTED = {torch.float16, torch.float32, torch.float64}
"""The floating dtypes for which onnxruntime has CPU kernels."""

LayerName = tuple[str, str]
"""The name of a result and the class of its layer; outputs have no class."""


class Places:
    """The graph output that holds each result. It is a separate object because torch.export restores a module's lists."""

    def __init__(self) -> None:
        self.found: list[tuple[LayerName, int]] = []


class Recorder(nn.Module):
    """A module that returns each layer's results and then the outputs; ``places`` maps results to graph outputs.

    A tensor returned by several layers, such as a Sequential and its last layer, is one output of the graph.
    """

    def __init__(self, program: PreparedModel, inputs: TensorTree) -> None:
        super().__init__()
        self.module = program.module
        self._program, self._inputs = program, inputs
        self._call = program.kind.function(program.module, compiled=False, flags=program.flags)
        self.places = Places()

    def forward(self, *leaves: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return each result once."""
        remaining, found, places = iter(leaves), dict[int, tuple[int, torch.Tensor]](), self.places
        places.found = []

        def keep(name: str, cls: str, x: torch.Tensor) -> None:
            place, _ = found.setdefault(id(x), (len(found), x))
            places.found.append(((name, cls), place))

        def observe(call: HookedCall) -> None:
            for name, x in call.named():
                keep(name, call.cls, x)

        with forward_hooks(self._program, observe):
            outputs = self._call(tree.map_structure(lambda _: next(remaining), self._inputs))
        for name, x in self._program.kind.named_outputs(outputs):
            keep(name, "", x)
        return tuple(x for _, x in found.values())


def results(program: PreparedModel, inputs: TensorTree) -> list[tuple[LayerName, torch.Tensor]]:
    """Return onnxruntime's results for a tree of tensors: those of each layer, then the outputs.

    UsageError if torch cannot export the program.
    """
    if isinstance(program.model, OnnxGraph):
        raise UsageError(f"{program.name} is ONNX already")
    if any(isinstance(each, torch.jit.ScriptModule) for each in program.module.modules()):
        raise UsageError(f"{program.name} is TorchScript, which torch does not export to ONNX")
    check_exporter()
    recorder, leaves = Recorder(program, inputs), tuple(tree.flatten(inputs))
    check_dtypes(program, leaves)
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "model.onnx")
        export(recorder, leaves, file, program.name)
        graph = OnnxGraph(file).to(program.device)
        taken = [x for x, name in zip(leaves, names_in(leaves), strict=True) if name in graph.specs]
        found = list(graph(*taken).values())
    return [(layer, found[place]) for layer, place in recorder.places.found]


def check_exporter() -> None:
    """Raise MissingPackageError if the packages for torch's ONNX exporter are not installed."""
    if importlib.util.find_spec("onnxscript") is None:
        raise MissingPackageError(
            "exporting to ONNX needs onnxscript, which is not installed", hint="pip install 'layercli[onnx]'"
        )


def check_dtypes(program: PreparedModel, leaves: tuple[torch.Tensor, ...]) -> None:
    """Raise UsageError if values have a dtype that onnxruntime does not compute in on a CPU."""
    held = [*leaves, *program.module.parameters(), *program.module.buffers()]
    lacking = next((x.dtype for x in held if x.dtype.is_floating_point and x.dtype not in COMPUTED), None)
    if lacking is not None:
        raise UsageError(
            f"onnxruntime does not compute in {tensors.name_of(lacking)}, as {program.name} does",
            hint="--dtype float32",
        )


def export(module: nn.Module, leaves: tuple[torch.Tensor, ...], file: str, name: str) -> None:
    """Write the module as ONNX; suppress the exporter's own messages."""
    try:
        with silence(), torch.no_grad():
            torch.onnx.export(
                module, leaves, file, dynamo=True, verbose=False, input_names=names_in(leaves), optimize=False
            )
    except Exception as error:
        raise UsageError(f"{name} cannot be exported to ONNX: {first_line(origin_of(error))}") from error


def origin_of(error: Exception) -> Exception:
    """Return the error that the exporter's own errors, which name its steps, were raised from."""
    return origin_of(error.__cause__) if isinstance(error.__cause__, Exception) else error


def names_in(leaves: tuple[torch.Tensor, ...]) -> list[str]:
    """Return a name for each input of the graph."""
    return [f"input_{i}" for i in range(len(leaves))]
