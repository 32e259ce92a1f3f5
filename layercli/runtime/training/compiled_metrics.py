"""What ``model.metrics`` holds of compile: the mean loss, and the metrics of all outputs as one that a custom step updates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from layercli.core.types import Tensor
from layercli.core.variable import Variable
from layercli.metrics.metric import Metric

if TYPE_CHECKING:
    from layercli.runtime.training.trainer import Trainer


class LossTracker(Metric):
    """The mean loss of the logs, ``loss``: ``update_state`` adds the loss of a batch."""

    def __init__(self, trainer: Trainer) -> None:
        super().__init__(name="loss")
        self._trainer = trainer

    def update_state(self, values: Tensor, sample_weight: Tensor | None = None) -> None:  # type: ignore[override]  # as of Mean
        """Add a loss, which counts as ``sample_weight`` samples, by default as one for each of ``values``."""
        loss = torch.as_tensor(values).detach()
        samples = loss.numel() if sample_weight is None else float(torch.as_tensor(sample_weight).sum())
        self._trainer.objective.count(loss.float().mean(), samples)

    def result(self) -> torch.Tensor:
        """Return the mean loss so far, 0 before the first batch."""
        objective = self._trainer.objective
        return self.finish(objective.total / (objective.samples or 1))

    def reset_state(self) -> None:
        """Forget the losses so far."""
        self._trainer.objective.reset_loss()


class CompiledMetrics(Metric):
    """``metrics`` and ``weighted_metrics`` of compile as one metric, ``compile_metrics``, whose result is a dict by name."""

    def __init__(self, trainer: Trainer) -> None:
        super().__init__(name="compile_metrics")
        self._trainer = trainer

    @property
    def variables(self) -> list[Variable]:
        """The variables of every metric."""
        return [variable for metric in self._trainer.objective.given_metrics for variable in metric.variables]

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> None:
        """Update every metric with a batch; only ``weighted_metrics`` take ``sample_weight``."""
        self._trainer.compute_metrics(y_true, y_pred, sample_weight)

    def result(self) -> dict[str, Tensor]:  # type: ignore[override]  # one value for each metric, as in Keras
        """Return the value of every metric by its name."""
        return {metric.name or "metric": metric.result() for metric in self._trainer.objective.given_metrics}

    def reset_state(self) -> None:
        """Reset every metric."""
        for metric in self._trainer.objective.given_metrics:
            metric.reset_state()
