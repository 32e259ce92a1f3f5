"""LogitsDistillation."""

from __future__ import annotations

from typing import Any

from layercli import losses, ops, tree
from layercli.core.types import Tree
from layercli.distillation.distillation_loss import DistillationLoss, parsed, summed
from layercli.errors import UsageError


class LogitsDistillation(DistillationLoss):
    """The loss between the logits of two models, both divided by ``temperature``.

    A KLDivergence compares their softmax, times the temperature squared; other losses take the logits, the function
    ``kl_divergence`` by its name too, as in Keras. Reference: Hinton et al. 2015, arXiv:1503.02531.

    Args:
        temperature: What logits are divided by; above 0.
        loss: A loss, its name, or a tree of them as the outputs; None for an output that does not count.
    """

    def __init__(self, temperature: float = 3.0, loss: Any = "kl_divergence") -> None:
        self.loss = parsed(loss)
        self.given_loss = loss
        if isinstance(temperature, bool) or not isinstance(temperature, (int, float)) or temperature <= 0:
            raise UsageError(f"LogitsDistillation expects a temperature above 0, got {temperature!r}")
        self.temperature = temperature

    def compute_loss(self, teacher_outputs: Tree, student_outputs: Tree, **kwargs: Any) -> Any:
        """Return the sum of the mean losses."""
        teacher, student = (
            tree.map_structure(lambda x: x / self.temperature, outputs)
            for outputs in (teacher_outputs, student_outputs)
        )
        return summed(tree.map_structure(self._of_logits, self.loss), teacher, student)

    def _of_logits(self, loss: object) -> object:
        if not isinstance(loss, losses.KLDivergence):
            return loss
        return lambda true, pred: loss(ops.softmax(true), ops.softmax(pred)) * self.temperature**2
