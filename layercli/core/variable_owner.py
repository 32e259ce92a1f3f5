"""Where the values of variables live that are of no layer: of their own, of a metric, or of an optimizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from layercli.core.backend import get_backend


class VariableOwner:
    """In the place of a layer: ``module`` holds the value of one variable, made on first use."""

    name = ""
    trainable = True

    def __init__(self) -> None:
        self._module: Any = None
        self.variable: Any = None

    @property
    def module(self) -> Any:
        """The torch module that holds the value."""
        if self._module is None:
            self._module = get_backend().variable_module(self.variable)
        return self._module

    def update_requires_grad(self) -> None:
        """Update requires_grad of the parameter, if there is one."""
        if self._module is not None and self.variable.key in self._module._parameters:
            self._module._parameters[self.variable.key].requires_grad_(self.variable.trainable)


@runtime_checkable
class HoldsTensors(Protocol):
    """The owner of variables whose values are in a dict, of which a StatelessScope has its own."""

    tensors: Callable[[], dict[str, Any]]

    def put(self, key: str, tensor: object) -> None:
        """Hold another value."""


class TensorOwner:
    """In the place of a layer and its module: ``tensors()`` is a dict that holds the values of variables by their keys."""

    name = ""
    trainable = False

    def __init__(self, tensors: Callable[[], dict[str, Any]]) -> None:
        self.tensors = tensors
        self._parameters: dict[str, Any] = {}

    @property
    def module(self) -> Any:
        """What holds the values: this."""
        return self

    _module = module

    @property
    def _buffers(self) -> dict[str, object]:
        return self.tensors()

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__") or key not in self.tensors():
            raise AttributeError(key)
        return self.tensors()[key]

    def update_requires_grad(self) -> None:
        """Do nothing: none of the values is trained."""

    def put(self, key: str, tensor: object) -> None:
        """Hold another value."""
        self.tensors()[key] = tensor

    def follow(self, key: str, value: object) -> None:
        """Move the value to the device of ``value``, if that is a tensor."""
        tensors, device = self.tensors(), getattr(value, "device", None)
        if device is not None and hasattr(device, "index") and tensors[key].device != device:
            tensors[key] = tensors[key].to(device)
