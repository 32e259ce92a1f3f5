"""Construct a torch module without allocating or initialising its parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from layercli.runtime.analysis.dispatch_tracer import Tracer
from layercli.runtime.analysis.fake_tensors import without_slow_imports
from layercli.runtime.analysis.module_state import preserved_generators


def built_without_values(make: Callable[[], Any]) -> Any:
    """Return the result of ``make`` with fake tensors for the parameters of its modules.

    Small values that a constructor computes are real. A constructor that reads parameter values is run again with real ones.
    """
    tracer = Tracer(building=True)
    try:
        with preserved_generators(), without_slow_imports(), tracer:
            found = make()
    except Exception:
        if not tracer.gave_fake:  # otherwise the constructor may have needed values
            raise
        return make()
    return found if isinstance(found, nn.Module) or not tracer.gave_fake else make()
