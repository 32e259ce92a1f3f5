"""A call of a layer with other values of its variables, which leaves the layer as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.core.variable import Variable

Values = tuple[Sequence[Variable], Sequence[Any]]


def stateless_call(
    layer: Layer,
    trained: Values,
    others: Values,
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
    return_losses: bool,
) -> Any:
    """See Layer.stateless_call; gradients flow to the values of trained variables."""
    with swapped([*trained[0], *others[0]], [*trained[1], *others[1]], copied=len(others[0])):
        outputs = layer(*args, **kwargs)
        losses = list(layer.losses)
        state = [variable.value for variable in others[0]]
    return (outputs, state, losses) if return_losses else (outputs, state)


@contextmanager
def swapped(variables: Sequence[Variable], values: Sequence[Tensor], *, copied: int) -> Iterator[None]:
    """Let the modules hold ``values``, the last ``copied`` of them as copies, while the context is open."""
    held: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for place, (variable, value) in enumerate(zip(variables, values, strict=True)):
            module: nn.Module = variable.owner.module
            store: dict[str, Any] = module._parameters if variable.key in module._parameters else module._buffers
            old = store[variable.key]
            new = torch.as_tensor(value.value if isinstance(value, Variable) else value).to(old)
            new = new if variable.layout is None else new.permute(variable.layout)
            held.append((store, variable.key, old))
            store[variable.key] = new.clone() if place >= len(variables) - copied else new
        yield
    finally:
        for store, key, old in held:
            store[key] = old
