"""A torch module made without its parameters being allocated or initialised, whatever its constructor does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from layercli.runtime.analysis.dispatch_tracer import Tracer
from layercli.runtime.analysis.fake_tensors import without_slow_imports
from layercli.runtime.analysis.module_state import preserved_generators


def built_without_values(make: Callable[[], Any]) -> Any:
    """Return what ``make`` returns; parameters of a torch module in it are fake tensors.

    Small values that a constructor computes are real. One that reads values of parameters is run again with them.
    """
    tracer = Tracer(building=True)
    try:
        with preserved_generators(), without_slow_imports(), tracer:
            found = make()
    except Exception:
        if not tracer.gave_fake:  # else it may have wanted values
            raise
        return make()
    return found if isinstance(found, nn.Module) or not tracer.gave_fake else make()
