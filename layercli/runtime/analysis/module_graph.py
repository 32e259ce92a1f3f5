"""Build the ModelGraph of a torch.nn.Module: its modules, variables and, given inputs, its operations."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from layercli.core import dims
from layercli.core.dims import UNKNOWN
from layercli.core.spec import Spec
from layercli.errors import with_and
from layercli.inspect.liveness import MADE
from layercli.inspect.model_graph import ROOT, ModelGraph, ModelGraphBuilder, ModuleCall, OperationCall, ValueKind
from layercli.inspect.training_memory import inputs_of
from layercli.runtime.analysis.fused_encoder import has_fused_kernel
from layercli.runtime.analysis.merged_traces import merged_trace
from layercli.runtime.analysis.module_failure import failure_of
from layercli.runtime.analysis.module_parameters import all_parameters
from layercli.runtime.analysis.module_rows import is_container
from layercli.runtime.analysis.module_summary import runs_of, shapeless, with_shapes
from layercli.runtime.analysis.module_trace import AGAIN, described_part, is_lazy
from layercli.runtime.analysis.trace_recording import Trace, spec_of
from layercli.runtime.execution.forward_hooks import class_of
from layercli.runtime.execution.graph_module import GraphModule

LONGEST_ARGUMENT = 32
"""The maximum number of values of an argument that is recorded."""


def module_graph(
    module: nn.Module,
    inputs: Mapping[str, Spec],
    name: str,
    source: str,
    values: Mapping[str, Any] | None = None,
    rebuilt: Callable[[], nn.Module] | None = None,
) -> ModelGraph:
    """Return the modules with their parameters and buffers, each once; given inputs, the operations as well.

    Open sizes are in the figures by name where several runs show how; otherwise there are no operations.

    ``values`` are given arguments of ``forward``, arrays and others; ``rebuilt`` creates the module again with real parameters,
    for a forward whose control flow depends on values.
    """
    module = with_shapes(module, inputs, values or {})
    real: list[nn.Module] = []

    def rebuild() -> nn.Module:
        real.append(module if rebuilt is None else rebuilt())
        return real[0]

    found = None
    if inputs and not any(UNKNOWN in spec.shape for spec in inputs.values()):
        runs = runs_of(module, inputs, values or {}, {}, rebuild)
        found = runs.traces[0] if len(runs.traces) == 1 else merged_trace(runs)
    return graph_of_trace(module, found, inputs, name, source, real)[0]


def graph_of_trace(
    module: nn.Module,
    found: Trace | None,
    inputs: Mapping[str, Spec],
    name: str,
    source: str,
    real: Sequence[nn.Module] = (),
) -> tuple[ModelGraph, dict[int, int]]:
    """Return the graph of a module with what a trace of it recorded, and the value of each storage in the trace.

    ``real`` are the modules that ran in its place.
    """
    builder = ModelGraphBuilder(name, class_of(module), source)
    builder.notes += shapeless(all_parameters(module))
    builder.arguments_known = not isinstance(module, GraphModule)
    builder.counts_buffers = False
    places: dict[int, int] = {}

    def place_of(x: torch.Tensor, path: str, kind: ValueKind) -> int:
        if id(x) not in places:
            trainable = x.requires_grad if kind is ValueKind.PARAMETER else None
            places[id(x)] = builder.add_value(spec_of(x), kind, path=path, trainable=trainable)
        return places[id(x)]

    paths = paths_written(module)
    for child, own in paths.items():
        if own in builder.modules:
            continue  # another call of a module of an exported program
        held: list[tuple[str, torch.Tensor, ValueKind]] = [
            (key, x, ValueKind.PARAMETER) for key, x in child.named_parameters(recurse=False, remove_duplicate=False)
        ]
        held += [(key, x, ValueKind.BUFFER) for key, x in child.named_buffers(recurse=False, remove_duplicate=False)]
        if isinstance(module, GraphModule) and is_second_name(child, own, [id(x) in places for _, x, _ in held]):
            continue
        variables = {key: place_of(x, f"{own}/{key}".lstrip("/"), kind) for key, x, kind in held if not is_lazy(x)}
        builder.add_module(
            own,
            class_of(child),
            variables=variables,
            container=own != ROOT and is_container(child),
            arguments=arguments_of(child),
        )
    for child, own in paths.items():
        for below in child.children():
            if paths[below] in builder.modules:
                builder.add_child(own, paths[below])
    if found is None:
        return builder.graph(incomplete=uncalled(name, inputs)), {}
    path_places = {path: places[id(x)] for path, x in tensors_of(module) if id(x) in places}
    places.update((id(x), path_places[path]) for each in real for path, x in tensors_of(each) if path in path_places)
    return _with_calls(builder, found, inputs, places, name)


def uncalled(name: str, inputs: Mapping[str, Spec]) -> str:
    """Return why a module was not called: it has no input, or sizes of its inputs are open; and the option that helps."""
    open_sizes = [size for spec in inputs.values() for size in spec.shape if not dims.known(size)]
    names = sorted({each for size in open_sizes for each in dims.names(size)})
    if names:
        verb = "is" if len(names) == 1 else "are"
        given = " ".join(f"--at {each}=..." for each in names)
        return f"{name} was not called: {with_and(names)} {verb} open (give a value: {given})"
    return f"{name} was not called: {'a size of its input is not known' if open_sizes else 'it has no input (--input-shape)'}"


def is_second_name(child: nn.Module, path: str, placed: Sequence[bool]) -> bool:
    """Whether a child of an exported program is no module of the model: torch adds one for the second name of a tied tensor."""
    return path != ROOT and not hasattr(child, "_ty") and not list(child.children()) and bool(placed) and all(placed)


def paths_written(module: nn.Module) -> dict[nn.Module, str]:
    """Return each module by its first path, as the trace has it: in an exported program, a path of the module exported."""
    paths = ((path.replace(".", "/"), child) for path, child in described_part(module).named_modules())
    return {child: AGAIN.sub("", path) if isinstance(module, GraphModule) else path for path, child in paths}


UNFUSED = frozenset(f"aten::_scaled_dot_product_{kind}" for kind in ("flash_attention_for_cpu", "attention_math"))
"""The attention of an encoder layer that runs by its operations."""


def unfused_encoders(module: nn.Module, graph: ModelGraph) -> list[str]:
    """Return a note if torch may run a call of an encoder layer with a mask of padding by its fused kernel, else nothing."""
    paths = paths_written(module)
    kinds = [each for each in paths if isinstance(each, nn.TransformerEncoderLayer) and has_fused_kernel(each)]
    masked = [each for each in kinds if takes_a_mask(graph, paths[each])]
    if not masked:
        return []
    name = type(masked[0]).__name__
    return [
        f"{name} with a mask of padding is counted by its operations: in eval mode torch may run a fused kernel, which makes others"
    ]


def takes_a_mask(graph: ModelGraph, path: str) -> bool:
    """Whether an encoder layer takes more than one tensor in a call, beside what it holds, and was not run as fused."""
    held = (ValueKind.PARAMETER, ValueKind.BUFFER)
    calls = [call for call in graph.module_calls if call.module == path]
    apart = [call for call in calls if any(each.operation in UNFUSED for each in graph.calls[call.start : call.stop])]
    return any(sum(graph.values[i].kind not in held for i in inputs_of(graph, call)) > 1 for call in apart)


def tensors_of(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the parameters and buffers of a module with their names, those with several names under each."""
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)


