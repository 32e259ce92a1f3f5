"""A layer given to a torch.nn.Module: the attribute stays the layer, and the submodule of that name is its layer module."""

from __future__ import annotations

from functools import cache
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_module_registration_hook

from layercli.core.layer import Layer
from layercli.runtime.execution.layer_module import LayerModule, module_class


@cache
def registered_as() -> type[nn.Module]:
    """Return what torch takes a layer for; from now on it registers layer modules in place of layers."""
    register_module_module_registration_hook(in_place_of_layer)  # type: ignore[arg-type]  # annotated as returning None
    return nn.Module


def in_place_of_layer(owner: nn.Module, name: str, value: Any) -> LayerModule | None:
    """Return the layer module of a layer, and keep the layer as the attribute; None, which changes nothing, for another value."""
    if issubclass(type(value), Layer):
        vars(owner)[name] = value
        return module_of(value)
    if issubclass(type(vars(owner).get(name)), Layer):
        del vars(owner)[name]
    return None


def module_of(layer: Layer) -> LayerModule:
    """Return the layer module; that of a layer that is not built has no parameters until its first call builds it."""
    if layer._module is None and not (layer.built or layer._variables or layer.is_container_only):
        layer._module = module_class(type(layer))(layer)
        layer._module.forward = layer.__call__
    found: LayerModule = layer.module
    return found
