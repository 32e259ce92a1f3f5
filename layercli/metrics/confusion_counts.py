"""True and false positives and negatives at many thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from layercli.core.types import Tensor
from layercli.errors import ShapeError, UsageError
from layercli.lazy import torch
from layercli.losses.alignment import align_ranks, require_same_shape, tensor

NEG_INF = -1e10  # the value of predictions outside the top k, and the default threshold with top_k


class Counts(NamedTuple):
    """The sums of sample weights in each cell of the confusion matrix: (thresholds,), or (thresholds, labels)."""

    true_positives: torch.Tensor
    false_positives: torch.Tensor
    true_negatives: torch.Tensor
    false_negatives: torch.Tensor


def parse_thresholds(thresholds: float | Sequence[float] | None, default: float) -> list[float]:
    """Return ``thresholds`` as a list, ``[default]`` for None; UsageError for one outside [0, 1]."""
    if thresholds is None:
        return [default]
    listed = [float(thresholds)] if isinstance(thresholds, int | float) else [float(t) for t in thresholds]
    wrong = [t for t in listed if not 0 <= t <= 1]
    if wrong:
        raise UsageError(f"thresholds must be numbers from 0 to 1, got {wrong[0]}")
    return listed


def evenly(count: int) -> list[float]:
    """Return ``count`` evenly spaced thresholds in [0, 1]; [0.5] for one."""
    return [0.5] if count == 1 else [i / (count - 1) for i in range(count)]


def are_even(thresholds: Sequence[float]) -> bool:
    """Return whether three or more thresholds are evenly spaced in [0, 1]."""
    if len(thresholds) < 3:
        return False
    return all(abs(t - e) <= 1e-7 + 1e-5 * e for t, e in zip(thresholds, evenly(len(thresholds)), strict=True))


def count(
    y_true: Tensor,
    y_pred: Tensor,
    thresholds: Sequence[float],
    *,
    sample_weight: Tensor | None = None,
    top_k: int | None = None,
    class_id: int | None = None,
    label_weights: torch.Tensor | None = None,
    by_label: bool = False,
) -> Counts:
    """Return the confusion counts: targets are positive where nonzero, predictions where above the threshold.

    Each sample is counted once, in the interval between two thresholds; cumulative sums give the counts at each
    threshold. All values are flattened to samples, unless ``by_label`` keeps the columns of (batch, labels).
    """
    y_pred = tensor(y_pred).detach()
    y_true = torch.as_tensor(y_true, dtype=y_pred.dtype, device=y_pred.device)
    y_pred, y_true = align_ranks(y_pred, y_true)
    require_same_shape("a confusion matrix", y_true, y_pred)
    weight = weights_like(y_true, sample_weight)
    if top_k is not None:
        y_pred = only_top(y_pred, top_k)
    if class_id is not None:
        y_true, y_pred, weight = (one_class(y, class_id) for y in (y_true, y_pred, weight))
    if label_weights is not None:
        weight = weight * label_weights.to(weight)
    columns = (len(y_pred), -1) if by_label else (-1, 1)
    positive = (y_true != 0).reshape(columns)
    counts = tally(positive, bin_index(y_pred.reshape(columns), thresholds), weight.reshape(columns), len(thresholds))
    return counts if by_label else Counts(*(each.squeeze(1) for each in counts))


def weights_like(y_true: torch.Tensor, sample_weight: object) -> torch.Tensor:
    """Return the sample weights broadcast to the shape of ``y_true``, in float64."""
    if sample_weight is None:
        return torch.ones_like(y_true, dtype=torch.float64)
    weight = torch.as_tensor(sample_weight, dtype=torch.float64, device=y_true.device)
    while weight.ndim < y_true.ndim:
        weight = weight.unsqueeze(-1)
    return weight.broadcast_to(y_true.shape)


def only_top(y_pred: torch.Tensor, k: int) -> torch.Tensor:
    """Return the ``k`` largest predictions of each row, and NEG_INF for the others."""
    best = y_pred.topk(k, -1).indices
    return torch.full_like(y_pred, NEG_INF).scatter(-1, best, y_pred.gather(-1, best))


def one_class(y: torch.Tensor, class_id: int) -> torch.Tensor:
    """Return the column of one class; ShapeError where there are no columns."""
    if y.ndim < 2:
        raise ShapeError(f"class_id requires predictions of shape (batch, classes), got {tuple(y.shape)}")
    return y[..., class_id]


def bin_index(y_pred: torch.Tensor, thresholds: Sequence[float]) -> torch.Tensor:
    """Return the number of thresholds below each prediction."""
    y_pred = y_pred.nan_to_num(nan=float("-inf"))  # NaN is above no threshold
    even = [min(max(t, 0.0), 1.0) for t in thresholds]
    if are_even(even):
        # Rounded as in Keras: the bin of a prediction is its product with the number of bins, in its own dtype.
        below = (y_pred.clamp(0, 1) * (len(even) - 1)).ceil()
        return (below.clamp_min(1) if thresholds[0] < 0 else below).long()
    ordered = torch.tensor(sorted(thresholds), dtype=y_pred.dtype, device=y_pred.device)
    return torch.searchsorted(ordered, y_pred.contiguous())


def tally(positive: torch.Tensor, bin_index: torch.Tensor, weight: torch.Tensor, thresholds: int) -> Counts:
    """Return the counts of (samples, labels) from the number of thresholds below each sample."""
    empty = torch.zeros(thresholds + 1, weight.shape[1], dtype=weight.dtype, device=weight.device)
    hits, misses = (empty.scatter_add(0, bin_index, weight * kind) for kind in (positive, ~positive))
    over, under = (kind.flip(0).cumsum(0).flip(0)[1:] for kind in (hits, misses))
    return Counts(over, under, misses.sum(0) - under, hits.sum(0) - over)
