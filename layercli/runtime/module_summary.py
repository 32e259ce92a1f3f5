"""What a torch module is made of: the same report as of a Layer, found by running it on torch's meta device.

A size that is not known is filled with two primes in turn: what the sizes of the layers and their cost do then tells the
formula, as for raw torch inside a layer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from layercli.core import dims, dtypes, tree
from layercli.core.dims import UNKNOWN, Size
from layercli.core.spec import Spec
from layercli.errors import FormatError, LayercliError
from layercli.inspect.shapes import fill, parse_sizes, shapes_by_name
from layercli.inspect.summary import Row, Summary, Totals, as_shape, ends
from layercli.inspect.variables import VariableRow, Variables
from layercli.runtime import tensors
from layercli.runtime.arguments import arguments_of
from layercli.runtime.graph import Graph, first_line
from layercli.runtime.meta import PRIMES, explained
from layercli.runtime.module_cost import counted
from layercli.runtime.recording import class_of

CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)
"""Modules that are never called, and hold only others."""

AGAIN = re.compile(r"@\d+")

Fill = dict[Any, int]
"""What every name stands for in one run, and under None what a size without one does."""


def inputs_of_module(module: nn.Module, name: str, shapes: list[str], sizes: list[str]) -> dict[str, Spec]:
    """Return the Specs of the arguments of ``forward`` that were given shapes; UsageError where one lacks it needs."""
    if not shapes:
        return {}
    taken = arguments_of(module, None, len(shapes))
    specs = shapes_by_name(name, shapes, {}, taken.names)
    taken.check(name, specs)
    found: dict[str, Spec] = fill(specs, parse_sizes(sizes))
    return found


def summarize_module(
    module: nn.Module, inputs: dict[str, Spec], name: str, source: str, limits: dict[str, int] | None = None
) -> Summary:
    """Return the summary of ``module`` called on arguments of those Specs; where there are none, it is not called at all.

    It is called as in inference, and left as it was. ``limits`` is what the sizes that have names can be at most.
    """
    specs = list(inputs.values())
    names = sorted({found for spec in specs for size in spec.shape for found in dims.names(size)})
    fills = filled_within(names, limits or {})
    runs = [Run(module, inputs, fill, name) for fill in fills] if inputs else []
    rows = [row_of(path, depth, child, runs, fills) for path, depth, child in parts(module)]
    trainable, parameters = counts(module)
    held = sum(p.numel() * p.element_size() for p in module.parameters())
    totals = Totals(parameters, trainable, parameters - trainable, held, cost("", runs, fills))
    own = [] if rows else [row_of("", 1, module, runs, fills, shown=type(module).__name__)]
    return Summary(name, class_of(module), source, list(inputs.items()), outputs_of(runs, fills), own + rows, totals)


def filled_within(names: list[str], limits: dict[str, int]) -> list[Fill]:
    """Return what stands for the names in either run: a prime each, as large as its limit lets it be."""
    fills: list[Fill] = [dict(zip([None, *names], primes, strict=False)) for primes in PRIMES]
    taken: set[int] = set()
    for name, run in ((name, run) for name in names for run in reversed(fills)):
        if run[name] > limits.get(name, run[name]):
            run[name] = next((p for p in range(limits[name], 1, -1) if is_prime(p) and p not in taken), limits[name])
        taken.add(run[name])
    return fills


def is_prime(number: int) -> bool:
    """Whether nothing divides a number."""
    return all(number % divisor for divisor in range(2, int(number**0.5) + 1))


class Run:
    """One call on the meta device: the shapes of what every module was first given and gave, how often, and the cost."""

    def __init__(self, module: nn.Module, given: dict[str, Spec], fill: Fill, name: str) -> None:
        self.given: dict[str, list[Spec]] = {}
        self.gave: dict[str, Any] = {}
        self.times: dict[str, int] = {}
        inputs = {key: meta_tensor(spec, fill) for key, spec in given.items()}
        every = [("", module), *named_parts(module)]
        handles = [
            child.register_forward_hook(self._heard(place_of(module, path)), with_kwargs=True) for path, child in every
        ]
        modes = {child: child.training for child in module.modules()}
        module.eval()
        try:
            self.outputs, macs = counted(module, inputs)
        except Exception as error:
            shown = ", ".join(map(str, given.values()))
            cause = (
                error.__cause__
                if isinstance(error, LayercliError) and isinstance(error.__cause__, Exception)
                else error
            )
            text = first_line(cause) if isinstance(module, Graph) else " ".join(str(cause).split())
            reason = text.rstrip(".") or type(cause).__name__
            hint = "without --input-shape its modules and their parameters are listed"
            raise FormatError(
                f"{name} cannot be described on {shown}: {reason}", hint=None if isinstance(module, Graph) else hint
            ) from error
        finally:
            for handle in handles:
                handle.remove()
            for child, training in modes.items():
                child.training = training

        self.macs: dict[str, list[int]] = {}
        for path, costs in macs.items():
            self.macs.setdefault(place_of(module, path), []).extend(costs)

    def _heard(self, path: str) -> Any:
        def heard(module: nn.Module, args: Any, kwargs: Any, outputs: Any) -> None:
            self.times[path] = self.times.get(path, 0) + 1
            self.given.setdefault(
                path, [spec_of(x) for x in tree.leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
            )
            self.gave.setdefault(
                path, tree.map_leaves(lambda x: spec_of(x) if isinstance(x, torch.Tensor) else None, outputs)
            )

        return heard


def named_parts(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield every module below, each once, with the path its author gave it."""
    if isinstance(module, Graph):
        yield from module.layers()
        return
    yield from ((path.replace(".", "/"), child) for path, child in module.named_modules() if path)