def arguments_of(module: nn.Module) -> dict[str, object]:
    """Return what the constructor of a module was given, as far as its attributes of those names tell.

    >>> arguments_of(nn.Linear(3, 4, bias=False))
    {'in_features': 3, 'out_features': 4, 'bias': False}
    """
    if hasattr(module, "_ty"):
        return {}  # a module of an exported program, of which torch records the class alone
    try:
        names = list(inspect.signature(type(module).__init__).parameters)[1:]
    except (TypeError, ValueError):
        return {}
    found = {name: module.__dict__[name] for name in names if is_plain(module.__dict__.get(name, nn))}
    held = {name: module._parameters[name] is not None for name in names if name in module._parameters}
    return {name: {**found, **held}[name] for name in names if name in found or name in held}


def is_plain(value: object) -> bool:
    """Whether a value is a number, a text, None or a list or tuple of such."""
    if isinstance(value, (list, tuple)):
        return len(value) <= LONGEST_ARGUMENT and all(map(is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str))


def _with_calls(
    builder: ModelGraphBuilder, found: Trace, inputs: Mapping[str, Spec], places: dict[int, int], name: str
) -> tuple[ModelGraph, dict[int, int]]:
    """Return the graph with the recorded operations and module calls, and the value of each storage."""
    values: dict[tuple[int, Spec], int] = {}
    storages: dict[int, int] = {}
    ends = {key: builder.add_value(spec, ValueKind.INPUT, path=key) for key, spec in inputs.items()}
    for storage, x in found.held.items():
        if id(x) in places:
            storages[storage] = values[storage, spec_of(x)] = places[id(x)]
    waiting = dict(ends)
    seen: dict[int, set[Spec]] = {}
    stale: set[tuple[int, Spec]] = set()

    def place(value: tuple[Spec, int], made: bool) -> int:
        spec, storage = value
        if (storage, spec) not in values or (made and (storage, spec) in stale):
            stale.discard((storage, spec))
            seen.setdefault(storage, set()).add(spec)
            entry = next((key for key in waiting if inputs[key] == spec and not made and storage not in storages), None)
            if entry is not None:
                values[storage, spec] = waiting.pop(entry)
            else:
                kind = ValueKind.ACTIVATION if made or storage in storages else ValueKind.CONSTANT
                values[storage, spec] = builder.add_value(spec, kind, view_of=storages.get(storage))
            storages.setdefault(storage, values[storage, spec])
        return values[storage, spec]

    for each in found.operations:
        taken = tuple(place(x, False) for x in each.inputs)
        for storage in each.written:  # what is written in place is another value
            stale.update((storage, spec) for spec in seen.get(storage, ()))
        results = each.outputs or [x for x in each.inputs if x[1] in each.written]  # own operators may return nothing
        given = tuple(place(x, True) for x in results)
        builder.calls.append(OperationCall(each.name, "/".join(each.path), taken, given, each.macs))
    for call in found.calls:
        builder.module_calls.append(ModuleCall("/".join(call.path), (), None, call.start, call.stop, call.finished))
    for storage, index in storages.items():
        if builder.values[index].kind in MADE:
            builder.dropped[index] = found.freed.get(storage, len(found.operations))
    builder.notes += found.notes
    reason = None if found.failure is None else failure_of(name, found)
    return builder.graph(inputs=ends, incomplete=reason), storages
