"""Activations that are computed again in the backward pass instead of kept: Keras's ``remat`` and ``RematScope``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import wraps
from math import prod
from typing import Any, NamedTuple, Self

from layercli.core import tree
from layercli.core.backend import get_backend
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.operation import spec_of
from layercli.errors import UsageError

MODES = ("full", "activations", "larger_than", "list_of_layers", None)


class RematMode(NamedTuple):
    """What of a layer is computed again: see RematScope."""

    mode: str | None
    output_size_threshold: int
    layer_names: tuple[str, ...]


class _RematModes(threading.local):
    modes: tuple[RematMode, ...] = ()


_thread = _RematModes()


def current_mode() -> RematMode | None:
    """Return the mode of the innermost RematScope of this thread, None outside of any."""
    return _thread.modes[-1] if _thread.modes else None


class RematScope:
    """A context: what the layers made in it compute is not kept for the backward pass, but computed again there.

    That needs less memory and more time.

    Args:
        mode: "full", each layer; "activations", the activation functions of the layers that have one; "larger_than", the layers
            whose outputs have more values than ``output_size_threshold``; "list_of_layers", those in ``layer_names``; None, none.
        output_size_threshold: A number of values.
        layer_names: Names of layers.
    """

    def __init__(
        self, mode: str | None = "full", output_size_threshold: int = 1024, layer_names: Iterable[str] | None = None
    ) -> None:
        if mode not in MODES:
            raise UsageError(f"RematScope expects mode to be {', '.join(map(repr, MODES))}, got {mode!r}")
        self.mode, self.output_size_threshold = mode, output_size_threshold
        self.layer_names = list(layer_names or ())

    def __enter__(self) -> Self:
        mode = RematMode(self.mode, self.output_size_threshold, tuple(self.layer_names))
        _thread.modes = (*_thread.modes, mode)
        return self

    def __exit__(self, *error: object) -> None:
        _thread.modes = _thread.modes[:-1]


def remat(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function, or a layer as one, whose intermediate values are computed again in the backward pass, not kept.

    Random numbers are the same in both passes, and a variable that is assigned to changes once.
    """

    @wraps(f, updated=())
    def computed_again(*args: object, **kwargs: object) -> Any:
        if any(isinstance(x, SymbolicTensor) for x in tree.flatten((args, kwargs))):
            return f(*args, **kwargs)
        return get_backend().checkpoint(f, args, kwargs)

    return computed_again


def layer_call(layer: Any, call: Callable[..., Any], *args: object, **kwargs: object) -> Callable[..., Any]:
    """Return ``call`` of a layer so that what the mode of the layer says is computed again."""
    mode = layer.remat_mode
    if mode is None or mode.mode is None:
        return call
    if mode.mode == "activations":
        return call if getattr(layer, "activation", None) is None else _with_activation_again(layer, call)
    if mode.mode == "list_of_layers":
        return remat(call) if layer.name in mode.layer_names else call
    if mode.mode == "full" or _output_size(layer, args, kwargs) > mode.output_size_threshold:
        return remat(call)
    return call


def _with_activation_again(layer: Any, call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def with_activation(*args: object, **kwargs: object) -> Any:
        activation = layer.activation
        vars(layer)["activation"] = remat(activation)
        try:
            return call(*args, **kwargs)
        finally:
            vars(layer)["activation"] = activation

    return with_activation


def _output_size(layer: Any, args: object, kwargs: object) -> int:
    specs = tree.map_structure(spec_of, (args, kwargs))
    outputs = layer.compute_output_spec(*specs[0], **specs[1])
    return sum(prod(spec.shape) for spec in tree.flatten(outputs))
