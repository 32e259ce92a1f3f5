"""Circle loss, which moves embeddings of one class together and those of others apart."""

from __future__ import annotations

from layercli.core.types import Tensor
from layercli.errors import ShapeError
from layercli.lazy import F, torch
from layercli.losses.alignment import with_class_ids
from layercli.losses.loss import Loss, loss_class


@with_class_ids
def circle(
    y_true: torch.Tensor,
    y_pred: torch.Tensor,
    ref_labels: object = None,
    ref_embeddings: object = None,
    remove_diagonal: bool = True,
    gamma: float = 80.0,
    margin: float = 0.4,
) -> torch.Tensor:
    """softplus(logsumexp(-gamma (margin + d) (margin - d)) + logsumexp(gamma (1 + margin - d) (1 - margin - d))).

    The first logsumexp is over references of the same label, the second over the others, with d = max(1 - y_pred @
    ref.T, 0) and weights of at least 0. y_true: labels (batch,); y_pred: normalized embeddings (batch, features); the
    result is (batch,). References are the batch itself, each sample left out of its own references
    (``remove_diagonal``), unless ``ref_labels`` and ``ref_embeddings`` are given. Reference: Sun et al., 2020,
    arXiv:2002.10857.
    """
    if y_pred.ndim != 2:
        raise ShapeError(f"circle expects y_pred of shape (batch, features), got {tuple(y_pred.shape)}")
    references = y_pred if ref_embeddings is None else torch.as_tensor(ref_embeddings).to(y_pred)
    labels = y_true if ref_labels is None else torch.as_tensor(ref_labels, device=y_pred.device).long()
    same = y_true.reshape(-1, 1) == labels.reshape(1, -1)
    other = ~same
    if remove_diagonal:
        same = same & ~torch.eye(*same.shape, dtype=torch.bool, device=same.device)
    distance = (1 - y_pred @ references.T).clamp_min(0)
    near = -gamma * (margin + distance) * (margin - distance)
    far = gamma * (1 + margin - distance).clamp_min(0) * (1 - margin - distance)
    return F.softplus(masked_logsumexp(near, same) + masked_logsumexp(far, other))


def masked_logsumexp(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return log(sum(exp(values))) of each row over ``mask``; -inf for a row without any."""
    return values.masked_fill(~mask, float("-inf")).logsumexp(1)


def _unequal_pairs(loss: Loss, y_true: Tensor, values: torch.Tensor) -> torch.Tensor:
    return values > 0


Circle = loss_class(
    "Circle",
    circle,
    order="gamma margin remove_diagonal reduction name dtype",
    without=("ref_labels", "ref_embeddings"),
    mask=_unequal_pairs,
)
