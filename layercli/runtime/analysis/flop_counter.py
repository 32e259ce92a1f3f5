"""Count the multiply-accumulates of a torch module by path, from a trace that computes nothing large."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from layercli.core import tree
from layercli.runtime.analysis.dispatched_operation import MOST_REAL
from layercli.runtime.analysis.fake_tensors import FakeTensor
from layercli.runtime.analysis.module_trace import paths_of, trace
from layercli.runtime.analysis.script_calls import Path
from layercli.runtime.analysis.trace_recording import Trace
from layercli.runtime.execution.forward_signature import spreading
from layercli.runtime.execution.graph_module import GraphModule


def macs_of(module: nn.Module, placed: object, flags: Mapping[str, object]) -> dict[str, int] | None:
    """Return the multiply-accumulates of one run by path (``""`` is the whole module); None if it cannot be traced.

    ``flags`` are arguments of ``forward`` beside the inputs.
    """
    paths = paths_of(module, merged=False)
    found = traced_call(module, placed, flags, paths)
    if found.failure is not None:
        return None
    counts = {path: 0 for places in paths.values() for path in places}
    for operation in found.operations:
        for length in range(len(operation.path) + 1):
            counts[operation.path[:length]] += int(operation.macs)
    above = module.held_under if isinstance(module, GraphModule) else ""
    return {(f"{above}{'/'.join(path)}" if path else ""): macs for path, macs in counts.items()}


def traced_call(
    module: nn.Module, placed: object, flags: Mapping[str, object], paths: dict[nn.Module, list[Path]] | None = None
) -> Trace:
    """Return the trace of one run on a tree of tensors; ``paths`` are the modules to distinguish, by default all."""
    inputs = tree.map_structure(lambda x: _without_device(x) if isinstance(x, torch.Tensor) else x, placed)
    return trace(module, lambda called: spreading(called, flags)(inputs), paths=paths)


def _without_device(x: torch.Tensor) -> torch.Tensor:
    """Return an input for a trace: on the CPU if it is small, else without values."""
    return x.cpu() if x.numel() <= MOST_REAL else FakeTensor(x.detach().to("meta"))
