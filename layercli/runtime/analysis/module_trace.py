"""Record one call of a torch module: the calls of its modules, and each operation with the module that ran it.

The module runs on fake parameters and real small values; if that is not enough, with real values on the CPU if they fit in
memory; if that fails too, the record up to the failing call is kept, with the reason.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from layercli.core.dims import Size
from layercli.core.spec import Spec
from layercli.inspect.user_input import without_input
from layercli.runtime.analysis.dispatch_tracer import Tracer
from layercli.runtime.analysis.fake_tensors import FakeTensor, NeedsValues, without_slow_imports
from layercli.runtime.analysis.module_state import preserved, preserved_generators
from layercli.runtime.analysis.operator_arguments import leaves, storage_of
from layercli.runtime.analysis.script_calls import LEAVE, marked
from layercli.runtime.analysis.storage_watch import StorageWatch
from layercli.runtime.execution.available_memory import free_memory
from layercli.runtime.execution.forward_signature import unwrapped
from layercli.runtime.execution.graph_module import GraphModule

AGAIN = re.compile(r"@\d+")

Path = tuple[str, ...]
"""The attribute names from the traced module down to one of its descendants."""


@dataclass
class TracedCall:
    """One call of one module: its path, inputs and outputs (trees with Specs for tensors).

    The operations from ``start`` to ``stop`` (exclusive) ran inside it.
    """

    path: Path
    module: nn.Module
    inputs: Any
    outputs: Any = None
    finished: bool = False
    start: int = 0
    stop: int = 0


@dataclass(frozen=True)
class TracedOperation:
    """One torch operation: the module that ran it, its operands, results and multiply-accumulates.

    An operand and a result is its Spec with the number of its storage.
    """

    name: str
    path: Path
    inputs: list[tuple[Spec, int]]
    outputs: list[tuple[Spec, int]]
    macs: Size


@dataclass(frozen=True)
class OtherValue:
    """A value that is not a tensor, identified by its class, such as a cache."""

    cls: str


@dataclass
class Trace:
    """The record of one call: ``notes`` name the fallbacks taken and why; ``failure`` is the reason if it did not finish."""

    calls: list[TracedCall] = field(default_factory=list)
    operations: list[TracedOperation] = field(default_factory=list)
    outputs: Any = None
    notes: list[str] = field(default_factory=list)
    failure: Exception | None = None
    failed_in: TracedCall | None = None
    real: bool = False
    held: dict[int, torch.Tensor] = field(default_factory=dict)
    """The parameter or buffer of the module for each storage in ``operations``."""
    freed: dict[int, int] = field(default_factory=dict)
    """After how many operations each storage was freed; those that live to the end have none."""


class Recording:
    """The record of a run in progress, and the stack of modules being called."""

    def __init__(self, root: nn.Module, paths: dict[nn.Module, list[Path]]) -> None:
        self.root, self.paths = root, paths
        self.trace = Trace()
        self.stack: list[Path] = [()]
        self.open: list[TracedCall] = []
        self.modules = {path: module for module, found in paths.items() for path in found}
        self.watch = StorageWatch()

    def path_of(self, module: nn.Module) -> Path | None:
        """Return the path of the module being called: below its caller if it has a path there."""
        known = self.paths.get(module)
        if known is None:
            return None
        caller = self.stack[-1]
        return next((path for path in known if path[: len(caller)] == caller), known[0])

    def operation(self, func: Any, args: Any, kwargs: Any, out: Any, macs: int) -> None:
        """Record one operation of torch."""
        taken = [(spec_of(x), self.watch.number(x)) for x in leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        given = [(spec_of(x), self.watch.result(x)) for x in leaves(out) if isinstance(x, torch.Tensor)]
        self.trace.operations.append(TracedOperation(func.name(), self.stack[-1], taken, given, macs))
        self.watch.operations += 1

    def forget(self, indices: range) -> None:
        """Remove the products of some of the operations."""
        for i in indices:
            self.trace.operations[i] = replace(self.trace.operations[i], macs=0)

    @contextmanager
    def recorded_calls(self) -> Iterator[None]:
        """Record every call of a module, including its hooks."""
        original = nn.Module.__call__
        recording = self

        def recorded(module: nn.Module, *args: object, **kwargs: object) -> Any:
            path = recording.path_of(module)
            if path is None:
                return original(module, *args, **kwargs)
            if isinstance(module, torch.jit.ScriptModule):
                return recording.called(path, module, marked(module, path, recording.modules), args, kwargs)
            return recording.called(path, module, original, args, kwargs)

        nn.Module.__call__ = recorded  # type: ignore[method-assign]
        try:
            yield
        finally:
            nn.Module.__call__ = original  # type: ignore[method-assign]

    def called(self, path: Path, module: nn.Module, run: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Run a module and record its call."""
        depth = len(self.open)
        self.enter(path, module, [*args, *kwargs.values()])
        try:
            outputs = run(module, *args, **kwargs)
        except BaseException as error:
            if self.trace.failed_in is None and isinstance(error, Exception):
                self.trace.failed_in = self.open[-1]
            while len(self.open) > depth:  # a TorchScript module fails with those it was calling
                self.close()
            raise
        self.leave(outputs)
        return outputs

    def enter(self, path: Path, module: nn.Module, inputs: list[object]) -> None:
        """Record that a call of a module begins."""
        call = TracedCall(path, module, described(inputs), start=len(self.trace.operations))
        self.trace.calls.append(call)
        self.open.append(call)
        self.stack.append(path)

    def leave(self, outputs: object) -> None:
        """Record that the last call that began has finished."""
        self.trace.failed_in = None  # a nested call raised and the module caught the exception
        call = self.close()
        call.outputs, call.finished = described(outputs), True

    def close(self) -> TracedCall:
        """Record that no more operations belong to the last call that began, and return it."""
        self.stack.pop()
        call = self.open.pop()
        call.stop = len(self.trace.operations)
        return call

    def mark(self, name: str, args: Any) -> None:
        """Record the beginning or the end of a call inside a TorchScript module; see ``marked``."""
        if name == LEAVE:
            self.leave(args[0])
        else:
            path = tuple(args[0].split("."))
            self.enter(path, self.modules[path], list(args[1]))


