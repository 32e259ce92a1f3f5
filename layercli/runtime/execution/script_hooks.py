"""Observe the calls of modules inside TorchScript, which runs them out of sight of torch's forward hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from layercli.runtime.analysis.script_calls import ENTER, LEAVE, Path, is_called, marked

Finished = Callable[[str, nn.Module, Any, Any], None]
"""A callback after a call, with the path, the module, its inputs and its outputs."""


def scripted(module: nn.Module) -> dict[nn.Module, Path]:
    """Return the TorchScript modules that Python calls, with their paths: those that are in no other."""
    paths = {child: tuple(name.split(".")) if name else () for name, child in module.named_modules()}
    script = {child: path for child, path in paths.items() if isinstance(child, torch.jit.ScriptModule)}
    return {
        child: path for child, path in script.items() if not any(path[:i] in script.values() for i in range(len(path)))
    }


def called_within(module: nn.Module, path: Path) -> dict[Path, nn.Module]:
    """Return the modules below a TorchScript module at ``path`` that can be called, by their paths."""
    return {
        (*path, *name.split(".")): child
        for name, child in module.named_modules()
        if name and isinstance(child, torch.jit.ScriptModule) and is_called(child)
    }


@contextmanager
def script_hooks(module: nn.Module, finished: Finished) -> Iterator[None]:
    """Call ``finished`` after each call of a module inside the TorchScript of ``module``; inner ones come before outer ones."""
    outer = scripted(module)
    if not outer:
        yield
        return
    known = {path: child for each, above in outer.items() for path, child in called_within(each, above).items()}
    runs = {each: marked(each, path, known) for each, path in outer.items()}
    original = nn.Module.__call__

    def called(each: nn.Module, *args: Any, **kwargs: Any) -> Any:
        if each not in runs:
            return original(each, *args, **kwargs)
        outputs = runs[each](each, *args, **kwargs)
        if path := outer[each]:
            finished("/".join(path), each, (args, kwargs), outputs)
        return outputs

    nn.Module.__call__ = called  # type: ignore[method-assign]
    try:
        with Marks(known, finished):
            yield
    finally:
        nn.Module.__call__ = original  # type: ignore[method-assign]


class Marks(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch does not annotate it
    """A dispatch mode that calls ``finished`` at the mark after each call of one of the ``known`` modules."""

    def __init__(self, known: dict[Path, nn.Module], finished: Finished) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch does not annotate it
        self.known, self.finished = known, finished
        self.open: list[tuple[Path, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation; at a mark, begin or end a call."""
        name = func.name()
        if name == ENTER:
            self.open.append((tuple(args[0].split(".")), args[1]))
        elif name == LEAVE:
            path, inputs = self.open.pop()
            self.finished("/".join(path), self.known[path], inputs, args[0])
        return func(*args, **(kwargs or {}))
