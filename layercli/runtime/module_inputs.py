"""The arguments of a torch module that is traced: from shapes, files and flags to what ``forward`` is called with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from layercli.core.dims import Size
from layercli.core.spec import Spec
from layercli.inspect.shapes import fill, parse_sizes, shapes_by_name
from layercli.runtime import tensors
from layercli.runtime.arguments import arguments_of, spreading
from layercli.runtime.dispatch_tracer import MOST_REAL
from layercli.runtime.fake_tensors import FakeTensor
from layercli.runtime.module_runs import Fill


def inputs_of_module(module: nn.Module, name: str, shapes: list[str], sizes: list[str]) -> dict[str, Spec]:
    """Return the Specs of the arguments of ``forward`` that were given shapes; UsageError where one lacks it needs."""
    if not shapes:
        return {}
    taken = arguments_of(module, None, len(shapes))
    specs = shapes_by_name(name, shapes, {}, taken.names)
    taken.check(name, specs)
    found: dict[str, Spec] = fill(specs, parse_sizes(sizes))
    return found


def tensors_for(specs: Mapping[str, Spec], values: Mapping[str, Any], sizes: Fill) -> dict[str, Any]:
    """Return the arguments by name: tensors of zeros for Specs, arrays as tensors, other values as they are."""
    made = {name: zeros(spec, sizes) for name, spec in specs.items() if name not in values}
    given = {name: tensors.as_tensor(x) if isinstance(x, np.ndarray) else x for name, x in values.items()}
    return {**made, **given}


def zeros(spec: Spec, sizes: Fill) -> torch.Tensor:
    """Return a tensor of zeros of the sizes that ``spec`` has in one run; a large one has no values."""
    dtype = tensors.dtype_of(spec.dtype)
    like = torch.empty([filled(n, sizes) for n in spec.shape], dtype=dtype, device="meta")
    return torch.zeros(like.shape, dtype=dtype) if like.numel() <= MOST_REAL else FakeTensor(like)


def filled(size: Size, sizes: Fill) -> int:
    """Return the number a size stands for in one run."""
    if isinstance(size, int):
        return size
    return sizes[None] if size.nameless else int(size.at(sizes))


def spread(module: nn.Module, inputs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments of a call by position and by name."""
    return spreading(module)(inputs)
