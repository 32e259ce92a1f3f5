"""What every layer gives while a model runs, by its author's path: heard through torch's forward hooks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from layercli.core import tree
from layercli.runtime.execution import tensors
from layercli.runtime.inference.prepared_model import PreparedModel


@dataclass(frozen=True)
class HookedCall:
    """One call of one layer. A layer's second call is ``path#2``."""

    path: str
    cls: str
    inputs: list[torch.Tensor]
    outputs: list[torch.Tensor]

    def named(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield the outputs by name: the path, and with several of them each one's place, as in ``lstm:1``."""
        for i, x in enumerate(self.outputs):
            yield (self.path if len(self.outputs) == 1 else f"{self.path}:{i}"), x


def class_of(module: nn.Module) -> str:
    """Return the name of the class its author wrote: a mirror stands for its layer, a part of a graph for its module."""
    exported = getattr(module, "_ty", None)  # the class that torch.export has noted
    return exported.rpartition(".")[2] if exported else type(getattr(module, "described", module)).__name__


@contextmanager
def forward_hooks(program: PreparedModel, hear: Callable[[HookedCall], None]) -> Iterator[None]:
    """Call ``hear`` after every layer's call inside the body, in the order they end: inner layers before outer ones."""
    times: Counter[str] = Counter()

    def hook(path: str) -> Callable[..., None]:
        def heard(module: nn.Module, args: Any, kwargs: Any, outputs: Any) -> None:
            times[path] += 1
            name = path if times[path] == 1 else f"{path}#{times[path]}"
            hear(HookedCall(name, class_of(module), values_in((args, kwargs)), values_in(outputs)))

        return heard

    handles = [module.register_forward_hook(hook(path), with_kwargs=True) for path, module in program.layers()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def forward_pre_and_post_hooks(
    program: PreparedModel, enter: Callable[[str], None], leave: Callable[[Any], None]
) -> Iterator[None]:
    """Call ``enter`` before and ``leave`` after every layer's call inside the body."""
    handles = []
    for path, module in program.layers():
        handles.append(module.register_forward_pre_hook(lambda *_, path=path: enter(path)))
        handles.append(module.register_forward_hook(lambda *given: leave(given[-1])))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def tensors_in(values: Any) -> list[torch.Tensor]:
    """Return the tensors of a tree, in order."""
    return [x for x in tree.flatten(values) if isinstance(x, torch.Tensor)]


def values_in(values: Any) -> list[torch.Tensor]:
    """Return the tensors of a tree that have values, sparse ones with all of theirs."""
    return [tensors.valued("", x) for x in tensors_in(values) if tensors.has_values(x)]
