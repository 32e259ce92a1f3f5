"""Operations whose results depend on values: which of them need values, and which get random indices instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.inspect.recurrence_memory import lstm_workspace
from layercli.runtime.analysis.fake_tensors import NeedsValues

NEEDING_VALUES = {
    "aten::_local_scalar_dense": "item()",
    "aten::nonzero": "nonzero()",
    "aten::masked_select": "masked_select()",
    "aten::_unique": "unique()",
    "aten::_unique2": "unique()",
    "aten::unique_dim": "unique()",
    "aten::unique_consecutive": "unique_consecutive()",
    "aten::unique_dim_consecutive": "unique_consecutive()",
    "aten::equal": "equal()",
    "aten::is_nonzero": "bool()",
    "aten::bincount": "bincount()",
    "aten::repeat_interleave": "repeat_interleave()",
    "aten::segment_reduce": "segment_reduce()",
}
"""Operations that derive shapes or Python numbers from values, and the name Python calls them by."""

Drawn = Callable[[tuple[Any, ...], Any, torch.Generator], Any]


def size_along(x: torch.Tensor, dim: Any) -> int:
    """Return the number of indices along an axis; along all axes for None."""
    return x.numel() if dim is None else x.shape[dim] if x.dim() else 1


def indices_drawn(shape: Any, size: int, generator: torch.Generator) -> torch.Tensor:
    """Return random indices below ``size``."""
    return torch.randint(max(size, 1), tuple(shape), generator=generator)


def orders_drawn(shape: Any, dim: int, count: int, generator: torch.Generator) -> torch.Tensor:
    """Return ``count`` distinct random indices for each line along ``dim`` of a tensor of that shape."""
    if not shape:
        return torch.zeros((), dtype=torch.int64)
    return torch.rand(tuple(shape), generator=generator).argsort(dim).narrow(dim, 0, count).contiguous()


def _argument(args: tuple[object, ...], index: int, default: object) -> Any:
    return args[index] if len(args) > index else default


def _topk(args: tuple[Any, ...], out: Any, generator: torch.Generator) -> Any:
    return [out[0], orders_drawn(args[0].shape, _argument(args, 2, -1), args[1], generator)]


def _sort(args: tuple[Any, ...], out: Any, generator: torch.Generator) -> Any:
    dim = next((x for x in args[1:] if isinstance(x, int) and not isinstance(x, bool)), -1)
    return [out[0], orders_drawn(args[0].shape, dim, args[0].shape[dim] if args[0].dim() else 1, generator)]


def _argsort(args: tuple[object, ...], out: object, generator: torch.Generator) -> Any:
    return _sort(args, (None,), generator)[1]


def _argmax(args: tuple[Any, ...], out: Any, generator: torch.Generator) -> Tensor:
    return indices_drawn(out.shape, size_along(args[0], _argument(args, 1, None)), generator)


def _multinomial(args: tuple[Any, ...], out: Any, generator: torch.Generator) -> Tensor:
    return indices_drawn(out.shape, args[0].shape[-1], generator)


DRAWING: dict[str, Drawn] = {
    "aten::topk": _topk,
    "aten::sort": _sort,
    "aten::argsort": _argsort,
    "aten::argmax": _argmax,
    "aten::argmin": _argmax,
    "aten::multinomial": _multinomial,
}
"""Operations that turn values into indices; cost and shapes do not depend on the chosen indices."""


def _grouped_product(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
    """Rows of each group times the group's matrix; torch's own meta kernel accepts only bfloat16."""
    x, weight = args[:2]
    groups = _argument(args, 2, kwargs.get("offs"))
    batch = x.shape[:-2] if x.dim() == 3 and weight.dim() == 3 else ()
    if x.dim() == weight.dim() == 2:
        batch = (groups.shape[0],)
    rows = x.shape[-2]
    return torch.empty((*batch, rows, weight.shape[-1]), dtype=kwargs.get("out_dtype") or x.dtype, device="meta")


def _lstm_layer(args: tuple[Any, ...], kwargs: dict[str, object]) -> object:
    """Return the results of oneDNN's LSTM, whose workspace torch's meta kernel leaves empty."""
    out, h, c, workspace = torch.ops.aten.mkldnn_rnn_layer.default(*args, **kwargs)
    steps, batch, features = args[0].shape
    if args[15]:  # train
        x = Spec((batch, steps, features), str(args[0].dtype).removeprefix("torch."))
        workspace = workspace.new_empty((int(lstm_workspace(x, args[10])),))
    return out, h, c, workspace


SHAPES: dict[str, Callable[[tuple[Any, ...], dict[str, Any]], Any]] = {
    "aten::_grouped_mm": _grouped_product,
    "aten::mkldnn_rnn_layer": _lstm_layer,
}
"""Results on the meta device for operations without a torch meta kernel, or with one stricter than the CPU kernel."""


def check_values_known(name: str, operands: list[bool]) -> None:
    """Raise NeedsValues if an operation reads values of an operand that has none; ``operands`` flags those without values."""
    if name in NEEDING_VALUES and any(operands):
        raise NeedsValues(NEEDING_VALUES[name])
