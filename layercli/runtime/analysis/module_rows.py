"""The rows of a torch module's summary: one per module, and one for the parameters or operations a parent owns itself.

A module that is called at several paths has a row at each, with the calls there; its parameters count at the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import fx, nn

from layercli.core.dims import Size
from layercli.core.types import TensorTree
from layercli.inspect.summary import Row
from layercli.runtime.analysis.module_parameters import Parameter, own_parameters
from layercli.runtime.analysis.module_runs import Runs
from layercli.runtime.analysis.module_trace import described_part, paths_of
from layercli.runtime.analysis.script_calls import Path, is_called
from layercli.runtime.execution.forward_hooks import class_of

CONTAINERS = (nn.ModuleList, nn.ModuleDict)
"""Modules that only contain others and are never called themselves."""

LISTS = (nn.ParameterList, nn.ParameterDict)

OWN = "(own operations)"
"""The row name for what a module computes outside its children."""


class ModuleRows:
    """The rows of ``root`` in the order of the calls recorded in ``runs``; without calls, in the order of the children."""

    def __init__(self, root: nn.Module, runs: Runs) -> None:
        self.root, self.runs = described_part(root), runs
        self.first_path = {module: paths[0] for module, paths in paths_of(root).items()}
        self.owner: dict[int, Path] = {}
        self.holders: dict[int, list[Path]] = {}
        for module, path in self.first_path.items():
            for p in own_parameters(module):
                self.owner.setdefault(p.key, path)
                self.holders.setdefault(p.key, []).append((*path, p.name))

    def all(self) -> list[Row]:
        """Return the rows of everything below the root, or the row of the root itself if it has no children."""
        rows = list(self._below(self.root, (), 0))
        return rows or [self._row(self.root, (), 1, type(self.root).__name__)]

    def _below(self, module: nn.Module, path: Path, depth: int) -> Iterator[Row]:
        """Yield the rows below one module, ``depth`` levels deep itself."""
        children = [(name, child) for name, child in module._modules.items() if child is not None]
        children = [(name, child) for name, child in children if self._has_row(child, (*path, name))]
        if not children:
            return
        if not is_container(module):
            yield from (self._parameter_row(p, path, depth + 1) for p in own_parameters(module))
        for name, child in self._in_order(children, path):
            below = (*path, name)
            if self.first_path[child] != below:
                yield self._row(child, below, depth + 1)  # what is below it has rows at its first path
            elif is_container(child):
                yield from self._below(child, below, depth)
            elif not isinstance(child, LISTS) or own_parameters(child):
                yield self._row(child, below, depth + 1)
                yield from self._below(child, below, depth + 1)
        own = self.runs.macs_at(path)
        if own != 0 and not is_container(module):
            yield _row("/".join((*path, OWN)), OWN, None, depth + 1, macs=own)

    def _has_row(self, module: nn.Module, path: Path) -> bool:
        """Whether a module has a row at a path: at the first of its paths, and at each other where it is called."""
        return self.first_path[module] == path or path in self.runs.first_calls

    def _in_order(self, children: list[tuple[str, nn.Module]], above: Path) -> list[tuple[str, nn.Module]]:
        """Return children in the order of their first calls; a child that is never called stays after its predecessor."""
        place, keys = -1, []
        for i, (name, _) in enumerate(children):
            first = self.runs.first_calls.get((*above, name))
            place = place if first is None else first
            keys.append((place, i))
        return [children[i] for _, i in sorted(keys)]

    def _row(self, module: nn.Module, path: Path, depth: int, shown: str = "") -> Row:
        held = _below_once(module)
        known = all(p.shape is not None for p in held)
        total = sum(p.size for p in held)
        trainable = sum(p.size for p in held if p.trainable)
        inputs, outputs, times = self.runs.shapes_of(module, path)
        return _row(
            "/".join(path) or shown,
            path[-1] if path else shown,
            class_of(module),
            depth,
            inputs=inputs,
            outputs=outputs,
            counts=(total, trainable, total - trainable) if known else (None, None, None),
            macs=self.runs.macs_below(path),
            shared=times > 1,
            variables={p.name: p.shape or (None,) for p in own_parameters(module)},
            shared_with=self._module_shared_with(module, path) if held else [],
            counted=sum(p.size for p in held if self.owner[p.key][: len(path)] == path),
        )

    def _parameter_row(self, p: Parameter, path: Path, depth: int) -> Row:
        counts = (p.size, p.size * p.trainable, p.size * (not p.trainable))
        return _row(
            "/".join((*path, p.name)), p.name, "Parameter", depth, counts=counts if p.shape is not None else (None,) * 3,
            variables={p.name: p.shape or (None,)}, shared_with=self._shared_with([p], path),
            counted=p.size * (self.owner[p.key] == path),
        )  # fmt: skip

    def _module_shared_with(self, module: nn.Module, path: Path) -> list[str]:
        """Return what a row shares parameters with: the paths of its own ones elsewhere, or the first path of the module."""
        first = self.first_path[module]
        return self._shared_with(own_parameters(module), path) if first == path else ["/".join(first)]

    def _shared_with(self, own: list[Parameter], path: Path) -> list[str]:
        """Return the other paths that share the parameters of a row."""
        places = [place for p in own for place in self.holders[p.key] if place[:-1] != path]
        return list(dict.fromkeys("/".join(place) for place in places))


def is_container(module: nn.Module) -> bool:
    """Whether a module only contains others: a torch container, or a graph module in which nothing is computed."""
    if isinstance(module, torch.jit.ScriptModule):  # a list, compiled or traced, has no forward
        return not is_called(module)
    graph = getattr(module, "graph", None)
    idle = isinstance(graph, fx.Graph) and not len(graph.nodes) and not module._parameters and bool(module._modules)
    return isinstance(module, CONTAINERS) or idle


def _below_once(module: nn.Module) -> list[Parameter]:
    found: dict[int, Parameter] = {}
    for each in module.modules():
        for p in own_parameters(each):
            found.setdefault(p.key, p)
    return list(found.values())


def _row(
    path: str,
    name: str,
    cls: str | None,
    depth: int,
    *,
    inputs: TensorTree = None,
    outputs: TensorTree = None,
    counts: tuple[int | None, ...] = (0, 0, 0),
    macs: Size = 0,
    shared: bool = False,
    variables: dict[str, Any] | None = None,
    shared_with: list[str] | None = None,
    counted: int | None = 0,
) -> Row:
    return Row(
        path=path, name=name, cls=cls, depth=depth, input_shape=inputs, output_shape=outputs, parameters=counts[0],
        trainable=counts[1], non_trainable=counts[2], macs=macs, shared=shared, variables=variables or {},
        shared_with=shared_with or [], counted=counted,
    )  # fmt: skip
