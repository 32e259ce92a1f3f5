"""The record of one call of a torch module: the calls of its modules, and each operation with the module that ran it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import field, replace
from itertools import takewhile
from typing import Any

import torch
from torch import nn

from layercli.core.dims import Size
from layercli.core.spec import Spec
from layercli.dataclass import dataclass
from layercli.runtime.analysis.fused_encoder import encoder_layer, runs_fused, self_attention
from layercli.runtime.analysis.operator_arguments import leaves, written_tensors
from layercli.runtime.analysis.script_calls import LEAVE, Path, marked
from layercli.runtime.analysis.storage_watch import StorageWatch
from layercli.runtime.analysis.window_sizes import AxisRule, axis_rules


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
    windows: tuple[AxisRule, ...] = ()
    """The axes that it slides a window along."""
    written: frozenset[int] = frozenset()
    """The numbers of the storages that it writes to, of its operands."""


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
    lacks_values: bool = False
    """Whether the failure may come from the lack of values."""
    failed_in: TracedCall | None = None
    real: bool = False
    held: dict[int, torch.Tensor] = field(default_factory=dict)
    """The parameter or buffer of the module for each storage in ``operations``."""
    freed: dict[int, int] = field(default_factory=dict)
    """After how many operations each storage was freed; those that live to the end have none."""


class Recording:
    """The record of a run in progress, and the stack of modules being called."""

    def __init__(self, root: nn.Module, paths: dict[nn.Module, list[Path]], *, fuses: bool = False) -> None:
        self.root, self.paths = root, paths
        self.trace = Trace()
        self.stack: list[Path] = [()]
        self.open: list[TracedCall] = []
        self.modules = {path: module for module, found in paths.items() for path in found}
        self.watch = StorageWatch()
        self.fuses = fuses
        self.fused: set[nn.Module] = set()
        """The encoder layers that were run as torch's fused kernel runs them."""

    def path_of(self, module: nn.Module) -> Path | None:
        """Return the path of the module being called: of several the one nearest to that of its caller."""
        known = self.paths.get(module)
        if known is None:
            return None
        caller = self.stack[-1]
        return known[0] if len(known) == 1 else max(known, key=lambda path: common(path, caller))

    def operation(self, func: Any, args: Any, kwargs: Any, out: Any, macs: int) -> None:
        """Record one operation of torch."""
        taken = [(spec_of(x), self.watch.number(x)) for x in leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        given = [(spec_of(x), self.watch.result(x)) for x in leaves(out) if isinstance(x, torch.Tensor)]
        windows, path = axis_rules(func, args, kwargs), self.stack[-1]
        written = frozenset(map(self.watch.number, written_tensors(func, args, kwargs)))
        self.trace.operations.append(TracedOperation(func.name(), path, taken, given, macs, windows, written))
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
            return recording.called(path, module, recording.runner(module, path, args, kwargs, original), args, kwargs)

        nn.Module.__call__ = recorded  # type: ignore[method-assign]
        try:
            yield
        finally:
            nn.Module.__call__ = original  # type: ignore[method-assign]

    def runner(self, module: nn.Module, path: Path, args: Any, kwargs: Any, original: Callable[..., Any]) -> Any:
        """Return the function that runs a call of a module: its own, or one whose parts are recorded as well."""
        if isinstance(module, torch.jit.ScriptModule):
            return marked(module, path, self.modules)
        if self.fuses and runs_fused(module, args, kwargs):
            self.fused.add(module)
            return encoder_layer
        caller = self.open[-1].module if self.open else None
        return self_attention if caller in self.fused and module is caller.self_attn else original

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


def common(one: Path, other: Path) -> int:
    """Return how many names two paths have in common from the root."""
    return sum(1 for _ in takewhile(lambda names: names[0] == names[1], zip(one, other, strict=False)))


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
