"""Write the folder of an ExportArchive: a ``.pt2`` file for each endpoint, variables as safetensors, and an index."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from layercli.core import tree
from layercli.core.layer import Layer
from layercli.core.types import Config
from layercli.core.variable import Variable
from layercli.formats.atomic import staged_folder
from layercli.runtime.export.export import as_tuple, open_axes, traced
from layercli.runtime.export.input_signature import specs_of

INDEX = "endpoints.json"

Endpoint = tuple[Callable[..., Any], Any, Mapping[str, Any]]
"""A function, its input signature, and arguments of torch.export.export."""


class EndpointModule(nn.Module):
    """A function as a module, which holds the modules of the layers that it uses."""

    def __init__(self, function: Callable[..., Any], tracked: Sequence[Layer]) -> None:
        super().__init__()
        vars(self)["function"] = function
        self.tracked = nn.ModuleList(layer.module for layer in tracked)

    def forward(self, *args: torch.Tensor) -> Any:
        """Return the result of the function."""
        return self.__dict__["function"](*args)


def write_archive(
    path: str | os.PathLike[str],
    endpoints: Mapping[str, Endpoint],
    tracked: Sequence[Layer],
    collections: Mapping[str, Sequence[Variable]],
) -> None:
    """See ExportArchive.write_out; UsageError where torch cannot trace a function."""
    index: dict[str, Any] = {"endpoints": {}, "collections": {}}
    with staged_folder(path) as folder:
        for name, (function, signature, settings) in endpoints.items():
            specs = specs_of(signature, isinstance(function, Layer)) if signature is not None else _called(function)
            program = _traced(f"the endpoint {name}", function, tracked, specs, signature is None, dict(settings))
            torch.export.save(program, Path(folder, f"{name}.pt2"))
            index["endpoints"][name] = {
                "file": f"{name}.pt2",
                "inputs": tree.map_structure(lambda spec: {"shape": _sizes(spec), "dtype": spec.dtype}, list(specs)),
            }
        for name, variables in collections.items():
            file = f"{name}.safetensors"
            save_file({v.path: v.value.detach().contiguous().clone() for v in variables}, Path(folder, file))
            index["collections"][name] = {"file": file, "variables": [v.path for v in variables]}
        Path(folder, INDEX).write_text(json.dumps(index, indent=1) + "\n")


def _traced(
    owner: str, function: Any, tracked: Sequence[Layer], specs: object, any_batch: bool, settings: Config
) -> torch.export.ExportedProgram:
    if isinstance(function, Layer):
        return traced(function.module, specs, owner, any_batch=any_batch, **settings)
    given = settings.pop("dynamic_shapes", None)
    axes = as_tuple(given) if given else tree.map_structure(lambda spec: open_axes(spec, any_batch), specs)
    # torch takes the arguments of a ``forward(*args)`` as one
    module = EndpointModule(function, tracked)
    return traced(module, specs, owner, any_batch=any_batch, dynamic_shapes=(axes,), **settings)


def _called(function: Any) -> Any:
    layer = function if isinstance(function, Layer) else function.__self__
    return layer._call_specs


def _sizes(spec: Any) -> list[Any]:
    return [size if isinstance(size, int) else None for size in spec.shape]
