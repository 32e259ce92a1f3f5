"""What a torch module multiplies: counted by torch on the meta device, where nothing is computed and nothing is allocated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from layercli.core import tree
from layercli.runtime.arguments import spreading


class Costs(list[int]):
    """What the operations of a module cost, one by one in the order they ran: torch adds what it is told of each."""

    def __radd__(self, other: Any) -> Costs:
        return Costs(self) if other == 0 else NotImplemented  # a list of its own: what follows is added in place


def macs_of(module: nn.Module, placed: Any) -> dict[str, int] | None:
    """Return the multiply-accumulates of one run by path, the whole module's under ``""``; None where it cannot run so."""
    inputs = tree.map_leaves(lambda x: x.to("meta") if isinstance(x, torch.Tensor) else x, placed)
    try:
        _, found = counted(module, inputs)
    except Exception:  # a module may do what needs values
        return None
    return {path: sum(costs) for path, costs in found.items()}


def counted(module: nn.Module, inputs: Any) -> tuple[Any, dict[str, list[int]]]:
    """Return what a module gives for inputs on the meta device, by name or in a list, and what each operation costs by path."""
    state = {name: x.detach().to("meta") for name, x in [*module.named_parameters(), *module.named_buffers()]}
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=one_by_one()) as counter:
        args, kwargs = spreading(module)(inputs)
        outputs = functional_call(module, state, tuple(args), kwargs)
    counts = {
        path: [cost for costs in ops.values() for cost in costs] for path, ops in counter.get_flop_counts().items()
    }
    inner = {path.partition(".")[2].replace(".", "/"): costs for path, costs in counts.items() if "." in path}
    return outputs, {**inner, "": counts.get("Global", [])}


def one_by_one() -> dict[Any, Any]:
    """Return torch's formulas of what each operation costs, made to give a list."""

    def listing(formula: Callable[..., int]) -> Callable[..., Costs]:
        def listed(*args: Any, **kwargs: Any) -> Costs:
            return Costs([formula(*args, **kwargs) // 2])

        listed._get_raw = True  # type: ignore[attr-defined]  # how torch knows what takes tensors rather than shapes
        return listed

    return {operation: listing(formula) for operation, formula in flop_registry.items()}
