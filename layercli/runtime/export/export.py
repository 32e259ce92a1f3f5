"""Export a built model as a graph: ``.pt2`` of torch.export, or ``.onnx``; unknown sizes stay dynamic."""

from __future__ import annotations

import logging
import os
import warnings
from collections import defaultdict
from contextlib import redirect_stdout
from io import StringIO
from itertools import count
from typing import Any

import torch
from torch.export import Dim

from layercli.core import dims, tree
from layercli.core.dims import Size
from layercli.core.functional import Functional
from layercli.core.model import Model
from layercli.core.naming import uniquify
from layercli.core.spec import Spec
from layercli.errors import UsageError
from layercli.formats.atomic import replacing, staged
from layercli.formats.error_keeping import error_keeping
from layercli.inspect.output_names import numbered
from layercli.inspect.summary import ends, input_names
from layercli.runtime.execution import layer_module, tensors
from layercli.runtime.execution.graph_module import first_line
from layercli.runtime.execution.model_saving import require_built
from layercli.runtime.export.onnx_export import check_exporter

LARGEST = 2**31 - 2**24
"""The limit on the bytes of values in one ONNX file, which leaves room for the graph: a protobuf message holds 2 GB at most."""


def export(model: Model, path: str | os.PathLike[str]) -> None:
    """See Model.export."""
    name = os.fspath(path)
    if not name.endswith((".pt2", ".onnx")):
        raise UsageError(f"a model is exported to .pt2 or .onnx, not {name!r}", hint="save writes .keras")
    if name.endswith(".onnx"):
        check_exporter()
    require_built(model)
    program = traced(model)
    if name.endswith(".onnx"):
        with staged(path) as temporary:
            write_onnx(model, program, str(temporary))
    else:
        with replacing(path) as stream, error_keeping(stream) as kept:
            torch.export.save(program, kept)


def traced(model: Model) -> torch.export.ExportedProgram:
    """Return the exported program of ``model`` in inference mode; UsageError if torch cannot trace it."""
    specs = model._call_specs or ()
    if len(specs) != 1 or not tree.flatten(specs):
        raise UsageError(f"{model.name} is not called on one argument, so it cannot be exported")
    module, sizes = model.module, ExportSizes()
    held = next(module.parameters(), None)
    try:
        with warnings.catch_warnings(action="ignore"), torch.no_grad(), layer_module.mode(module, False):
            examples = tree.map_structure(
                lambda spec: sizes.example(spec, None if held is None else held.device), specs
            )
            return torch.export.export(module, examples, dynamic_shapes=tree.map_structure(open_axes, specs))
    except Exception as error:
        raise UsageError(f"{model.name} cannot be exported: {first_line(error)}") from error


class ExportSizes:
    """Numbers that stand for the dynamic sizes while a model is traced; they differ because torch merges equal sizes."""

    def __init__(self) -> None:
        self._next = count(2)
        self._known: defaultdict[str, int] = defaultdict(lambda: next(self._next))

    def example(self, spec: Spec, device: torch.device | None) -> torch.Tensor:
        """Return zeros; all batches have one size, and so do axes with the same name."""
        shape = [self._of(size) if axis in open_axes(spec) else int(size) for axis, size in enumerate(spec.shape)]
        if shape:
            shape[0] = self._known[dims.BATCH]
        return torch.zeros(shape, dtype=tensors.dtype_of(spec.dtype), device=device)

    def _of(self, size: Size) -> int:
        return self._known[str(size)] if dims.names(size) else next(self._next)


def open_axes(spec: Spec) -> dict[int, Any]:
    """Return the dynamic axes: the batch and other unknown sizes."""
    return {axis: Dim.AUTO for axis, size in enumerate(spec.shape) if axis == 0 or not dims.known(size)}


def named_axes(spec: Spec) -> dict[int, str | Any]:
    """Return the names of the dynamic axes, for a format that stores them."""
    names = {axis: "batch" if axis == 0 else str(spec.shape[axis]) for axis in open_axes(spec)}
    return {axis: name if name.isidentifier() and name != "None" else Dim.AUTO for axis, name in names.items()}


def write_onnx(model: Model, program: torch.export.ExportedProgram, file: str) -> None:
    """Write the program as ONNX, with the model's names for inputs and outputs."""
    logging.getLogger("torch.onnx").setLevel(logging.CRITICAL)
    large = sum(x.nbytes for x in program.state_dict.values()) > LARGEST
    if large:
        raise UsageError(f"{model.name} is too large for one .onnx file, which holds 2 GB", hint="export it to .pt2")
    given = input_names(model, model._call_specs[0])  # type: ignore[index]  # it was called
    gives = uniquify([*given, *output_names(model, program)])[len(given) :]
    try:
        with warnings.catch_warnings(action="ignore"), redirect_stdout(StringIO()):
            torch.onnx.export(
                program,
                (),
                file,
                dynamo=True,
                verbose=False,
                external_data=False,
                input_names=given,
                output_names=gives,
                dynamic_shapes=tree.map_structure(named_axes, model._call_specs),
            )
    except OSError:  # the file cannot be written
        raise
    except Exception as error:
        raise UsageError(f"{model.name} cannot be exported to ONNX: {first_line(error)}") from error


def output_names(model: Model, program: torch.export.ExportedProgram) -> list[str]:
    """Return the names of the outputs: the layer names of a functional model, the keys of a dict, or numbered names."""
    if isinstance(model, Functional):
        return [name for name, _ in ends(model.output, model.output_names)]
    return numbered("output", len(program.graph_signature.user_outputs))
