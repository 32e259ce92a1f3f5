"""The means of the crossentropies, of the Kullback-Leibler divergence and of the Poisson loss."""

from __future__ import annotations

from layercli.core.types import Tensor
from layercli.dataclass import dataclass
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


@dataclass(eq=False, repr=False)
class SparseCategoricalCrossentropy(MeanOf):
    """The mean of ``losses.sparse_categorical_crossentropy``.

    As in Keras, a sample of the ignored class counts as 0 without sample weights, and is ignored with them.

    Arguments:
        name: the name in logs.
        dtype: the dtype of the result, float32 by default.
        from_logits: whether y_pred holds logits rather than probabilities.
        ignore_class: a class id whose samples are ignored, or None.
        axis: the axis of the classes.
    """

    name: str | None = "sparse_categorical_crossentropy"
    dtype: str | None = None
    from_logits: bool = False
    ignore_class: int | None = None
    axis: int = -1

    def values(self, y_true: Tensor, y_pred: Tensor) -> torch.Tensor:
        """Return one value per label."""
        return crossentropy.sparse_categorical_crossentropy(
            y_true, y_pred, from_logits=self.from_logits, ignore_class=self.ignore_class, axis=self.axis
        )

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> None:  # type: ignore[override]  # a Mean of pairs
        """Add a batch."""
        if self.ignore_class is not None and sample_weight is not None:
            weight = torch.as_tensor(sample_weight).float()
            kept = (torch.as_tensor(y_true, device=weight.device) != self.ignore_class).float()
            kept, weight = align_ranks(kept, weight)
            sample_weight = weight.reshape(*weight.shape, *[1] * (kept.ndim - weight.ndim)) * kept
        super().update_state(y_true, y_pred, sample_weight)
