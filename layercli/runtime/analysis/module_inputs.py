"""Build the arguments for the ``forward`` of a traced torch module from shapes, files and flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from layercli.core import dtypes
from layercli.core.dims import Size
from layercli.core.spec import Spec
from layercli.errors import UsageError, nearest
from layercli.inspect import input_generation, inputs
from layercli.inspect.input_names import Arguments
from layercli.inspect.model_loader import parse_setting
from layercli.inspect.shape_parser import fill, parse_sizes, shapes_by_name
from layercli.runtime.analysis.dispatch_tracer import MOST_REAL
from layercli.runtime.analysis.fake_tensors import FakeTensor
from layercli.runtime.analysis.module_runs import Fill
from layercli.runtime.execution import tensors
from layercli.runtime.execution.forward_signature import POSITIONAL, Kind, arguments_of, forward_parameters, spreading
from layercli.runtime.execution.graph_module import GraphModule
from layercli.runtime.inference.prepared_model import floating_of


@dataclass(frozen=True)
class GivenInputs:
    """The input options of the command line other than shapes."""

    files: Sequence[str] = ()
    fill: str | None = None
    ranges: Sequence[str] = ()
    seed: int = 0
    arguments: Sequence[str] = ()


@dataclass
class ModuleInputs:
    """The inputs of a torch module: Specs of its tensors by name, and the known values of these or other arguments."""

    specs: dict[str, Spec] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)


def inputs_of_module(
    module: nn.Module, name: str, shapes: Sequence[str], sizes: Sequence[str], given: GivenInputs | None = None
) -> ModuleInputs:
    """Return the given arguments of ``forward``; UsageError if a required one is missing.

    A shape without a dtype gets the dtype that the module computes in. ``batch.x=2,4`` is the entry ``x`` of the dict
    argument ``batch``; if ``forward`` takes one argument, the names of the entries suffice.
    """
    given = given or GivenInputs()
    flags = dict(map(parse_setting, given.arguments))
    if not (shapes or given.files or flags):
        return ModuleInputs()
    taken = names_taken(module, shapes, given.files, flags)
    _check_flags(module, name, flags)
    shapes = _with_owner(module, shapes, taken, flags)
    entries = [text.partition("=")[0] for text in shapes if "." in text.partition("=")[0]]
    open_names = [*taken.names, *(entry for entry in entries if entry not in taken.names)]
    free = [each for each in open_names if each not in flags]
    specs = fill(shapes_by_name(name, shapes, {}, free, floating_of(module) or "float32"), parse_sizes(sizes))
    found = ModuleInputs(specs, dict(flags))
    if given.files:
        optional = {*taken.optional, *flags, *specs, *(each.partition(".")[0] for each in specs)}
        read = inputs.read(name, Arguments(free, optional), specs, given.files)
        found.values.update(read)
        found.specs.update({key: Spec(tuple(x.shape), dtypes.name_of(x.dtype)) for key, x in read.items()})
    held = {*found.specs, *found.values}
    taken.check(name, {*held, *(each.partition(".")[0] for each in held)})
    if given.fill is not None:
        unread = {key: spec for key, spec in specs.items() if key not in found.values}
        found.values.update(input_generation.filled(unread, list(unread), given.fill, given.seed, given.ranges))
    return found


def names_taken(module: nn.Module, shapes: Sequence[str], files: Sequence[str], flags: Mapping[str, Any]) -> Arguments:
    """Return the argument names of ``forward``, and the given names if it takes ``**kwargs``."""
    taken = arguments_of(module, None, len(shapes) + len(files))
    if not _takes_any_keyword(module):
        return taken
    written = [text.partition("=")[0] for text in [*shapes, *files] if "=" in text]
    others = [each for each in [*written, *flags] if each not in taken.names and each.isidentifier()]
    return Arguments([*taken.names, *dict.fromkeys(others)], {*taken.optional, *others})


def _takes_any_keyword(module: nn.Module) -> bool:
    return _takes_any(forward_parameters(module))


def _takes_any(parameters: Mapping[str, Any]) -> bool:
    return any(p.kind is Kind.VAR_KEYWORD for p in parameters.values())


def _check_flags(module: nn.Module, name: str, flags: Mapping[str, Any]) -> None:
    known = forward_parameters(module)
    for flag in flags:
        if flag not in known and not _takes_any_keyword(module):
            raise UsageError(
                f"forward of {name} has no argument {flag!r}",
                hint=nearest(flag, list(known)) or f"its arguments: {', '.join(known)}",
            )


def _with_owner(module: nn.Module, shapes: Sequence[str], taken: Arguments, flags: Mapping[str, Any]) -> list[str]:
    """Prefix the names of dict entries with the name of the single argument that takes the dict."""
    positional = [p.name for p in forward_parameters(module).values() if p.kind in POSITIONAL]
    needed = [each for each in positional if each not in taken.optional and each not in flags]
    names = [text.partition("=")[0] for text in shapes if "=" in text]
    if len(needed) != 1 or len(names) < len(shapes) or not names:
        return list(shapes)
    if any(each in taken.names or "." in each for each in names) or _takes_any_keyword(module):
        return list(shapes)
    return [f"{needed[0]}.{text}" for text in shapes]


def tensors_for(specs: Mapping[str, Spec], values: Mapping[str, Any], sizes: Fill) -> dict[str, Any]:
    """Return the arguments by name: zeros for Specs, tensors for arrays, other values unchanged."""
    made = {name: zeros(spec, sizes) for name, spec in specs.items() if name not in values}
    return {**made, **{name: _as_argument(x, specs.get(name)) for name, x in values.items()}}


def _as_argument(x: Any, spec: Spec | None) -> Any:
    if not isinstance(x, np.ndarray):
        return x
    tensor = tensors.as_tensor(x)
    return tensor if spec is None else tensor.to(tensors.dtype_of(spec.dtype))


def zeros(spec: Spec, sizes: Fill) -> torch.Tensor:
    """Return zeros with the sizes that ``spec`` has in one run; a large tensor has no values."""
    dtype = tensors.dtype_of(spec.dtype)
    like = torch.empty([filled(n, sizes) for n in spec.shape], dtype=dtype, device="meta")
    return torch.zeros(like.shape, dtype=dtype) if like.numel() <= MOST_REAL else FakeTensor(like)


def filled(size: Size, sizes: Fill) -> int:
    """Return the number used for a size in one run."""
    if isinstance(size, int):
        return size
    return sizes[None] if size.anonymous else int(size.at(sizes))


def spread(module: nn.Module, inputs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return positional and keyword arguments of a call; entries of one dict or list are combined."""
    found, known = nested(inputs), forward_parameters(module) if not isinstance(module, GraphModule) else {}
    others = {name: x for name, x in found.items() if name not in known} if _takes_any(known) else {}
    args, kwargs = spreading(module)({name: x for name, x in found.items() if name not in others})
    return args, {**kwargs, **others}


def nested(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Combine ``batch.x`` and ``batch.y`` into one dict ``batch``; numbered entries make a list.

    >>> nested({"batch.x": 1, "batch.y": 2, "pair.0": 3, "pair.1": 4})
    {'batch': {'x': 1, 'y': 2}, 'pair': [3, 4]}
    """
    found: dict[str, Any] = {}
    for name, value in inputs.items():
        owner, dot, entry = name.partition(".")
        if dot:
            found.setdefault(owner, {})[entry] = value
        else:
            found[name] = value
    groups = {name.partition(".")[0] for name in inputs if "." in name}
    return {name: _grouped(value) if name in groups else value for name, value in found.items()}


def _grouped(entries: dict[str, Any]) -> Any:
    inner = nested(entries)
    return list(inner.values()) if all(key.isdecimal() for key in inner) else inner
