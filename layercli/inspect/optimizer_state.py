"""The memory of an optimizer's state: the tensors that it keeps beside each parameter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from layercli.core.spec import Spec
from layercli.errors import UsageError
from layercli.lazy import torch
from layercli.optimizers import parse
from layercli.optimizers.base_optimizer import Optimizer


def optimizer_of(text: str, accumulation: int = 1) -> object:
    """Return the optimizer that ``adam`` or ``sgd:momentum=0.9`` describes, which updates once in ``accumulation`` steps."""
    found = parse(text)
    if accumulation > 1:
        if not hasattr(found, "gradient_accumulation_steps"):
            raise UsageError(f"{text} accumulates no gradients")
        found.gradient_accumulation_steps = accumulation
    return found


def state_bytes(optimizer: Any, parameters: Iterable[Spec]) -> int:
    """Return the bytes of all tensors that an optimizer keeps for these parameters, as its ``build`` makes them."""
    specs = list(parameters)
    cls = type(optimizer)
    alike = getattr(cls, "initial", None) is Optimizer.initial and cls.add_state is Optimizer.add_state
    if not alike:
        return _built(optimizer, specs)
    count = sum(len(group) for group in optimizer.slots()) + bool(optimizer.use_ema)
    count += bool(optimizer.gradient_accumulation_steps)
    return count * sum(int(spec.bytes) for spec in specs)


def _built(optimizer: Any, specs: list[Spec]) -> int:
    """Return the bytes of the state that is made for parameters on the meta device, which hold no values."""
    made = [
        torch.empty([int(size) for size in spec.shape], dtype=getattr(torch, spec.dtype), device="meta")
        for spec in specs
    ]
    optimizer.build([torch.nn.Parameter(x) for x in made])
    state = optimizer.state
    kept = [x for tensors in state.slots.values() for x in tensors if x is not None]
    return sum(x.numel() * x.element_size() for x in kept)
