"""The inputs of a torch module by name: the arguments of its ``forward``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from itertools import takewhile
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from layercli.inspect.input_names import Arguments
from layercli.inspect.output_names import numbered
from layercli.runtime.execution.graph_module import GraphModule
from layercli.runtime.execution.grouped_inputs import annotations_of_forward, nested

Kind = inspect.Parameter
POSITIONAL = (Kind.POSITIONAL_ONLY, Kind.POSITIONAL_OR_KEYWORD)


def module_arguments(model: nn.Module, count: int = 1) -> Arguments:
    """Return the arguments of ``forward``, of a graph its inputs; ``count`` is the number given, which sizes a ``*args``."""
    if isinstance(model, GraphModule):
        return Arguments(list(model.specs))
    names: list[str] = []
    optional: set[str] = set()
    for name, parameter in forward_parameters(model).items():
        if parameter.kind is Kind.VAR_KEYWORD:
            continue
        several = parameter.kind is Kind.VAR_POSITIONAL
        found = numbered(name, max(count - len(names), 1)) if several else [name]
        names += found
        if several or parameter.default is not parameter.empty:
            optional.update(found)
    return Arguments(names, optional)


def forward_parameters(model: nn.Module) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of ``forward``, of the module that was compiled or made parallel; TorchScript has a schema."""
    model = unwrapped(model)
    if not isinstance(model, torch.jit.ScriptModule):
        return inspect.signature(model.forward).parameters
    _, *arguments = model.forward.schema.arguments  # type: ignore[attr-defined]  # an attribute of ScriptMethod
    return {
        each.name: inspect.Parameter(
            each.name,
            Kind.KEYWORD_ONLY if each.kwarg_only else Kind.POSITIONAL_OR_KEYWORD,
            default=each.default_value if each.has_default_value() else inspect.Parameter.empty,
        )
        for each in arguments
    }


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the module inside a compiled or data-parallel module."""
    parallel = isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel))
    inner = model.module if parallel else compiled_part(model)
    return unwrapped(inner) if isinstance(inner, nn.Module) else model


def compiled_part(model: nn.Module) -> nn.Module | None:
    """Return the module that ``torch.compile`` made ``model`` from; None for another module."""
    return dict(model.named_children()).get("_orig_mod")


def takes_any(model: nn.Module) -> bool:
    """Whether ``forward`` takes ``**kwargs``."""
    return any(p.kind is Kind.VAR_KEYWORD for p in forward_parameters(model).values())


def calling_with(
    model: nn.Module, run: Callable[..., Any], flags: Mapping[str, object] = MappingProxyType({})
) -> Callable[[Any], Any]:
    """Return a function of inputs, a dict by name or a list, that calls ``run``; ``model`` gives the signature.

    ``flags`` are arguments that are the same in every call.
    """
    spread = spreading(model, flags)

    def call(inputs: Any) -> Any:
        args, kwargs = spread(inputs)
        return run(*args, **kwargs)

    return call


def spreading(
    model: nn.Module, flags: Mapping[str, object] = MappingProxyType({})
) -> Callable[[Any], tuple[list[Any], dict[str, Any]]]:
    """Return a function that turns named inputs into call arguments: positional up to the first missing one, then keywords.

    Entries such as ``batch.x`` are combined; ``flags`` are arguments that are the same in every call.
    """
    if isinstance(model, GraphModule):  # its names may hold dots
        return lambda inputs: (list(inputs.values()) if isinstance(inputs, dict) else as_list(inputs), {})
    parameters, annotations = forward_parameters(model), annotations_of_forward(unwrapped(model))
    positional = [name for name, parameter in parameters.items() if parameter.kind in POSITIONAL]
    keywords = {name for name, p in parameters.items() if p.kind in (Kind.POSITIONAL_OR_KEYWORD, Kind.KEYWORD_ONLY)}
    others = any(p.kind is Kind.VAR_KEYWORD for p in parameters.values())
    several = next((name for name, p in parameters.items() if p.kind is Kind.VAR_POSITIONAL), None)

    def is_keyword(name: str) -> bool:
        return name in keywords or (others and re.fullmatch(rf"{several}(_\d+)?", name) is None)

    def spread(inputs: object) -> tuple[list[Any], dict[str, Any]]:
        if not isinstance(inputs, dict):
            return as_list(inputs), dict(flags)
        if not flags and list(inputs) == positional[: len(inputs)]:  # the usual case; calls are timed
            return list(inputs.values()), {}
        inputs = nested({**inputs, **flags}, annotations)
        first = list(takewhile(inputs.__contains__, positional))
        kwargs = {name: x for name, x in inputs.items() if name not in first and is_keyword(name)}
        rest = [x for name, x in inputs.items() if name not in kwargs and name not in first]
        return [*(inputs[name] for name in first), *rest], kwargs

    return spread


def as_list(inputs: object) -> list[object]:
    """Return a list or tuple as a list, and one input as a list of it."""
    return list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
