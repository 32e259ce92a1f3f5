"""The means of the regression losses, and the root mean squared error."""

from __future__ import annotations

from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.lazy import torch
from layercli.losses import regression
from layercli.losses.alignment import broadcasting
from layercli.metrics.reduction_metrics import MeanOf, mean_class


@broadcasting
def cosine_similarity(y_true: torch.Tensor, y_pred: torch.Tensor, axis: int = -1) -> torch.Tensor:
    """cos(angle between y_true and y_pred) along ``axis``: 1 for the same direction, -1 for opposite directions."""
    return regression.cosine(y_true, y_pred, axis)


@broadcasting
def squared_error(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    """(y_true - y_pred)^2, elementwise."""
    return (y_true - y_pred).square()


@dataclass(eq=False, repr=False)
class RootMeanSquaredError(MeanOf):
    """sqrt(mean((y_true - y_pred)^2)).

    Arguments:
        name: the name in logs.
        dtype: the dtype of the result, float32 by default.
    """

    name: str | None = "root_mean_squared_error"
    dtype: str | None = None

    def values(self, y_true: Tensor, y_pred: Tensor) -> torch.Tensor:
        """Return the squared errors."""
        return squared_error(y_true, y_pred)

    def result(self) -> torch.Tensor:
        """Return the square root of the mean so far."""
        return super().result().sqrt()


MeanSquaredError = mean_class("MeanSquaredError", regression.mean_squared_error, __name__)
MeanAbsoluteError = mean_class("MeanAbsoluteError", regression.mean_absolute_error, __name__)
MeanAbsolutePercentageError = mean_class(
    "MeanAbsolutePercentageError", regression.mean_absolute_percentage_error, __name__
)
MeanSquaredLogarithmicError = mean_class(
    "MeanSquaredLogarithmicError", regression.mean_squared_logarithmic_error, __name__
)
LogCoshError = mean_class("LogCoshError", regression.log_cosh, __name__, default_name="logcosh")
CosineSimilarity = mean_class("CosineSimilarity", cosine_similarity, __name__, "name dtype axis")
