"""How unlikely the targets were under the predictions, as means of the losses of those names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layercli.lazy import torch
from layercli.losses import crossentropy, probabilistic
from layercli.losses.alignment import align_ranks
from layercli.metrics.reduction_metrics import MeanOf, mean_class

KLDivergence = mean_class("KLDivergence", probabilistic.kl_divergence, __name__)
Poisson = mean_class("Poisson", probabilistic.poisson, __name__)
BinaryCrossentropy = mean_class(
    "BinaryCrossentropy", crossentropy.binary_crossentropy, __name__, "name dtype from_logits label_smoothing"
)
CategoricalCrossentropy = mean_class(
    "CategoricalCrossentropy",
    crossentropy.categorical_crossentropy,
    __name__,
    "name dtype from_logits label_smoothing axis",
)


@dataclass(eq=False)
class SparseCategoricalCrossentropy(MeanOf):
    """The mean of ``sparse_categorical_crossentropy``; ``from_logits``, ``ignore_class`` and ``axis`` are its own.

    As in Keras, a sample of the ignored class counts as 0, and with sample weights not at all.
    """

    name: str | None = "sparse_categorical_crossentropy"
    dtype: str | None = None
    from_logits: bool = False
    ignore_class: int | None = None
    axis: int = -1

    def values(self, y_true: Any, y_pred: Any) -> torch.Tensor:
        """Return one value for each label."""
        return crossentropy.sparse_categorical_crossentropy(
            y_true, y_pred, from_logits=self.from_logits, ignore_class=self.ignore_class, axis=self.axis
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]  # a Mean of pairs
        """Add a batch."""
        if self.ignore_class is not None and sample_weight is not None:
            weight = torch.as_tensor(sample_weight).float()
            kept = (torch.as_tensor(y_true, device=weight.device) != self.ignore_class).float()
            kept, weight = align_ranks(kept, weight)
            sample_weight = weight.reshape(*weight.shape, *[1] * (kept.ndim - weight.ndim)) * kept
        super().update_state(y_true, y_pred, sample_weight)
