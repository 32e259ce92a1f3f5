"""Export a built model as a graph: ``.pt2`` of torch.export, or ``.onnx``; unknown sizes stay dynamic."""

from __future__ import annotations

import inspect
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import count
from types import MappingProxyType
from typing import Any

import torch
from torch import nn
from torch.export import Dim

from layercli.core import dims, tree
from layercli.core.dims import Size
from layercli.core.functional import Functional
from layercli.core.model import Model
from layercli.core.naming import uniquify
from layercli.core.spec import Spec
from layercli.errors import UsageError, nearest
from layercli.formats.atomic import replacing, staged
from layercli.formats.error_keeping import error_keeping
from layercli.inspect.layer_call import ends, input_names
from layercli.inspect.output_names import numbered
from layercli.runtime.execution import eager_call, tensors, training_modes
from layercli.runtime.execution.graph_module import first_line
from layercli.runtime.execution.model_saving import require_built
from layercli.runtime.export.input_signature import specs_of
from layercli.runtime.export.onnx_export import check_exporter
from layercli.runtime.export.silence import silence

LARGEST = 2**31 - 2**24
"""The limit on the bytes of values in one ONNX file, which leaves room for the graph: a protobuf message holds 2 GB at most."""


def export(
    model: Model,
    path: str | os.PathLike[str],
    format: str | None = None,
    input_signature: Any = None,
    settings: Mapping[str, Any] = MappingProxyType({}),
    optional: Mapping[str, Spec] = MappingProxyType({}),
) -> None:
    """See Model.export; ``optional`` are the Specs of optional inputs of its call that the graph takes as well."""
    name = os.fspath(path)
    onnx = format == "onnx" or (format is None and name.endswith(".onnx"))
    if not onnx and not name.endswith(".pt2"):
        raise UsageError(f"a model is exported to .pt2 or .onnx, not {name!r}", hint="save writes .keras")
    check_settings(settings, onnx)
    if onnx:
        check_exporter()
    if input_signature is not None and not model.built:
        eager_call.describe(model, specs_of(input_signature), {})
    require_built(model)
    specs: tuple[Any, ...] = model._call_specs or () if input_signature is None else specs_of(input_signature)
    if not tree.flatten(specs):
        raise UsageError(f"{model.name} is called on no tensor, so it cannot be exported")
    given = [*input_names(model, specs[0] if len(specs) == 1 else specs), *in_order(model, optional)]
    specs = with_optional(model, specs, optional)
    any_batch = input_signature is None
    program = traced(model.module, specs, model.name, any_batch=any_batch, **({} if onnx else settings))
    if onnx:
        with staged(path) as temporary:
            taken = tuple(spec for spec in specs if spec is not None)  # the graph has no input for an argument left out
            axes = tree.map_structure(lambda spec: named_axes(spec, any_batch), taken)
            gives = output_names(model, program)
            write_onnx(model.name, by_parameter(model.module, axes), given, gives, program, str(temporary), settings)
    else:
        write_program(program, path)


def write_program(program: torch.export.ExportedProgram, path: str | os.PathLike[str]) -> None:
    """Write a program as ``.pt2``, whole or not at all."""
    with replacing(path) as stream, error_keeping(stream) as kept, silence():  # it warns of a file without a name
        torch.export.save(program, kept)


def in_order(model: Model, optional: Mapping[str, Spec]) -> list[str]:
    """Return the names of the ``optional`` inputs in the order of the arguments of ``call``."""
    return [name for name in inspect.signature(model.call).parameters if name in optional]


def with_optional(model: Model, specs: tuple[object, ...], optional: Mapping[str, Spec]) -> tuple[Any, ...]:
    """Return the Specs of the positional arguments of ``call`` up to the last optional one, None for those left out."""
    names = list(inspect.signature(model.call).parameters)
    last = max((names.index(name) for name in optional), default=-1)
    return (*specs, *(optional.get(name) for name in names[len(specs) : last + 1]))


def check_settings(settings: Mapping[str, object], onnx: bool) -> None:
    """Raise UsageError for arguments that the exporter of the format does not take."""
    taken = [
        name for name in inspect.signature(torch.export.export).parameters if name not in ("mod", "args", "kwargs")
    ]
    known, kind = (["opset_version"], "onnx") if onnx else (taken, "torch")
    for name in settings:
        if name not in known:
            raise UsageError(
                f"export to {kind} takes no {name}", hint=nearest(name, known) or f"it takes {', '.join(known)}"
            )


