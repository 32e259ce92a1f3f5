"""The sentence for a forward pass that fails: which layer, on what, and what it expects where its class says so."""

from __future__ import annotations

from typing import Any

from torch import nn

from layercli.core.spec import Spec
from layercli.runtime.analysis.module_runs import specs_in
from layercli.runtime.analysis.module_trace import Trace
from layercli.runtime.execution.forward_hooks import class_of
from layercli.runtime.execution.graph_module import first_line

FEATURES: list[tuple[Any, str, str, int]] = [
    (nn.Linear, "in_features", "features", -1),
    (nn.modules.conv._ConvNd, "in_channels", "channels", 1),
    (nn.modules.batchnorm._BatchNorm, "num_features", "channels", 1),
    (nn.GroupNorm, "num_channels", "channels", 1),
    (nn.RNNBase, "input_size", "features", -1),
]
"""Classes of torch: the attribute that says how large an axis of their input is, what it counts, and which axis it is."""


def failure_of(name: str, trace: Trace) -> str:
    """Return the sentence for the error of a trace that did not end; ``name`` is what the model is called."""
    error = trace.failure
    assert error is not None
    reason = first_line(error)
    call = trace.failed_in
    if call is None:
        return f"{name}: {reason}"
    where = f"{'/'.join(call.path) or name} ({class_of(call.module)})"
    specs = specs_in(call.inputs)
    if (expected := _expected(call.module, specs)) is not None:
        return f"{where} {expected}"
    return f"{where} fails on {', '.join(map(str, specs)) or 'no tensor'}: {reason}"


def _expected(module: nn.Module, specs: list[Spec]) -> str | None:
    for cls, attribute, word, axis in FEATURES:
        if isinstance(module, cls) and specs:
            wanted, shape = getattr(module, attribute), specs[0].shape
            if len(shape) > max(axis, 0) and shape[axis] != wanted:
                return f"expects {wanted} {word}, got {shape[axis]} in {specs[0]}"
    return None
