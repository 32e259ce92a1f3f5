"""Run one training step of a torch module on fake tensors, and follow the storages that it allocates and frees.

What autograd keeps is what it packs (``torch.autograd.graph.saved_tensors_hooks``), also of a module that checkpoints itself.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import field
from fnmatch import fnmatch
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from layercli.core.spec import Spec
from layercli.dataclass import dataclass
from layercli.inspect.training_run import Pass, Step
from layercli.runtime.analysis import module_state
from layercli.runtime.analysis.dispatch_tracer import Tracer
from layercli.runtime.analysis.fake_tensors import FakeTensor, uncompiled, without_slow_imports
from layercli.runtime.analysis.missing_values import may_need_values
from layercli.runtime.analysis.module_inputs import tensors_for
from layercli.runtime.analysis.module_trace import is_lazy, paths_of
from layercli.runtime.analysis.operator_arguments import leaves
from layercli.runtime.analysis.script_calls import Path
from layercli.runtime.analysis.trace_recording import Recording, Trace, described
from layercli.runtime.execution import tensors
from layercli.runtime.execution.forward_signature import spreading

MIXED = "mixed_"
"""How the dtype of mixed precision begins: a policy of Keras's, which is torch's autocast."""


@dataclass
class TracedStep:
    """The record of one step: the forward pass, the steps of both passes by name, and the storages by number.

    ``start`` and ``stop`` are the first and the last step that each storage is live in; ``kept`` is the operation that each
    was packed by, of those that autograd keeps.
    """

    trace: Trace
    module: nn.Module
    """The copy of the module that was run."""
    steps: list[Step] = field(default_factory=list)
    sizes: Mapping[int, int] = field(default_factory=dict)
    start: Mapping[int, int] = field(default_factory=dict)
    stop: dict[int, int] = field(default_factory=dict)
    kept: dict[int, int] = field(default_factory=dict)
    gradients: frozenset[int] = frozenset()
    """The storages of the gradients of parameters."""
    again: frozenset[int] = frozenset()
    """The storages that modules that run again make in the backward pass."""


class StepRecording(Recording):
    """Records the forward pass as a call is recorded, and of the backward pass the names of its operations."""

    def __init__(self, root: nn.Module, paths: dict[nn.Module, list[Path]]) -> None:
        super().__init__(root, paths)
        self.steps: list[Step] = []
        self.kept: dict[int, int] = {}
        self.again: set[int] = set()
        self.backward = False
        self._path_of_node: dict[int, Path] = {}

    def operation(self, func: Any, args: Any, kwargs: Any, out: Any, macs: int) -> None:
        """Record one operation of either pass."""
        name = func.name()
        if name == "aten::detach":  # what packing does to a result; it takes no memory
            return
        if not self.backward:
            number = torch._C._autograd._get_sequence_nr() - 1  # also seen by the operations after it that have no node
            self._path_of_node.setdefault(number, self.stack[-1])
            self.steps.append(Step(Pass.FORWARD, "/".join(self.stack[-1]), name))
            super().operation(func, args, kwargs, out, macs)
            return
        for x in leaves((args, kwargs)):
            if isinstance(x, torch.Tensor):
                self.watch.number(x)  # what is written in place is no new storage
        made = {self.watch.result(x) for x in leaves(out) if isinstance(x, torch.Tensor)}
        node, called = torch._C._current_autograd_node(), len(self.stack) > 1
        again = called or (node is not None and torch.is_grad_enabled())  # as checkpoint runs it, and no gradient
        self.again |= made if again else set()
        of = Pass.AGAIN if again else Pass.BACKWARD
        path = self.stack[-1] if called or node is None else self._path_of_node.get(node._sequence_nr(), ())
        self.steps.append(Step(of, "/".join(path), name))
        self.watch.operations += 1

    def called(self, path: Path, module: nn.Module, run: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Run a module; one that runs again in the backward pass is no further call of it."""
        if not self.backward:
            return super().called(path, module, run, args, kwargs)
        gc.collect()  # what checkpoints leave in reference cycles would be freed at any time
        self.stack.append(path)
        try:
            return run(module, *args, **kwargs)
        finally:
            self.stack.pop()

    def within(self, module: nn.Module, forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run the forward of a module, which may be called by itself, so that its operations are those of the module."""
        self.stack.append(self.path_of(module) or self.stack[-1])
        try:
            return forward(*args, **kwargs)
        finally:
            self.stack.pop()

    def pack(self, x: torch.Tensor) -> torch.Tensor:
        """Note what autograd keeps: results are packed after their operation, operands before it."""
        made, number = self.watch.operations - 1, self.watch.number(x)
        after = self.watch.made.get(number) == made
        self.kept.setdefault(number, made if after else made + 1)
        return x


def trace_step(
    module: nn.Module,
    inputs: Mapping[str, Spec],
    values: Mapping[str, object],
    checkpointed: Sequence[str] = (),
    dtype: str | None = None,
    *,
    real: bool = False,
) -> TracedStep:
    """Return the record of one training step of ``module`` on inputs of known sizes; the module is not changed.

    Modules with paths like those in ``checkpointed`` run again; ``dtype`` is that of floating parameters, buffers and inputs,
    or mixed_bfloat16, torch's autocast. ``real``: with the values of the module. A step that fails has the reason in its trace.
    """
    narrow = None
    if dtype is not None and dtype.startswith(MIXED):
        narrow, dtype = tensors.dtype_of(dtype.removeprefix(MIXED)), None
    with without_slow_imports():
        copied = module_state.copied(module) if real else without_values(module, dtype)
        if real and dtype is not None:
            copied.to(tensors.dtype_of(dtype))
    copied.train()
    recording = StepRecording(copied, paths_of(copied))
    for each in outermost(copied, checkpointed):
        each.forward = partial(checkpoint, partial(recording.within, each, each.forward), use_reentrant=False)
    found = TracedStep(recording.trace, copied)
    with without_slow_imports(), Tracer(real=real):
        given = tensors_for(inputs, values, {None: 1})
        args, kwargs = spreading(copied)({name: in_dtype(x, dtype) for name, x in given.items()})
    with tracing(copied, recording, real) as tracer:
        automatic = torch.autocast("cpu", narrow, enabled=narrow is not None)
        try:
            finished = run_step(copied, args, kwargs, recording, automatic)
        except Exception as error:  # whatever the module raises is the reason
            recording.trace.failure = error
            recording.trace.lacks_values = may_need_values(error, tracer)
            return found
        watch = recording.watch
        found.gradients = frozenset(
            watch.number(x.grad) for x in copied.parameters() if x.is_leaf and x.grad is not None
        )
        for x in [*copied.parameters(), *copied.buffers()]:
            recording.trace.held[watch.number(tracer.taken(x))] = x
    del finished
    last = len(recording.steps) - 1
    found.steps, found.sizes, found.start, found.kept = recording.steps, watch.sizes, watch.made, recording.kept
    found.stop = {number: min(watch.freed.get(number, last + 1) - 1, last) for number in watch.made}
    recording.trace.freed, found.again = watch.freed, frozenset(recording.again)
    return found


def run_step(
    module: nn.Module, args: list[object], kwargs: dict[str, object], recording: StepRecording, automatic: Any
) -> Any:
    """Run the forward and the backward pass; return the outputs, which live to the end, as a loss that is kept does."""
    with torch.autograd.graph.saved_tensors_hooks(recording.pack, lambda x: x), automatic:
        outputs = module(*args, **kwargs)
    recording.trace.outputs = described(outputs)
    wanted = [x for x in leaves(outputs) if isinstance(x, torch.Tensor) and x.requires_grad]
    recording.backward = True
    if wanted:
        FreeLoss.apply(*wanted).backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
    return outputs


class FreeLoss(torch.autograd.Function):
    """A loss that takes no memory but that of the gradients of the outputs."""

    @staticmethod
    def forward(ctx: Any, *outputs: torch.Tensor) -> torch.Tensor:
        """Return some number."""
        ctx.outputs = outputs
        return outputs[0].new_empty(())

    @staticmethod
    def backward(ctx: Any, *gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return a gradient for each output."""
        return tuple(torch.empty_like(x) for x in ctx.outputs)


@contextmanager
def tracing(module: nn.Module, recording: StepRecording, real: bool) -> Iterator[Tracer]:
    """Record what runs inside, with garbage collected only where it is asked for."""
    collecting = gc.isenabled()
    with ExitStack() as stack:
        stack.enter_context(module_state.preserved_generators())
        gc.collect()
        if not gc.get_freeze_count():  # else unfreeze would return what the caller froze
            stack.callback(gc.unfreeze)
        gc.freeze()
        gc.disable()
        stack.callback(gc.enable if collecting else gc.disable)
        tracer = Tracer([], list(module.buffers()), real=real, record=recording.operation, forget=recording.forget)
        contexts: list[Any] = [
            uncompiled(),
            without_slow_imports(),
            torch.enable_grad(),
            tracer,
            recording.recorded_calls(),
        ]
        for each in contexts:
            stack.enter_context(each)
        yield tracer


def without_values(module: nn.Module, dtype: str | None) -> nn.Module:
    """Return a copy of a module whose parameters have no values; floating parameters and buffers are in ``dtype``."""
    memo: dict[int, Any] = {}
    for x in module.parameters():
        if not is_lazy(x):
            meta = in_dtype(torch.empty_strided(x.size(), x.stride(), dtype=x.dtype, device="meta"), dtype)
            memo[id(x)] = made = FakeTensor(meta, x.requires_grad)
            made._is_param = True  # what makes a tensor an nn.Parameter
    for held in module.buffers():
        if not is_lazy(held):
            memo[id(held)] = in_dtype(held.detach().clone(), dtype)
    return module_state.copied(module, memo)


def in_dtype(x: Any, dtype: str | None) -> Any:
    """Return a floating tensor in ``dtype``, anything else as it is."""
    floating = dtype is not None and isinstance(x, torch.Tensor) and x.is_floating_point()
    return x.to(tensors.dtype_of(str(dtype))) if floating else x


def outermost(module: nn.Module, patterns: Sequence[str]) -> list[nn.Module]:
    """Return the modules whose path fits one of the patterns, the outermost of those that stand in each other."""
    found: dict[str, nn.Module] = {}
    for path, each in module.named_modules():
        shown = path.replace(".", "/")
        inside = any(shown.startswith(f"{above}/") for above in found)
        if path and not inside and any(fnmatch(shown, pattern) for pattern in patterns):
            found[shown] = each
    return list(found.values())
