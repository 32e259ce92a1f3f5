"""A warning where a crossentropy of probabilities is given logits: training then goes on, to nothing good."""

from __future__ import annotations

import torch

from layercli import losses
from layercli.core import tree
from layercli.core.model import Model
from layercli.core.naming import snake_case
from layercli.core.types import Tree

SLACK = 1e-3
"""How far beyond 0 and 1 rounding in few bits may take a probability."""


def logits_warning(model: Model, loss: object, x: Tree, y: Tree) -> str | None:
    """Return a warning where ``loss`` takes probabilities, and on the batch ``x`` the model gives numbers beyond 0 and 1."""
    if (
        not takes_probabilities(loss)
        or y is None
        or any(getattr(each, "stateful", False) for _, each in model.named_layers())
    ):
        return None
    with torch.no_grad():
        given = tree.flatten(model(x, training=False))
    if len(given) != 1 or is_probability(given[0]):
        return None
    found = losses.resolve(loss, y, given[0])
    name = getattr(found, "fn", type(found)).__name__
    return (
        f"warning: {snake_case(name)} takes probabilities, and {model.name} gives numbers below 0 or above 1: if they are "
        f"logits, use {snake_case(name)}:from_logits=true"
    )


def takes_probabilities(loss: object) -> bool:
    """Whether a loss is a crossentropy without ``from_logits``."""
    if isinstance(loss, str):
        return loss.replace("_", "").lower().endswith("crossentropy") or loss in ("bce", "ce")
    return getattr(loss, "from_logits", None) is False


def is_probability(values: torch.Tensor) -> bool:
    """Whether all finite numbers are between 0 and 1."""
    finite = torch.where(values.isfinite(), values, 0.5)
    return bool(((finite >= -SLACK) & (finite <= 1 + SLACK)).all())
