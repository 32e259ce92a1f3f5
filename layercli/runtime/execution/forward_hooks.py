"""Record the output of each layer during a run, by path, with torch's forward hooks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from layercli.core import tree
from layercli.core.types import TensorTree
from layercli.dataclass import dataclass
from layercli.runtime.execution import tensors
from layercli.runtime.execution.grouped_inputs import by_field
from layercli.runtime.execution.script_hooks import script_hooks, scripted
from layercli.runtime.inference.prepared_model import PreparedModel


@dataclass(frozen=True)
class HookedCall:
    """One call of one layer. A layer's second call is ``path#2``."""

    path: str
    cls: str
    inputs: list[torch.Tensor]
    outputs: list[torch.Tensor]

    def named(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield the outputs by name: the path, with an index if there are several, as in ``lstm:1``."""
        for i, x in enumerate(self.outputs):
            yield (self.path if len(self.outputs) == 1 else f"{self.path}:{i}"), x


def class_of(module: nn.Module) -> str:
    """Return the class name that the author wrote: the layer's for a layer module, the exported one for a graph's module."""
    if isinstance(module, torch.jit.ScriptModule):
        return str(module.original_name)
    exported = getattr(module, "_ty", None)  # the class that torch.export recorded
    return exported.rpartition(".")[2] if exported else type(getattr(module, "described", module)).__name__


@contextmanager
def forward_hooks(program: PreparedModel, observe: Callable[[HookedCall], None]) -> Iterator[None]:
    """Call ``observe`` after each layer call inside the body; inner layers come before outer ones."""
    times: Counter[str] = Counter()

    def finished(path: str, module: nn.Module, inputs: Any, outputs: Any) -> None:
        times[path] += 1
        name = path if times[path] == 1 else f"{path}#{times[path]}"
        observe(HookedCall(name, class_of(module), values_in(inputs), values_in(outputs)))

    def hook(path: str) -> Callable[..., None]:
        def observed(module: nn.Module, args: object, kwargs: object, outputs: TensorTree) -> None:
            finished(path, module, (args, kwargs), outputs)

        return observed

    handles = [module.register_forward_hook(hook(path), with_kwargs=True) for path, module in program.layers()]
    try:
        with script_hooks(program.module, finished):
            yield
    finally:
        for handle in handles:
            handle.remove()


def has_layers(program: PreparedModel) -> bool:
    """Whether a run of a program shows calls of layers."""
    return any(True for _ in program.layers()) or any(list(each.children()) for each in scripted(program.module))


@contextmanager
def forward_pre_and_post_hooks(
    program: PreparedModel, enter: Callable[[str], None], leave: Callable[[Any], None]
) -> Iterator[None]:
    """Call ``enter`` before and ``leave`` after each layer call inside the body."""
    handles = []
    for path, module in program.layers():
        handles.append(module.register_forward_pre_hook(lambda *_, path=path: enter(path)))
        handles.append(module.register_forward_hook(lambda *given: leave(given[-1])))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def tensors_in(values: object) -> list[torch.Tensor]:
    """Return the tensors of a tree in order."""
    return [x for x in tree.flatten(by_field(values)) if isinstance(x, torch.Tensor)]


def values_in(values: object) -> list[torch.Tensor]:
    """Return the tensors of a tree that have values; sparse tensors are made dense, quantized ones dequantized."""
    found = (x.dequantize() if x.is_quantized else x for x in tensors_in(values))
    return [tensors.valued("", x) for x in found if tensors.has_values(x)]
