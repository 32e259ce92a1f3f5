"""What torch says of an operation: whether it is composed of others, what it writes to, and whose memory its arguments have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import torch

from layercli.core.types import Tensor, Tree
from layercli.runtime.analysis.fake_tensors import FakeTensor


@cache
def is_composite(func: Any) -> bool:
    """Whether an operation is composed of others; in inference mode it arrives undecomposed."""
    return torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd")


def storage_of(x: torch.Tensor) -> int:
    """Return a key for the memory of a tensor; views share it."""
    if isinstance(x, FakeTensor):
        x = x.meta
    if x.layout is not torch.strided:
        return id(x)
    return int(x.untyped_storage()._cdata)


WRITTEN_UNSAID = dict.fromkeys(("aten::native_batch_norm", "aten::cudnn_batch_norm", "aten::miopen_batch_norm"), (3, 4))
"""Running statistics, which operations write to although their schemas do not declare it."""

_WRITTEN: dict[Any, set[int | str]] = {}


def written_arguments(func: Any) -> set[int | str]:
    """Return which arguments an operation writes to, by position and name."""
    if func not in _WRITTEN:
        found: set[int | str] = set(WRITTEN_UNSAID.get(func.name().partition(".")[0], ()))
        for i, argument in enumerate(func._schema.arguments):
            if argument.alias_info is not None and argument.alias_info.is_write:
                found |= {i, argument.name}
        _WRITTEN[func] = found
    return _WRITTEN[func]


def written_tensors(func: Any, args: Sequence[Tree], kwargs: Mapping[str, Tree]) -> list[Tensor]:
    """Return the tensors that an operation writes to."""
    if not (written := written_arguments(func)):
        return []
    given = [args[i] for i in written if isinstance(i, int) and i < len(args)]
    given += [kwargs[i] for i in written if isinstance(i, str) and i in kwargs]
    return [x for x in leaves(given) if isinstance(x, torch.Tensor)]


def leaves(tree: Tree) -> list[Tensor]:
    """Return the values in nested lists, tuples and dicts."""
    if isinstance(tree, (list, tuple)):
        return [x for item in tree for x in leaves(item)]
    if isinstance(tree, dict):
        return [x for item in tree.values() for x in leaves(item)]
    return [tree]


def map_tensors(tree: object, function: Callable[[Any, bool], Any], writes: bool) -> Any:
    """Apply ``function`` to each value in nested lists of arguments."""
    if isinstance(tree, (list, tuple)):
        return [map_tensors(x, function, writes) for x in tree]
    return function(tree, writes)
