"""Reduction of one value per sample, with weights and a mask, to one number."""

from __future__ import annotations

import math

from layercli.core.types import Tensor
from layercli.errors import UsageError
from layercli.lazy import torch
from layercli.losses.alignment import align_ranks

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


def check_reduction(reduction: str | None) -> None:
    """Raise UsageError where ``reduction`` is not in REDUCTIONS."""
    if reduction not in REDUCTIONS:
        names = ", ".join(str(name) for name in REDUCTIONS)
        raise UsageError(f"reduction must be one of {names}, got {reduction!r}")


def reduce(
    values: torch.Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: str | None = "sum_over_batch_size",
) -> torch.Tensor:
    """Return the weighted ``values`` reduced to one number; unreduced for ``none``.

    ``sum`` adds them; ``mean`` and ``sum_over_batch_size`` divide by their count, ``mean_with_sample_weight`` by the
    sum of the weights. Values where ``mask`` is false are ignored, also in the count. Values without a batch axis are
    returned unchanged.
    """
    weight = effective_weight(values, sample_weight, mask, reduction)
    if weight is not None:
        values, weight = align_ranks(values, weight)
        values = values * weight
    if reduction in (None, "none") or values.ndim == 0 or values.shape == (0,):
        return values
    if reduction == "sum":
        return values.sum()
    if reduction == "mean_with_sample_weight" and weight is not None:
        return divide_no_nan(values.sum(), weight.sum())
    return values.mean() if values.numel() else values.sum()


def effective_weight(
    values: torch.Tensor, sample_weight: object, mask: object, reduction: str | None
) -> torch.Tensor | None:
    """Return the product of the weights and the mask, or None without either."""
    weight = None
    if sample_weight is not None:
        weight = torch.as_tensor(sample_weight, device=values.device).to(values.dtype)
    if mask is None:
        return weight
    kept = torch.as_tensor(mask, device=values.device).to(values.dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        kept = kept * divide_no_nan(torch.full_like(kept.sum(), math.prod(kept.shape)), kept.sum())
    if weight is None:
        return kept
    kept, weight = align_ranks(kept, weight)
    return kept * weight


def divide_no_nan(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return ``a / b``, and 0 where ``b`` is 0."""
    zero = b == 0
    return torch.where(zero, 0, a / torch.where(zero, 1, b))
