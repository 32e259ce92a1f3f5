"""Weights that stay in their file: each variable is mapped when it is used and released after it, so that a model may be
larger than the memory of the device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from layercli.core.layer import Layer
from layercli.core.variable import Variable
from layercli.dataclass import dataclass
from layercli.runtime.execution.layer_module import LayerModule


@dataclass
class OffloadTarget:
    """Where a variable that is used is brought to: the device, and the dtype if it is not the file's."""

    device: torch.device
    dtype: torch.dtype | None = None

    def placed(self, value: torch.Tensor) -> torch.Tensor:
        """Return the value as it is used; on a CPU and in the file's dtype it stays a view of the mapped file."""
        return value.to(self.device, self.dtype if value.is_floating_point() else None)


class OffloadedModule(LayerModule):
    """A layer module without values: the attribute of a variable reads it, and nothing keeps what was read."""

    def __getattr__(self, name: str) -> Any:
        read = self.__dict__["readers"].get(name)
        return super().__getattr__(name) if read is None else read()


def leave_on_disk(variable: Variable, read: Callable[[], torch.Tensor]) -> None:
    """Let the value of ``variable``, of a layer with a module, be what ``read`` returns, whenever it is used."""
    module = variable.owner._module
    if not isinstance(module, OffloadedModule):
        own = type(module)
        module.__class__ = type(own.__name__, (OffloadedModule, own), {"__module__": own.__module__})
        vars(module)["readers"] = {}
    module._parameters.pop(variable.key, None)
    module._buffers.pop(variable.key, None)
    module.__dict__["readers"][variable.key] = read


def is_offloaded(model: Layer) -> bool:
    """Whether variables of ``model`` stay in their file."""
    return any(isinstance(layer._module, OffloadedModule) for _, layer in model.named_layers())
