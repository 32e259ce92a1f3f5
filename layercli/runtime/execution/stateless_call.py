"""A call of a layer with other values of its variables, which leaves the layer as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

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


def as_stored(variable: Variable, value: object) -> torch.Tensor:
    """Return a value, of the logical shape, as a tensor of the dtype, device and layout in which the variable is stored."""
    new = torch.as_tensor(value.value if isinstance(value, Variable) else value).to(variable.stored)
    return new if variable.layout is None else new.permute(variable.layout)
