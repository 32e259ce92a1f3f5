"""A call of a layer with other values of its variables, which leaves the layer as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from layercli.core.layer import Layer
from layercli.core.stateless_scope import StatelessScope
from layercli.core.variable import Variable

Values = tuple[Sequence[Variable], Sequence[Any]]


def stateless_call(
    layer: Layer,
    trained: Values,
    others: Values,
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
    return_losses: bool,
) -> object:
    """See Layer.stateless_call; gradients flow to the values of trained variables."""
    with StatelessScope([*zip(*trained, strict=True), *zip(*others, strict=True)]) as scope:
        outputs = layer(*args, **kwargs)
        losses = list(layer.losses)
        state = [scope.get_current_value(variable) for variable in others[0]]
    return (outputs, state, losses) if return_losses else (outputs, state)


def swap_value(variable: Variable, value: object) -> Any:
    """Let the module hold another value, of the logical shape, and return the tensor that it held."""
    stored = variable.stored
    new = torch.as_tensor(value.value if isinstance(value, Variable) else value).to(stored)
    return swap_stored(variable, new if variable.layout is None else new.permute(variable.layout))


def swap_stored(variable: Variable, tensor: Any) -> object:
    """Let the module hold another tensor, and return the one that it held."""
    module: nn.Module = variable.owner.module
    store: dict[str, Any] = module._parameters if variable.key in module._parameters else module._buffers
    before, store[variable.key] = store[variable.key], tensor
    return before