def spec_of(x: torch.Tensor) -> Spec:
    """Return the Spec of a tensor."""
    return Spec(tuple(map(int, x.shape)), str(x.dtype).removeprefix("torch."))


def described(values: object) -> Any:
    """Return nested lists and dicts with a Spec for each tensor; objects that hold tensors become dicts."""
    if isinstance(values, torch.Tensor):
        return spec_of(values)
    if isinstance(values, (list, tuple)):
        fields = getattr(values, "_fields", None)
        if fields is not None:
            return {name: described(x) for name, x in zip(fields, values, strict=True)}
        return [described(x) for x in values]
    if isinstance(values, dict):
        return {str(key): described(x) for key, x in values.items()}
    return _parts_of_object(values)


def _parts_of_object(value: object) -> object:
    """Return the fields of a dataclass by name; None for a number or a string."""
    if value is None or isinstance(value, (bool, int, float, str, bytes, type, torch.dtype, torch.device)):
        return None
    if hasattr(value, "__dataclass_fields__"):
        return {name: described(getattr(value, name, None)) for name in value.__dataclass_fields__}
    return OtherValue(type(value).__name__)


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
    return copy.deepcopy(module) if any(map(is_lazy, [*module.parameters(), *module.buffers()])) else module


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
    if found.failure is None or is_of_user(found.failure):
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


def reason_of(error: Exception) -> str:
    """Return the reason why fake values are not enough."""
    return f"{error.operation} needs values" if isinstance(error, NeedsValues) else "fake values are not enough"


def is_of_user(error: Exception) -> bool:
    """Whether a call fails because of shapes, so that it would fail with real values too."""
    words = r"shapes? .*cannot be multiplied|same reduction dim|input.* to have \d+ channels|must match the size|size mismatch"
    return not isinstance(error, NeedsValues) and re.search(words, str(error)) is not None


def is_lazy(x: object) -> bool:
    """Whether a parameter has no shape yet."""
    return isinstance(x, (nn.UninitializedParameter, nn.UninitializedBuffer))


def run_once(
    module: nn.Module, inputs: Inputs, *, real: bool, paths: dict[nn.Module, list[Path]] | None = None
) -> Trace:
    """Return the record of one call, with real or with fake values; how its inputs are made is not recorded."""
    recording = Recording(module, paths or paths_of(module))
    found = recording.trace
    found.real = real
    parameters: list[torch.Tensor] = [
        x for x in module.parameters() if not is_lazy(x) and not isinstance(x, FakeTensor)
    ]
    buffers = [x for x in module.buffers() if not is_lazy(x) and not isinstance(x, FakeTensor)]
    fast = torch.backends.mha.get_fastpath_enabled()
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
        contexts: list[Any] = [without_input(), without_slow_imports(), torch.no_grad()]
        for each in contexts:
            stack.enter_context(each)
        try:
            with Tracer(real=real):
                args, kwargs = inputs(module)
            with tracer, recording.recorded_calls():
                found.outputs = described(module(*args, **kwargs))
        except Exception as error:
            found.failure = tracer.failure or error if "TorchScript" in str(error) else error
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