def place_of(module: nn.Module, path: str) -> str:
    """Return the path of what ran there: in a graph a second call of a module is a module ``path@1`` of its own."""
    return AGAIN.sub("", path.removeprefix(module.held_under)) if isinstance(module, Graph) else path


def parts(module: nn.Module) -> Iterator[tuple[str, int, nn.Module]]:
    """Yield the modules that make a row, all below but mere containers: the path, how deep it is, and the module."""
    depths = {"": 0}
    for path, child in named_parts(module):
        if AGAIN.search(path):
            continue
        depths[path] = depths[path.rpartition("/")[0]] + (not is_container(child))
        if not is_container(child):
            yield path, depths[path], child


def is_container(module: nn.Module) -> bool:
    """Whether a module only holds others: one of torch's for that, or in a graph one in which nothing is computed."""
    graph = getattr(module, "graph", None)
    idle = graph is not None and not len(graph.nodes) and not module._parameters and bool(module._modules)
    return isinstance(module, CONTAINERS) or idle


def row_of(path: str, depth: int, module: nn.Module, runs: list[Run], fills: list[Fill], shown: str = "") -> Row:
    """Return the row of the module at ``path``."""
    trainable, parameters = counts(module)
    given = [run.given.get(path) for run in runs]
    gave = [run.gave.get(path) for run in runs]
    inputs = merged(given[0], given[1], fills) if given and given[0] else None
    return Row(
        path=path or shown,
        name=path.rpartition("/")[2] or shown,
        cls=class_of(module),
        depth=depth,
        input_shape=inputs[0] if inputs is not None and len(inputs) == 1 else inputs,
        output_shape=merged(gave[0], gave[1], fills) if runs and path in runs[0].gave else None,
        parameters=parameters,
        trainable=trainable,
        non_trainable=parameters - trainable,
        macs=cost(path, runs, fills),
        shared=bool(runs) and runs[0].times.get(path, 0) > 1,
        variables={key: tuple(p.shape) for key, p in module.named_parameters(recurse=False)},
    )


def counts(module: nn.Module) -> tuple[int, int]:
    """Return how many values the parameters hold that are trained, and all of them, each parameter once."""
    sizes = [(p.numel(), p.requires_grad) for p in module.parameters()]
    return sum(size for size, trained in sizes if trained), sum(size for size, _ in sizes)


def cost(path: str, runs: list[Run], fills: list[Fill]) -> Size:
    """Return the multiply-accumulates of the module at ``path``: a sum over operations of multiples of names, or unknown."""
    if not runs:
        return UNKNOWN
    first, second = (run.macs.get(path, []) for run in runs)
    if len(first) != len(second):  # what is done depends on the sizes
        return UNKNOWN
    return dims.total(explained(a, b, fills) for a, b in zip(first, second, strict=True))


def merged(first: Any, second: Any, fills: list[Fill]) -> Any:
    """Return the shapes that explain both runs, a tree of them without what is no tensor."""
    if isinstance(first, Spec):
        pairs = zip(map(int, first.shape), map(int, second.shape), strict=True)
        return as_shape(explained(a, b, fills) for a, b in pairs)
    if isinstance(first, dict):
        return {key: merged(value, second[key], fills) for key, value in first.items()}
    if isinstance(first, (list, tuple)):
        found = [merged(a, b, fills) for a, b in zip(first, second, strict=True)]
        shapes = [shape for shape in found if shape is not None]
        return shapes[0] if len(shapes) == 1 < len(found) else shapes
    return None


def outputs_of(runs: list[Run], fills: list[Fill]) -> list[tuple[str, Spec]]:
    """Return the named outputs of the whole."""
    if not runs:
        return []
    found = [
        tree.map_leaves(lambda x: spec_of(x) if isinstance(x, torch.Tensor) else None, run.outputs) for run in runs
    ]
    specs = zip(ends(found[0], None), ends(found[1], None), strict=True)
    return [
        (name, Spec(tuple(merged(first, second, fills)), first.dtype))
        for (name, first), (_, second) in specs
        if isinstance(first, Spec)
    ]


def spec_of(x: torch.Tensor) -> Spec:
    """Return the shape and the dtype of a tensor."""
    return Spec(tuple(x.shape), dtypes.name_of(x.dtype))


def meta_tensor(spec: Spec, fill: Fill) -> torch.Tensor:
    """Return a tensor without values of the sizes that ``spec`` has in one run."""
    return torch.empty([filled(n, fill) for n in spec.shape], dtype=tensors.dtype_of(spec.dtype), device="meta")


def filled(size: Size, fill: Fill) -> int:
    """Return the number a size stands for in one run."""
    if isinstance(size, int):
        return size
    return fill[None] if size.nameless else int(size.at(fill))


def variables_of_module(module: nn.Module, source: str) -> Variables:
    """Return the parameters and the buffers of ``module`` that its state_dict holds."""
    state = module.state_dict(keep_vars=True)
    return Variables(source, [variable_row(name, x) for name, x in state.items() if isinstance(x, torch.Tensor)])


def variable_row(name: str, x: torch.Tensor) -> VariableRow:
    """Return the row of one entry of a state_dict."""

    def read() -> np.ndarray:
        return tensors.to_numpy(x)

    return VariableRow(
        path=name,
        shape=tuple(x.shape),
        dtype=dtypes.name_of(x.dtype),
        trainable=isinstance(x, nn.Parameter) and x.requires_grad,
        parameters=x.numel(),
        bytes=x.numel() * x.element_size(),
        initializer=None,
        read=read,
        chunks=lambda: iter([read().ravel()]),
    )
