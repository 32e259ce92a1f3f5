"""What a torch module multiplies: counted by torch on the meta device, where nothing is computed and nothing is allocated."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from layercli.core import tree
from layercli.runtime.arguments import spreading


def macs_of(module: nn.Module, placed: Any) -> dict[str, int] | None:
    """Return the multiply-accumulates of one run by path, the whole module's under ``""``; None where it cannot run so."""
    inputs = tree.map_leaves(lambda x: x.to("meta") if isinstance(x, torch.Tensor) else x, placed)
    try:
        return counted(module, inputs)[1]
    except Exception:  # a module may do what needs values
        return None


def counted(module: nn.Module, inputs: Any) -> tuple[Any, dict[str, int]]:
    """Return what a module gives for inputs on the meta device, by name or in a list, and the cost by path."""
    state = {name: x.detach().to("meta") for name, x in [*module.named_parameters(), *module.named_buffers()]}
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        args, kwargs = spreading(module)(inputs)
        outputs = functional_call(module, state, tuple(args), kwargs)
    counts = {path: sum(ops.values()) // 2 for path, ops in counter.get_flop_counts().items()}
    inner = {path.partition(".")[2].replace(".", "/"): macs for path, macs in counts.items() if "." in path}
    return outputs, {**inner, "": counts.get("Global", 0)}