def traced(
    module: nn.Module, specs: object, owner: str, *, any_batch: bool = True, **settings: Any
) -> torch.export.ExportedProgram:
    """Return the exported program of ``module`` in inference mode for arguments of these Specs; UsageError if torch cannot.

    ``any_batch``: the batch is dynamic where the Specs say a size.
    """
    sizes = ExportSizes(any_batch)
    held = next(module.parameters(), None)
    axes = settings.pop("dynamic_shapes", None)
    try:
        with silence(), torch.no_grad(), training_modes.mode(module, False):
            examples = tree.map_structure(
                lambda spec: spec and sizes.example(spec, None if held is None else held.device), specs
            )
            found = (
                tree.map_structure(lambda spec: spec and open_axes(spec, any_batch), specs) if axes is None else None
            )
            given = as_tuple(axes) if found is None else found
            open_ones = by_parameter(module, given) if found is not None or isinstance(axes, dict) else given
            return torch.export.export(module, examples, dynamic_shapes=open_ones, **settings)
    except Exception as error:
        raise UsageError(f"{owner} cannot be exported: {first_line(error)}") from error


def as_tuple(axes: Any) -> tuple[Any, ...]:
    """Return the dynamic axes of each argument, given as torch takes them or, for one argument, as a dict of its axes."""
    return (axes,) if isinstance(axes, dict) else tuple(axes)


def by_parameter(module: torch.nn.Module, axes: object) -> Any:
    """Return the dynamic axes of the arguments as torch takes them: by the parameters of ``forward``, which may be ``*args``."""
    first = next(iter(inspect.signature(module.forward).parameters.values()))
    return (axes,) if first.kind is first.VAR_POSITIONAL else axes


class ExportSizes:
    """Numbers that stand for the dynamic sizes while a model is traced; they differ because torch merges equal sizes."""

    def __init__(self, any_batch: bool = True) -> None:
        self._any_batch = any_batch
        self._next = count(2)
        self._known: defaultdict[str, int] = defaultdict(lambda: next(self._next))

    def example(self, spec: Spec, device: torch.device | None) -> torch.Tensor:
        """Return zeros; all batches have one size, and so do axes with the same name."""
        shape = [
            self._of(size) if axis in open_axes(spec, self._any_batch) else int(size)
            for axis, size in enumerate(spec.shape)
        ]
        if 0 in open_axes(spec, self._any_batch):
            shape[0] = self._known[dims.BATCH]
        return torch.zeros(shape, dtype=tensors.dtype_of(spec.dtype), device=device)

    def _of(self, size: Size) -> int:
        return self._known[str(size)] if dims.names(size) else next(self._next)


def open_axes(spec: Spec, any_batch: bool = True) -> dict[int, Any]:
    """Return the dynamic axes: unknown sizes, and with ``any_batch`` the batch."""
    return {axis: Dim.AUTO for axis, size in enumerate(spec.shape) if (axis == 0 and any_batch) or not dims.known(size)}


def named_axes(spec: Spec, any_batch: bool = True) -> dict[int, str | Any]:
    """Return the names of the dynamic axes, for a format that stores them."""
    names = {axis: "batch" if axis == 0 else str(spec.shape[axis]) for axis in open_axes(spec, any_batch)}
    return {axis: name if name.isidentifier() and name != "None" else Dim.AUTO for axis, name in names.items()}


def write_onnx(
    owner: str,
    axes: Any,
    given: Sequence[str],
    gives: Sequence[str],
    program: torch.export.ExportedProgram,
    file: str,
    settings: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Write the program as ONNX: ``axes`` are the dynamic ones, ``given`` and ``gives`` the names of inputs and outputs."""
    large = sum(x.numel() * x.element_size() for x in program.state_dict.values()) > LARGEST
    if large:
        raise UsageError(f"{owner} is too large for one .onnx file, which holds 2 GB", hint="export it to .pt2")
    try:
        with silence():
            torch.onnx.export(
                program,
                (),
                file,
                dynamo=True,
                verbose=False,
                external_data=False,
                input_names=list(given),
                output_names=uniquify([*given, *gives])[len(given) :],
                dynamic_shapes=axes,
                custom_translation_table=translations(),
                **settings,
            )
    except OSError:  # the file cannot be written
        raise
    except Exception as error:
        raise UsageError(f"{owner} cannot be exported to ONNX: {first_line(error)}") from error


def translations() -> dict[Any, Any]:
    """Return the ONNX operators of torch's operators that its exporter lacks: the product of int8 matrices."""
    from onnxscript import opset18

    def integer_product(left: Any, right: Any) -> Any:
        return opset18.MatMulInteger(left, right)

    return {torch.ops.aten._int_mm.default: integer_product}


def output_names(model: Model, program: torch.export.ExportedProgram) -> list[str]:
    """Return the names of the outputs: the layer names of a functional model, the keys of a dict, or numbered names."""
    if isinstance(model, Functional):
        return [name for name, _ in ends(model.output, model.output_names)]
    return numbered("output", len(program.graph_signature.user_outputs))
