"""Whether an operation can look at the values of its inputs."""

from __future__ import annotations

from layercli.core.types import Tensor
from layercli.lazy import torch


def are_known(x: Tensor) -> bool:
    """Whether a tensor has values to look at: not on the meta device, in a traced or compiled call, or in ``torch.func``."""
    if x.is_meta or torch.compiler.is_compiling() or type(x) is not torch.Tensor:
        return False
    return not torch._C._functorch.is_functorch_wrapped_tensor(x)
