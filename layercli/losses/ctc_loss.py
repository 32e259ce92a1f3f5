"""Connectionist temporal classification (CTC) loss."""

from __future__ import annotations

from layercli.errors import ShapeError
from layercli.lazy import F, torch
from layercli.losses.alignment import with_class_ids
from layercli.losses.loss import loss_class


@with_class_ids
def ctc(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    """-log(probability of the labels, summed over all alignments): labels (batch, length), logits (batch, steps,
    classes).

    Class 0 is the blank, and pads the labels. Returns (batch,). Raises ShapeError for other shapes.
    """
    if y_true.ndim != 2 or y_pred.ndim != 3 or len(y_true) != len(y_pred):
        raise ShapeError(
            "ctc expects y_true of shape (batch, length) and y_pred of shape (batch, steps, classes), "
            f"got {tuple(y_true.shape)} and {tuple(y_pred.shape)}"
        )
    batch, steps, _ = y_pred.shape
    half = y_pred.dtype in (torch.float16, torch.bfloat16)  # for which torch has no kernel
    logs = F.log_softmax(y_pred.float() if half else y_pred, -1).transpose(0, 1)
    lengths = torch.full((batch,), steps, dtype=torch.long, device=y_pred.device)
    return F.ctc_loss(logs, y_true, lengths, (y_true != 0).sum(-1), reduction="none").to(y_pred.dtype)


CTC = loss_class("CTC", ctc)
