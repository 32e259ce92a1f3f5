"""FeatureDistillation."""

from __future__ import annotations

from typing import Any

from layercli import tree
from layercli.core.types import Tree
from layercli.distillation.distillation_loss import DistillationLoss, parsed, summed
from layercli.errors import UsageError


class FeatureDistillation(DistillationLoss):
    """The loss between what two layers return, one of the teacher and one of the student.

    Raises UsageError for a model without a layer of that name, and for one that is not Functional or Sequential.

    Args:
        loss: A loss, its name, or a tree of them as the outputs; None for an output that does not count.
        teacher_layer_name: The name of the teacher's layer; None for the outputs of the model.
        student_layer_name: The name of the student's layer; None for the outputs of the model.
    """

    def __init__(
        self, loss: Any = "mse", teacher_layer_name: str | None = None, student_layer_name: str | None = None
    ) -> None:
        self.loss = parsed(loss)
        self.given_loss = loss
        self.teacher_layer_name = teacher_layer_name
        self.student_layer_name = student_layer_name

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Raise UsageError where a model has no such layer."""
        pairs = (("teacher", teacher, self.teacher_layer_name), ("student", student, self.student_layer_name))
        for what, model, name in pairs:
            if name is None:
                continue
            if not getattr(model, "inputs", None):
                raise UsageError(f"the {what} must be Functional or Sequential, so that its layer {name!r} has outputs")
            model.get_layer(name)

    def validate_outputs(self, teacher_outputs: Tree, student_outputs: Tree) -> None:
        """Raise ValueError where the outputs, or the losses for them, are not of one structure."""
        super().validate_outputs(teacher_outputs, student_outputs)
        tree.assert_same_structure(self.loss, teacher_outputs)

    def compute_loss(self, teacher_outputs: Tree, student_outputs: Tree, **kwargs: Any) -> Any:
        """Return the sum of the mean losses."""
        return summed(self.loss, teacher_outputs, student_outputs)
