"""Explain a failed forward pass: which layer failed, on which input, and what the layer expects."""

from __future__ import annotations

from typing import Any

from torch import nn

from layercli.core.spec import Spec
from layercli.runtime.analysis.module_runs import specs_in
from layercli.runtime.analysis.trace_recording import Trace
from layercli.runtime.execution.forward_hooks import class_of
from layercli.runtime.execution.graph_module import first_line

FEATURES: list[tuple[Any, str, str, int]] = [
    (nn.Linear, "in_features", "features", -1),
    (nn.modules.conv._ConvNd, "in_channels", "channels", 1),
    (nn.modules.batchnorm._BatchNorm, "num_features", "channels", 1),
    (nn.GroupNorm, "num_channels", "channels", 1),
    (nn.RNNBase, "input_size", "features", -1),
]
"""Torch classes: the attribute with the expected size, what it counts, and the axis it applies to."""


def failure_of(name: str, trace: Trace) -> str:
    """Return the error message for a trace that failed; ``name`` is the name of the model."""
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
