"""The parameters and buffers that a torch module owns, including packed (quantized) and lazy ones."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from layercli.core import dtypes
from layercli.dataclass import dataclass
from layercli.runtime.analysis.module_trace import is_lazy


@dataclass(frozen=True)
class Parameter:
    """A parameter of one module; ``key`` is equal for shared parameters; the shape of a lazy one is unknown."""

    name: str
    key: int
    shape: tuple[int, ...] | None
    dtype: str
    trainable: bool
    size: int
    bytes: int
    value: torch.Tensor


def own_parameters(module: nn.Module) -> list[Parameter]:
    """Return the parameters of ``module`` itself, without those of its children."""
    found = [_parameter(name, x, x.requires_grad) for name, x in module.named_parameters(recurse=False)]
    return found + [_parameter(name, x, False, id(module)) for name, x in _packed(module)]


def all_parameters(module: nn.Module) -> list[Parameter]:
    """Return all parameters of ``module`` and its descendants, each once."""
    found = {p.key: p for each in module.modules() for p in reversed(own_parameters(each))}
    return list(found.values())


PACKED_RECURRENCES = ("_all_weight_values", "_packed_weight_ih")
"""The attribute with the packed weights of a quantized recurrent layer, and of a quantized cell."""


def packed_parameters(module: nn.Module) -> list[tuple[str, Parameter]]:
    """Return the packed weights of quantized modules below ``module``, by their ``state_dict`` name."""
    return [
        (f"{path}.{name}".lstrip("."), _parameter(name, x, False, id(each)))
        for path, each in module.named_modules()
        for name, x in _packed(each)
    ]


def _parameter(name: str, x: torch.Tensor, trainable: bool, owner: int | None = None) -> Parameter:
    key = id(x) if owner is None else hash((owner, name))
    if is_lazy(x):
        return Parameter(name, key, None, "float32", trainable, 0, 0, x)
    return Parameter(name, key, tuple(x.shape), dtype_name(x), trainable, x.numel(), x.numel() * x.element_size(), x)


def dtype_name(x: torch.Tensor) -> str:
    """Return the name of a tensor's dtype; those of quantized tensors are torch's own."""
    return str(x.dtype).removeprefix("torch.") if x.is_quantized else dtypes.name_of(x.dtype)


def packs_weights(module: nn.Module) -> bool:
    """Whether a quantized module packs its weights for its kernel, which computes in the dtype that they were packed for."""
    return any(hasattr(module, name) for name in ("_packed_params", *PACKED_RECURRENCES))


def _packed(module: nn.Module) -> list[tuple[str, torch.Tensor]]:
    """Return the weight and bias that a quantized module packs for its kernel; they do not appear in ``state_dict`` as tensors."""
    if isinstance(module, torch.jit.ScriptModule):
        return _packed_in_script(module)
    if any(hasattr(module, name) for name in PACKED_RECURRENCES):
        recurrence: Any = module  # with several weights and biases
        several: dict[str, object] = {**recurrence.get_weight(), **recurrence.get_bias()}
        return [(name, x) for name, x in several.items() if isinstance(x, torch.Tensor)]
    if not hasattr(module, "_packed_params") and not callable(getattr(module, "_weight_bias", None)):
        return []
    if not callable(getattr(module, "weight", None)):
        return []
    made: dict[str, object] = {name: getattr(module, name)() for name in ("weight", "bias") if hasattr(module, name)}
    return [(name, x) for name, x in made.items() if isinstance(x, torch.Tensor)]


def _packed_in_script(module: torch.jit.ScriptModule) -> list[tuple[str, torch.Tensor]]:
    """Return the weight and bias in the packed object of a TorchScript module."""
    packed: Any = getattr(module, "_packed_params", None)
    held = packed.unpack() if isinstance(packed, torch.ScriptObject) and hasattr(packed, "unpack") else ()
    return [(name, x) for name, x in zip(("weight", "bias"), held, strict=False) if isinstance(x, torch.Tensor)]
