"""Tensors of which every rank holds a part (DTensors): made whole, and filled from whole values."""

from __future__ import annotations

from typing import Any

from layercli.lazy import torch


def is_sharded(tensor: object) -> bool:
    """Return whether the ranks hold a part of ``tensor`` each."""
    return hasattr(tensor, "full_tensor")


def own_part(tensor: Any) -> Any:
    """Return what this rank holds of ``tensor``: where it is not sharded, all of it."""
    return tensor.to_local() if is_sharded(tensor) else tensor


def gathered(tensor: torch.Tensor) -> torch.Tensor:
    """Return the whole of ``tensor``; where it is sharded every rank must ask."""
    return tensor.full_tensor() if is_sharded(tensor) else tensor  # type: ignore[attr-defined]  # a DTensor's


def fill(tensor: torch.Tensor, value: torch.Tensor) -> None:
    """Copy ``value``, whole on every rank, into ``tensor``, of which each rank takes its part."""
    if not is_sharded(tensor) or is_sharded(value):
        tensor.copy_(value)
        return
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(tensor, DTensor)
    there = value.to(tensor.device, tensor.dtype)
    tensor.copy_(distribute_tensor(there, tensor.device_mesh, tensor.placements, src_data_rank=None))
