"""Run a torch module once to record its call.

The module runs on fake parameters and real small values; if that is not enough, with real values on the CPU if they fit in
memory; if that fails too, the record up to the failing call is kept, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
from torch import nn

from layercli.inspect.user_input import without_input
from layercli.runtime.analysis.dispatch_tracer import Tracer
from layercli.runtime.analysis.fake_tensors import FakeTensor, uncompiled, without_slow_imports
from layercli.runtime.analysis.missing_values import may_need_values, reason_of
from layercli.runtime.analysis.module_state import copied, preserved, preserved_generators
from layercli.runtime.analysis.operator_arguments import storage_of
from layercli.runtime.analysis.script_calls import Path
from layercli.runtime.analysis.trace_recording import Recording, Trace, described
from layercli.runtime.execution.available_memory import free_memory
from layercli.runtime.execution.forward_signature import unwrapped
from layercli.runtime.execution.graph_module import GraphModule

AGAIN = re.compile(r"@\d+")


def paths_of(module: nn.Module, *, merged: bool = True) -> dict[nn.Module, list[Path]]:
    """Return every module with all its paths; cycles are followed once.

    In an exported program the second call of a module is a separate module ``path@1``; ``merged`` gives it the path of the
    first call.
    """
    found: dict[nn.Module, list[Path]] = {}
    exported = merged and isinstance(module, GraphModule)

    def walk(each: nn.Module, path: Path, above: tuple[nn.Module, ...]) -> None:
        if each in above:
            return
        found.setdefault(each, []).append(path)
        for name, child in each._modules.items():
            if child is not None:
                walk(child, (*path, AGAIN.sub("", name) if exported else name), (*above, each))

    walk(described_part(module), (), ())
    return found


def described_part(module: nn.Module) -> nn.Module:
    """Return the module that the author wrote, from inside an exported, compiled or data-parallel module."""
    if not isinstance(module, GraphModule):
        return unwrapped(module)
    inner = getattr(module, "graph", None)
    return described_part(inner) if isinstance(inner, nn.Module) else module


def traceable(module: nn.Module) -> nn.Module:
    """Return the part of ``module`` to describe; a copy where it is lazy, as a call gives lazy parameters their shapes."""
    module = module if isinstance(module, GraphModule) else described_part(module)
    return copied(module) if any(map(is_lazy, [*module.parameters(), *module.buffers()])) else module


Inputs = Callable[[nn.Module], tuple[list[Any], dict[str, Any]]]
"""Make the arguments of a call of a module, positional and by name."""


def trace(
    module: nn.Module,
    inputs: Inputs,
    *,
    rebuilt: Callable[[], nn.Module] | None = None,
    paths: dict[nn.Module, list[Path]] | None = None,
) -> Trace:
    """Return the record of one call of ``module`` on ``inputs`` in inference mode; the module is not changed.

    ``rebuilt`` creates the module again with values if it was built without them; ``paths`` are the modules to
    distinguish, by default all.
    """
    found = run_once(module, inputs, real=False, paths=paths)
    if found.failure is None or not found.lacks_values:
        return found
    reason = reason_of(found.failure)
    needed = sum(x.numel() * x.element_size() for x in module.parameters() if not is_lazy(x))
    if 2 * needed > free_memory():
        found.notes = [f"{reason}, and a real run needs more memory than is free: shapes are known up to that call"]
        return found
    real = run_once(module if rebuilt is None else rebuilt(), inputs, real=True, paths=paths)
    if real.failure is None:
        real.notes = [f"{reason}: it ran on the CPU with real values; shapes and MACs may depend on them"]
    return real


def is_lazy(x: object) -> bool:
    """Whether a parameter has no shape yet."""
    return isinstance(x, (nn.UninitializedParameter, nn.UninitializedBuffer))


def run_once(
    module: nn.Module, inputs: Inputs, *, real: bool, paths: dict[nn.Module, list[Path]] | None = None
) -> Trace:
    """Return the record of one call, with real or with fake values; how its inputs are made is not recorded."""
    fast = torch.backends.mha.get_fastpath_enabled()
    recording = Recording(module, paths or paths_of(module), fuses=fast and not real)
    found = recording.trace
    found.real = real
    parameters: list[torch.Tensor] = [
        x for x in module.parameters() if not is_lazy(x) and not isinstance(x, FakeTensor)
    ]
    buffers = [x for x in module.buffers() if not is_lazy(x) and not isinstance(x, FakeTensor)]
    with ExitStack() as stack:
        stack.enter_context(preserved_generators())
        stack.enter_context(preserved(module))
        stack.callback(torch.backends.mha.set_fastpath_enabled, fast)
        torch.backends.mha.set_fastpath_enabled(
            False
        )  # a single fused kernel, whose result only the CPU implementation provides
        module.eval()
        for below in module.modules():
            vars(below).pop("_compiled_call_impl", None)  # the result of module.compile()
        tracer = Tracer(parameters, buffers, real=real, record=recording.operation, forget=recording.forget)
        tracer.mark = recording.mark
        contexts: list[Any] = [without_input(), uncompiled(), without_slow_imports(), torch.no_grad()]
        for each in contexts:
            stack.enter_context(each)
        try:
            with Tracer(real=real):
                args, kwargs = inputs(module)
            with tracer, recording.recorded_calls():
                found.outputs = described(module(*args, **kwargs))
        except Exception as error:
            found.failure = tracer.failure or error if "TorchScript" in str(error) else error
            found.lacks_values = may_need_values(found.failure, tracer)
    for x in [*module.parameters(), *module.buffers()]:
        if not is_lazy(x):
            found.held[recording.watch.number(tracer.replaced.get(storage_of(x), x))] = x
    found.freed = recording.watch.freed
    found.notes += _notes_of(tracer)
    return found


def _notes_of(tracer: Tracer) -> list[str]:
    """Return what the shapes and the MACs depend on or leave out."""
    notes = []
    if tracer.drawn:
        names = ", ".join(dict.fromkeys(tracer.drawn))
        notes.append(
            f"what {names} chooses depends on values: random indices were used; shapes and MACs do not depend on them"
        )
    if tracer.uncounted:
        names = ", ".join(dict.fromkeys(tracer.uncounted))
        notes.append(f"MACs leave out {names}: its number of products does not follow from the shapes")
    if tracer.unequal_branches:
        notes.append("cond runs one of two branches: the one with more MACs is counted")
    return notes
