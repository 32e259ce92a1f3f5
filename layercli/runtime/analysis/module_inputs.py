"""Build the arguments for the ``forward`` of a traced torch module from shapes, files and flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np
import torch
from torch import nn

from layercli.core import dtypes
from layercli.core.dims import Size
from layercli.core.spec import Spec
from layercli.dataclass import dataclass
from layercli.inspect import input_generation, inputs
from layercli.inspect.input_names import Arguments
from layercli.runtime.analysis.dispatched_operation import MOST_REAL
from layercli.runtime.analysis.fake_tensors import FakeTensor
from layercli.runtime.analysis.module_runs import Fill
from layercli.runtime.execution import tensors
from layercli.runtime.execution.forward_arguments import forward_arguments
from layercli.runtime.inference.model_kinds import runnable


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

    A shape without a dtype gets the dtype that the module computes in.
    """
    given = given or GivenInputs()
    if not (shapes or given.files or given.arguments):
        return ModuleInputs()
    arguments = forward_arguments(name, module, shapes, given.files, given.arguments)
    specs = arguments.specs(sizes, runnable(module).floating_dtype or "float32")
    found = ModuleInputs(specs, dict(arguments.flags))
    if given.files:
        taken = Arguments(arguments.taken.names, {*arguments.taken.optional, *specs})
        read = inputs.read(name, taken, specs, arguments.files)
        found.values.update(read)
        found.specs.update({key: Spec(tuple(x.shape), dtypes.name_of(x.dtype)) for key, x in read.items()})
    arguments.check(found.specs)
    if given.fill is not None:
        unread = {key: spec for key, spec in specs.items() if key not in found.values}
        found.values.update(input_generation.filled(unread, list(unread), given.fill, given.seed, given.ranges))
    return found


def tensors_for(specs: Mapping[str, Spec], values: Mapping[str, object], sizes: Fill) -> dict[str, object]:
    """Return the arguments by name: zeros for Specs, tensors for arrays, other values unchanged."""
    made = {name: zeros(spec, sizes) for name, spec in specs.items() if name not in values}
    return {**made, **{name: _as_argument(x, specs.get(name)) for name, x in values.items()}}


def _as_argument(x: object, spec: Spec | None) -> object:
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
