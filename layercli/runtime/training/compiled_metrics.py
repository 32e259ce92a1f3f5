"""What ``model.metrics`` holds of compile: the mean loss, and the metrics of all outputs as one that a custom step updates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from layercli.core.types import Tensor
from layercli.core.variable import Variable
from layercli.metrics.metric import Metric
from layercli.metrics.reduction_metrics import Mean

if TYPE_CHECKING:
    from layercli.runtime.training.batch_sharding import BatchShard
    from layercli.runtime.training.trainer import Trainer


class LossTracker(Mean):
    """The mean loss of the logs, ``loss``: ``update_state`` adds the loss of a batch."""

    def __init__(self) -> None:
        super().__init__(name="loss")
        self.part: BatchShard | None = None

    def update_state(self, values: object, sample_weight: object = None) -> None:  # type: ignore[override]  # of values, as Mean's
        """Add a loss, which counts as ``sample_weight`` samples, by default as one for each of ``values``."""
        loss = torch.as_tensor(values).detach()
        samples = loss.numel() if sample_weight is None else float(torch.as_tensor(sample_weight).sum())
        self.add_loss(loss.float().mean(), samples)

    def add_loss(self, loss: torch.Tensor, samples: float) -> None:
        """Add the loss of a batch of so many samples; with several ranks this rank's part of that of the global batch."""
        own, whole = (samples, samples) if self.part is None else (self.part.own, self.part.whole)
        state = self.state
        if state["total"].device != loss.device:
            self._state["total"] = state["total"].to(loss.device)
        state["total"].add_(loss.detach(), alpha=whole)
        state["count"].add_(own)

    @property
    def has_counted(self) -> bool:
        """Whether there was a batch."""
        return bool(self.state["count"])


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
        return self._trainer.objective.results(given=True)

    def reset_state(self) -> None:
        """Reset every metric."""
        for metric in self._trainer.objective.given_metrics:
            metric.reset_state()
