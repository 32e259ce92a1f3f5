"""Construct a torch module without allocating or initialising its parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from layercli.errors import UsageError
from layercli.runtime.analysis.dispatch_tracer import Tracer
from layercli.runtime.analysis.fake_tensors import FakeTensor, NeedsValues, without_slow_imports
from layercli.runtime.analysis.missing_values import may_need_values, reason_of
from layercli.runtime.analysis.module_state import preserved_generators
from layercli.runtime.execution.available_memory import free_memory

NEEDING = ("trace", "trace_module", "freeze", "save")
"""The functions of torch.jit that run a module or take its values into a graph."""


def built_without_values(make: Callable[[], Any]) -> object:
    """Return the result of ``make`` with fake tensors for the parameters of its modules.

    Small values that a constructor computes are real. A constructor that reads parameter values is run again with real ones,
    if they fit in memory: UsageError if not.
    """
    tracer = Tracer(building=True)
    try:
        with preserved_generators(), without_slow_imports(), building_functions(tracer), tracer:
            found = make()
    except Exception as error:
        if not tracer.gave_fake or not may_need_values(error, tracer):
            raise
        require_memory(tracer, reason_of(error))
        return make()
    return found if isinstance(found, nn.Module) or not tracer.gave_fake else make()


def require_memory(tracer: Tracer, reason: str) -> None:
    """Raise UsageError if the tensors that a constructor made before it failed take more memory than is free."""
    alive = [x.meta.untyped_storage() for made in tracer.made if (x := made()) is not None]
    needed = sum({storage._cdata: storage.nbytes() for storage in alive}.values())
    if needed > (free := free_memory()):
        needs = f"constructing the model takes at least {needed / 2**30:,.1f} GiB of memory, since {reason}"
        raise UsageError(f"{needs}; {free / 2**30:,.1f} GiB are free")


@contextmanager
def building_functions(tracer: Tracer) -> Iterator[None]:
    """Replace the functions of torch that read values of a module under construction.

    Those of TorchScript say so, so that the model is constructed with values. ``trunc_normal_``, which draws until all values
    are within the bounds, returns a tensor without values as it is.
    """

    def refuse(name: str) -> Callable[..., Any]:
        def refused(*args: object, **kwargs: object) -> Any:
            tracer.gave_fake = True
            raise NeedsValues(f"torch.jit.{name}")

        return refused

    truncated: Any = nn.init._no_grad_trunc_normal_  # what trunc_normal_ calls, also if it was imported before

    def drawn(tensor: torch.Tensor, *args: object, **kwargs: object) -> Any:
        return tensor if isinstance(tensor, FakeTensor) else truncated(tensor, *args, **kwargs)

    replaced = {(torch.jit, name): refuse(name) for name in NEEDING} | {(nn.init, "_no_grad_trunc_normal_"): drawn}
    own = {(owner, name): getattr(owner, name) for owner, name in replaced}
    for (owner, name), function in replaced.items():
        setattr(owner, name, function)
    try:
        yield
    finally:
        for (owner, name), function in own.items():
            setattr(owner, name, function)
