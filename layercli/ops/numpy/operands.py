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


def beside_number(x: Tensor, y: object) -> Tensor:
    """Return a tensor as it is beside a Python number; TypeError for an array or a list, which a call then converts.

    Python's operators would take numpy's dtype, and a tensor of one integer times a list would repeat the list.
    """
    if isinstance(y, (list, tuple)) or hasattr(y, "__array_interface__"):
        raise TypeError("expects tensors and numbers")
    return as_integers(x) if type(y) is int else x


def as_integers(x: Any) -> Any:
    """Return a tensor of booleans in int32, which it is beside a Python integer; anything else as it is."""
    return x.int() if isinstance(x, torch.Tensor) and x.dtype is torch.bool else x


def counted(x: Any, y: Any) -> tuple[Any, Any]:
    """Return two booleans as integers, anything else as it is: torch has no remainder of booleans."""
    return (as_integers(x), as_integers(y)) if _is_boolean(x) and _is_boolean(y) else (x, y)


def tensors(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return x and y as tensors; a Python number becomes a 0-d tensor, which torch promotes weakly beside axes."""
    beside = x if isinstance(x, torch.Tensor) else y
    dtype = None if beside.ndim else torch.result_type(x, y)  # beside another 0-d tensor its own dtype would count
    return _tensors(x, y, beside, dtype)


def _tensors(x: Any, y: Any, beside: Tensor, dtype: Any = None) -> tuple[Tensor, Tensor]:
    return tuple(
        v if isinstance(v, torch.Tensor) else torch.full((), v, dtype=dtype, device=beside.device) for v in (x, y)
    )  # type: ignore[return-value]  # two


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
    x, y = _tensors(x, y, x if isinstance(x, torch.Tensor) else y)
    dtype = torch.promote_types(x.dtype, y.dtype)
    dtype = dtype if dtype.is_floating_point else torch.float32
    return x.to(dtype), y.to(dtype)
