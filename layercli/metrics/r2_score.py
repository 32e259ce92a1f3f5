"""The coefficient of determination R^2."""

from __future__ import annotations

from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError
from layercli.lazy import torch
from layercli.losses.alignment import pairwise
from layercli.metrics.metric import Metric

AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


@dataclass(eq=False, repr=False)
class R2Score(Metric):
    """1 - sum((y_true - y_pred)^2) / sum((y_true - mean(y_true))^2) of each column of (batch, columns).

    Arguments:
        class_aggregation: uniform_average for the mean over columns, variance_weighted_average for the mean weighted by their
            variance, None for one value per column.
        num_regressors: the number p of regressors of the adjusted R^2: 1 - (1 - R^2) (n - 1) / (n - p - 1), for n - 1 > p.
        name: the name in logs.
        dtype: the dtype of the result, float32 by default.
    """

    class_aggregation: str | None = "uniform_average"
    num_regressors: int = 0
    name: str | None = "r2_score"
    dtype: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.class_aggregation not in AGGREGATIONS:
            names = ", ".join(str(name) for name in AGGREGATIONS)
            raise UsageError(f"class_aggregation must be one of {names}, got {self.class_aggregation!r}")
        if self.num_regressors < 0:
            raise UsageError(f"num_regressors must be at least 0, got {self.num_regressors}")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of the number of elements."""
        return {"num_samples": ()}

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> None:
        """Add a batch of (batch, columns)."""
        with torch.no_grad():
            self.grow(self.shapes())
            error, y_true = deviations(y_true, y_pred)
            if y_true.ndim != 2:
                shape = tuple(y_true.shape)
                raise ShapeError(f"{self.name} expects y_true and y_pred of shape (batch, columns), got {shape}")
            weight = torch.as_tensor(1.0 if sample_weight is None else sample_weight, device=y_true.device).float()
            weight = (weight.unsqueeze(1) if weight.ndim == 1 else weight).broadcast_to(y_true.shape)
            self.grow(dict.fromkeys(("squared_sum", "sum", "residual", "count"), (y_true.shape[1],)))
            self.add("num_samples", y_true.numel())
            self.add("squared_sum", (y_true.square() * weight).sum(0))
            self.add("sum", (y_true * weight).sum(0))
            self.add("residual", (error * weight).sum(0))
            self.add("count", weight.sum(0))

    def result(self) -> torch.Tensor:
        """Return the score so far."""
        state = self.state
        if "sum" not in state:
            return self.finish(torch.zeros(()))
        total = state["squared_sum"] - state["sum"].square() / state["count"]
        scores = 1 - state["residual"] / total
        scores = torch.where(scores.isinf(), 0, scores)
        if self.class_aggregation == "uniform_average":
            scores = scores.mean()
        elif self.class_aggregation == "variance_weighted_average":
            scores = (total * scores).sum() / total.sum()
        return self.finish(self.adjusted(scores, state["num_samples"].item()))

    def adjusted(self, scores: torch.Tensor, samples: float) -> torch.Tensor:
        """Return the scores adjusted for ``num_regressors``."""
        if self.num_regressors == 0 or samples - 1 <= self.num_regressors:
            return scores
        return 1 - (1 - scores) * (samples - 1) / (samples - self.num_regressors - 1)


def deviations(y_true: Tensor, y_pred: Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the squared errors and the targets in float64."""
    both = paired(y_true, y_pred).double()
    return (both[0] - both[1]).square(), both[0]


@pairwise
def paired(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    """Return targets and predictions stacked, after alignment of their shapes."""
    return torch.stack([y_true, y_pred])
