"""Doors to the meta device, for torch's own functions on symbolic tensors and variables; torch loads when one is used."""

from __future__ import annotations

from typing import Any

from layercli.core.keras_tensor import OPERATORS


def torch_function(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Apply a function of torch to arguments among which symbolic tensors or variables are."""
    from layercli.runtime.execution import meta_tensors

    return meta_tensors.torch_function(function, args, kwargs)


def tensor_attribute(x: Any, name: str) -> Any:
    """Return the attribute ``name`` that x would have as a torch tensor."""
    from layercli.runtime.execution import meta_tensors

    return meta_tensors.tensor_attribute(x, name)


OPERATORS.update(torch_function=torch_function, tensor_attribute=tensor_attribute)
