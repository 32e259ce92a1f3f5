"""HostFunction: a function of NumPy arrays as an operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layercli.core.operation import Op
from layercli.core.spec import Shape, Spec
from layercli.core.text import STRING
from layercli.dataclass import dataclass
from layercli.lazy import torch


@dataclass(frozen=True)
class HostFunction(Op):
    """out = function(*inputs), computed with NumPy on the CPU: for text, of which there are no tensors.

    The result is a tensor of ``dtype`` on the device of the first input, or an array of text. Its shape is that of the first
    input, or what ``shape`` returns for the shapes of the inputs.
    """

    function: Callable[..., Any]
    dtype: str = "int64"
    shape: Callable[..., Shape] | None = None

    def spec(self, *inputs: Spec) -> Spec:
        """Return the shape, with the dtype."""
        shapes = [x.shape for x in inputs]
        return Spec(shapes[0] if self.shape is None else self.shape(*shapes), self.dtype)

    def run(self, *inputs: object) -> Any:
        """Return the function's result."""
        arrays = [x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else x for x in inputs]
        result = self.function(*arrays)
        if self.dtype == STRING:
            return result
        device = inputs[0].device if isinstance(inputs[0], torch.Tensor) else None
        return torch.as_tensor(result, dtype=getattr(torch, self.dtype), device=device)
