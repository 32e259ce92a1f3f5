"""The ModelGraph of a torch.nn.Module: its modules and what they hold."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from layercli.core.spec import Spec
from layercli.inspect.model_graph import ROOT, ModelGraph, ModelGraphBuilder, ValueKind
from layercli.runtime.module_rows import is_container
from layercli.runtime.module_trace import spec_of
from layercli.runtime.recording import class_of


def module_graph(module: nn.Module, inputs: Mapping[str, Spec], name: str, source: str) -> ModelGraph:
    """Return the modules with their parameters and buffers, each once, and which of them are tied."""
    builder = ModelGraphBuilder(name, class_of(module), source)
    places: dict[int, int] = {}

    def place_of(x: torch.Tensor, path: str, kind: ValueKind) -> int:
        if id(x) not in places:
            places[id(x)] = builder.add_value(spec_of(x), kind, path=path, trainable=x.requires_grad)
        return places[id(x)]

    for path, child in [(ROOT, module), *((p, each) for p, each in module.named_modules() if p)]:
        own = path.replace(".", "/")
        held = [
            (key, x, ValueKind.PARAMETER) for key, x in child.named_parameters(recurse=False, remove_duplicate=False)
        ]
        held += [(key, x, ValueKind.BUFFER) for key, x in child.named_buffers(recurse=False, remove_duplicate=False)]
        variables = {key: place_of(x, f"{own}/{key}".lstrip("/"), kind) for key, x, kind in held}
        builder.add_module(own, class_of(child), variables=variables, container=bool(path) and is_container(child))
    paths = {id(child): path.replace(".", "/") for path, child in module.named_modules()}
    for child in module.modules():
        for below in child.children():
            builder.add_child(paths[id(child)], paths[id(below)])
    return builder.graph(incomplete=f"{name} was not called")
