"""Call a layer on values: convert arrays to tensors, build the layer on the first call, run its module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from layercli.core import call_context, graph, masking, text, tree
from layercli.core.layer import Layer
from layercli.core.operation import spec_of
from layercli.core.types import Config
from layercli.errors import UsageError
from layercli.runtime.execution import layer_module, tensors, training_modes


def call(layer: Layer, args: tuple[Any, ...], kwargs: Config) -> Any:
    """Return ``layer(*args, **kwargs)`` for tensors, arrays and nested lists of numbers."""
    device = device_of(layer)
    args = tuple(prepared(x, device) for x in args)
    kwargs = prepared(kwargs, device)
    says_training = "training" in kwargs
    training = kwargs.pop("training", None)
    if layer._module is None or not layer._module.ready:
        check_tensors(args, kwargs)
        with layer_module.building:
            if layer._module is None or not layer._module.ready:  # no other thread has built it meanwhile
                describe(layer, args, kwargs)
    module = layer._module
    if layer._autocast:
        args, kwargs = _cast(module, args), _cast(module, kwargs)
    masking.fill_in(layer, args, kwargs)
    if args:
        layer._check_inputs(args[0])
    passed = {"training": training} if says_training and module.takes_training else {}
    if not says_training:
        outputs = module(*args, **kwargs)
    else:
        wanted = None if training is None else bool(training)
        enter = training_modes.asked if is_in_mode(module, wanted) else training_modes.mode
        with enter(module, wanted):
            outputs = module(*args, **kwargs, **passed)
    return masking.passed_on(layer, args, kwargs, outputs)


def describe(layer: Layer, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
    """Build the whole layer symbolically from the specs of the arguments, then create its module."""
    described_outputs(layer, args, kwargs)
    layer_module.build_module(layer, ready=True)


def described_outputs(layer: Layer, args: tuple[object, ...], kwargs: dict[str, object]) -> Any:
    """Return the symbolic outputs of a layer, which is built by that, for the specs of the arguments."""
    specs = tree.map_structure(spec_of, (args, kwargs))
    with call_context.fresh_trace():
        args, kwargs = graph.placeholders(specs)
        if tree.flatten((args, kwargs)):
            return layer(*args, **kwargs)
        return layer._symbolic_call(args, kwargs)  # there is no symbolic tensor to recognise the call by


def check_tensors(args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
    """Raise UsageError if no argument is a tensor or convertible to one."""
    given = tree.flatten((args, kwargs))
    if given and not any(isinstance(x, torch.Tensor) or text.is_text(x) for x in given):
        raise UsageError(f"expects a tensor, an array or nested lists of numbers, got {given[0]!r}")


def prepared(values: object, device: torch.device | None) -> Any:
    """Convert arrays and nested lists of numbers in a tree to tensors on ``device``."""
    if text.is_text(values):
        return text.text_array(values)
    if tensors.is_array(values):
        return tensors.as_tensor(values, device)
    if isinstance(values, dict):
        return {key: prepared(value, device) for key, value in values.items()}
    if isinstance(values, (list, tuple)) and not hasattr(values, "_fields"):
        return type(values)(prepared(value, device) for value in values)
    return values


def device_of(layer: Layer) -> torch.device | None:
    """Return the device of the layer's state, or None if it has none."""
    if layer._module is None:
        return None
    held = next(layer._module.parameters(), None)
    return None if held is None else held.device


def _cast(module: layer_module.LayerModule, values: object) -> Any:
    wanted = module.dtype

    def cast(x: object) -> Any:
        if not isinstance(x, torch.Tensor) or x.dtype is wanted or not x.is_floating_point():
            return x
        converted = x.to(wanted)
        if (mask := masking.mask_of(x)) is not None:
            masking.set_mask(converted, mask)
        return converted

    return tree.map_structure(cast, values)


def is_in_mode(module: layer_module.LayerModule, training: bool | None) -> bool:
    """Return whether the module and the augmenting ones below run as a call that says ``training`` does."""
    if module.training is not bool(training):
        return False
    if module.call_state.augmenting and training:  # where the flags are those that a new module has
        return all(each.training for each in module.modules())
    return training is None or not any(each.training for each in module.call_state.augmenting)
