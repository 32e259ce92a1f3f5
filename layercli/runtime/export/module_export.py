"""A torch.nn.Module to .onnx or .pt2, called as the command line gives its inputs; what is written is read back and compared."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram

from layercli.core import dims
from layercli.core.spec import Spec
from layercli.dataclass import dataclass
from layercli.errors import FileError, UsageError
from layercli.formats.atomic import staged
from layercli.inspect.model_loader import ModelSource
from layercli.runtime.execution.forward_arguments import forward_arguments
from layercli.runtime.execution.forward_signature import calling_with, unwrapped
from layercli.runtime.execution.graph_module import first_line
from layercli.runtime.execution.grouped_inputs import by_field
from layercli.runtime.export.export import open_axes, write_onnx, write_program
from layercli.runtime.export.onnx_export import check_exporter
from layercli.runtime.export.silence import silence
from layercli.runtime.export.tensors_file import BUILT, TensorsFile, tensors_of
from layercli.runtime.export.written_graph import NOT_COMPUTED, compare_outputs, compare_state, is_computed
from layercli.runtime.inference.model_inputs import Request, inputs_for
from layercli.runtime.inference.model_kinds import runnable
from layercli.runtime.inference.prepared_model import RunSettings, prepare
from layercli.saving.conversion_result import Conversion

OPEN_SIZES = range(64, 1 << 20, 32)
"""Numbers that stand for the open sizes while a module is traced: apart, as torch merges equal ones; many strides divide them."""


@dataclass(frozen=True)
class TracedModule:
    """A module that was called: its inputs by name with their Specs, and its named outputs."""

    name: str
    module: nn.Module
    specs: dict[str, Spec]
    inputs: dict[str, torch.Tensor]
    outputs: list[tuple[str, torch.Tensor]]
    flags: Mapping[str, object]


def convert_module(
    subject: ModelSource,
    shapes: Sequence[str],
    arguments: Sequence[str],
    target: str,
    kind: str,
    *,
    force: bool = False,
    dry_run: bool = False,
) -> Conversion:
    """Write the module of ``subject`` to ``target``, an ``onnx`` or ``pt2``.

    ``shapes`` are those of its inputs, in which a named size stays open; ``arguments`` of ``forward`` that are no tensors are
    fixed in the graph. UsageError where the module fails on the inputs or torch cannot export it.
    """
    if os.path.lexists(target) and not force:
        raise FileError(f"{target} exists already", hint="--force overwrites it")
    if kind == "onnx":
        check_exporter()
    made = called(subject, shapes, arguments)
    entries = TensorsFile(subject.name, tensors_of(made.module)).entries
    done = Conversion(subject.name, target, kind, entries, [target], dry_run=dry_run)
    done.notes += [BUILT.format(subject.name), inputs_note(made, target)]
    if not dry_run:
        axes = [open_axes(spec, any_batch=False) for spec in made.specs.values()]
        program = exported(made, axes)
        with staged(target) as temporary:
            if kind == "pt2":
                write_program(program, temporary)
                compare_state(tensors_of(made.module), temporary, target)
            else:
                given, gives = [plain(name) for name in made.specs], [name for name, _ in made.outputs]
                named = [named_axes(spec) for spec in made.specs.values()]
                write_onnx(made.name, tuple(named), given, gives, program, str(temporary))
                if is_computed(made.module):
                    compare_outputs([x for _, x in made.outputs], list(made.inputs.values()), temporary, target)
                else:
                    done.notes.append(NOT_COMPUTED)
    return done


def called(subject: ModelSource, shapes: Sequence[str], arguments: Sequence[str]) -> TracedModule:
    """Call the module once on random values of the given shapes; a number stands for each open size."""
    module: Any = subject.model
    if isinstance(unwrapped(module), torch.jit.ScriptModule):
        raise UsageError(f"{subject.name} is TorchScript, which torch does not export")
    if not shapes:
        raise UsageError(
            f"{subject.name} is a torch.nn.Module, which does not say what it takes",
            hint="--input-shape 1,3,224,224, with a name for each size that stays open: N,3,224,224",
        )
    shapes = [with_names(text, i) for i, text in enumerate(shapes)]
    given = forward_arguments(subject.name, module, shapes, (), arguments)
    specs = given.specs((), runnable(module).floating_dtype or "float32")
    sizes = dict.fromkeys(name for spec in specs.values() for size in spec.shape for name in dims.names(size))
    fills = [f"{name}={number}" for name, number in zip(sizes, OPEN_SIZES, strict=False)]
    request = Request(shapes=shapes, sizes=fills, arguments=arguments)
    arrays = inputs_for(subject, request)
    ready = prepare(subject, arrays, RunSettings(device="cpu"), flags=request.flags)
    inputs = ready.place(arrays)
    taken = {name: specs[name] for name in inputs}
    return TracedModule(subject.name, module, taken, inputs, ready.outputs(inputs), ready.flags)


def with_shapes(subject: ModelSource, shapes: Sequence[str], arguments: Sequence[str]) -> nn.Module:
    """Return the module with the shapes of its lazy parameters, which a call gives them; UsageError where none can be made."""
    module: Any = subject.model
    lazy = next((name for name, x in module.named_parameters() if isinstance(x, nn.UninitializedParameter)), None)
    if shapes or arguments:
        return called(subject, shapes, arguments).module
    if lazy is not None:
        raise UsageError(
            f"{subject.name} has no shape for {lazy!r} before it is called", hint="--input-shape 1,3,224,224"
        )
    return module  # type: ignore[no-any-return]  # a torch module


def with_names(text: str, index: int) -> str:
    """Return a shape with a name for each unknown size, so that it has a number while the module is called.

    >>> with_names("x=1,?,None:int64", 0)
    'x=1,size_0_0,size_0_1:int64'
    """
    count = iter(range(len(text)))
    return re.sub(r"\?|\bNone\b", lambda _: f"size_{index}_{next(count)}", text)


def form_of(made: TracedModule) -> nn.Module:
    """Return the module with a ``forward`` of its inputs alone: the same parameters under the same names, the flags fixed.

    Entries such as ``batch.x`` are inputs of their own, and outputs are dicts and lists, whatever classes they were.
    """
    form = object.__new__(type(made.module))
    vars(form).update(vars(made.module))
    call = calling_with(made.module, made.module, made.flags)
    parameters = [inspect.Parameter(plain(name), inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in made.specs]

    def forward(*values: torch.Tensor) -> Any:
        return plain_tree(made.name, by_field(call(dict(zip(made.specs, values, strict=True)))))

    forward.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # inspect reads it
    vars(form)["forward"] = forward
    return form


def plain_tree(owner: str, found: Any) -> Any:
    """Return outputs of dicts, lists and tensors, which every program can read back; UsageError for others."""
    if isinstance(found, dict):
        return {key: plain_tree(owner, each) for key, each in found.items() if each is not None}
    if isinstance(found, list):
        return [plain_tree(owner, each) for each in found]
    if isinstance(found, (torch.Tensor, int, float, type(None))):
        return found
    kind = type(found).__name__
    hint = "--arg use_cache=false" if "Cache" in kind else None
    raise UsageError(f"{owner} returns a {kind}, which a graph cannot hold", hint=hint)


def plain(name: str) -> str:
    """Return the name of an input as that of an argument: ``batch_x`` for the entry ``batch.x``."""
    return name.replace(".", "_")


def exported(made: TracedModule, axes: Sequence[dict[int, object]]) -> ExportedProgram:
    """Return the exported program of the module; UsageError where torch cannot export it, or fixes an open size."""
    try:
        with silence(), torch.no_grad():
            program = torch.export.export(form_of(made), tuple(made.inputs.values()), dynamic_shapes=tuple(axes))
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"{made.name} cannot be exported: {first_line(error)}") from error
    placed = {node.name: node.meta["val"] for node in program.graph.nodes if node.op == "placeholder"}
    for spec, taken, dynamic in zip(made.specs.values(), program.graph_signature.user_inputs, axes, strict=True):
        for axis in dynamic:
            size = placed[taken].shape[axis]
            if isinstance(size, int) or size.node.maybe_as_int() is not None:
                raise UsageError(
                    f"{made.name} cannot be exported with {spec.shape[axis]} open: it computes with its value",
                    hint=f"--input-shape with a number in place of {spec.shape[axis]}",
                )
    return program


def named_axes(spec: Spec) -> dict[int, object]:
    """Return the names of the dynamic axes, which an .onnx file stores."""
    return {axis: str(spec.shape[axis]) for axis in open_axes(spec, any_batch=False)}


def inputs_note(made: TracedModule, target: str) -> str:
    """Say what the graph takes: sizes given as numbers are fixed in it, and so are the arguments that are no tensors."""
    shown = ", ".join(f"{name} {spec}" for name, spec in made.specs.items())
    fixed = "".join(f", {name} = {value!r}" for name, value in made.flags.items())
    return f"{target} takes {shown}{fixed and f'; fixed are {fixed[2:]}'}"
