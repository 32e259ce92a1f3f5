"""DistillationLoss, the base class of losses between the outputs of two models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli import losses, ops, tree
from layercli.core.registry import DataclassConfig
from layercli.core.types import Tensor, Tree
from layercli.errors import UsageError


class DistillationLoss(DataclassConfig):
    """A loss between outputs of a teacher and of a student. Subclass it and write ``compute_loss``, which returns a number."""

    keras_module = "keras.distillation"
    teacher_layer_name: str | None = None
    student_layer_name: str | None = None

    def argument(self, name: str) -> Any:
        """Return an argument of the constructor, the loss as it was given."""
        return getattr(self, f"given_{name}" if name == "loss" else name)

    def compute_loss(self, teacher_outputs: Tree, student_outputs: Tree, **kwargs: Any) -> Any:
        """Return the loss, a tensor without axes."""
        raise NotImplementedError(f"{type(self).__name__} needs a compute_loss(teacher_outputs, student_outputs)")

    def validate_outputs(self, teacher_outputs: Tree, student_outputs: Tree) -> None:
        """Raise ValueError where the outputs are not of one structure."""
        tree.assert_same_structure(teacher_outputs, student_outputs)

    def validate_model_compatibility(self, teacher: object, student: object) -> None:
        """Raise UsageError where the loss cannot be taken between two models; this class takes all."""


def parsed(loss: object) -> Any:
    """Return one loss, or a tree of losses and None, with what names and configs describe; UsageError where all are None."""
    found = _functions(loss)
    if all(each is None for each in tree.flatten(found)):
        raise UsageError("expects at least one loss that is not None")
    return found


def _functions(loss: object) -> object:
    if isinstance(loss, (list, tuple)):
        return type(loss)(map(_functions, loss))
    if isinstance(loss, Mapping) and "class_name" not in loss:
        return {key: _functions(each) for key, each in loss.items()}
    return losses.get(loss)


def summed(loss: object, teacher: Tree, student: Tree) -> Tensor:
    """Return the sum over the outputs of the mean loss of each."""
    found = tree.map_structure(_mean_loss, loss, teacher, student)
    return ops.sum(ops.stack([ops.convert_to_tensor(each, "float32") for each in tree.flatten(found)]))


def _mean_loss(function: Any, true: Any, pred: Any) -> object:
    return 0.0 if function is None else ops.mean(function(true, pred))
