"""The two arguments of an elementwise function as tensors of the dtypes that torch's kernel takes."""

from __future__ import annotations

from typing import Any

from layercli.core.types import Tensor
from layercli.lazy import torch


def without_booleans(x: object, y: object) -> tuple[object, object]:
    """Return two values of which a boolean beside another dtype is 0 or 1 in that one: torch's subtraction takes no booleans."""
    if _is_boolean(x) and not _is_boolean(y):
        return _as_number(x, y), y
    return (x, _as_number(y, x)) if _is_boolean(y) and not _is_boolean(x) else (x, y)


def _is_boolean(x: object) -> bool:
    return x.dtype is torch.bool if isinstance(x, torch.Tensor) else isinstance(x, bool)


def _as_number(x: Any, beside: object) -> object:
    if not isinstance(x, torch.Tensor):
        return int(x)
    if isinstance(beside, torch.Tensor):
        return x.to(beside.dtype)
    return x.float()


def as_integers(x: Any) -> Any:
    """Return a tensor of booleans in int32, which it is beside a Python integer; anything else as it is."""
    return x.int() if isinstance(x, torch.Tensor) and x.dtype is torch.bool else x


def counted(x: Any, y: Any) -> tuple[Any, Any]:
    """Return two booleans as integers, anything else as it is: torch has no remainder of booleans."""
    return (as_integers(x), as_integers(y)) if _is_boolean(x) and _is_boolean(y) else (x, y)


def tensors(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return x and y as tensors; a Python number becomes a 0-d tensor, which torch promotes weakly."""
    beside = x if isinstance(x, torch.Tensor) else y
    return tuple(v if isinstance(v, torch.Tensor) else torch.full((), v, device=beside.device) for v in (x, y))  # type: ignore[return-value]  # two


def paired(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    """Return x and y as tensors; tensors of two dtypes in the one that both promote to, also where one has no axes."""
    if not isinstance(x, torch.Tensor) or not isinstance(y, torch.Tensor):
        return tensors(x, y)
    if x.dtype is y.dtype:
        return x, y
    dtype = torch.promote_types(x.dtype, y.dtype)
    return x.to(dtype), y.to(dtype)


def floats(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return x and y as tensors of one floating dtype."""
    x, y = tensors(x, y)
    dtype = torch.promote_types(x.dtype, y.dtype)
    dtype = dtype if dtype.is_floating_point else torch.float32
    return x.to(dtype), y.to(dtype)
