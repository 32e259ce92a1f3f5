"""Distiller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from layercli import losses, ops, tree
from layercli import metrics as metrics_module
from layercli.core.custom_objects import custom_object_scope
from layercli.core.model import Model
from layercli.core.types import Config, Tensor
from layercli.distillation.distillation_loss import DistillationLoss, parsed
from layercli.errors import UsageError

OUTPUTS = "final_output"


class Distiller(Model):
    """A model that trains ``student`` on targets and on the outputs of ``teacher``, which stays as it is; it computes the student.

    The loss is w * (the loss of compile) + (1 - w) * (the sum of the weighted distillation losses), w being
    ``student_loss_weight``. Raises UsageError where weights and losses do not fit, and for models whose outputs do not.

    Args:
        teacher: The model that is imitated. It is frozen.
        student: The model that is trained.
        distillation_losses: A DistillationLoss, or several.
        distillation_loss_weights: The weight of each of several; None for 1.
        student_loss_weight: The share w of the loss of compile, from 0 to 1.
    """

    def __init__(
        self,
        teacher: Any,
        student: Any,
        distillation_losses: DistillationLoss | Sequence[DistillationLoss],
        distillation_loss_weights: Sequence[float] | None = None,
        student_loss_weight: float = 0.5,
        name: str = "distiller",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        for what, model in (("teacher", teacher), ("student", student)):
            if not isinstance(model, Model):
                raise UsageError(f"Distiller expects its {what} to be a Model, got {model!r}")
        if isinstance(student_loss_weight, bool) or not isinstance(student_loss_weight, (int, float)):
            raise UsageError(f"student_loss_weight must be a number, got {student_loss_weight!r}")
        if not 0 <= student_loss_weight <= 1:
            raise UsageError(f"student_loss_weight must be from 0 to 1, got {student_loss_weight}")
        several = isinstance(distillation_losses, (list, tuple))
        listed: list[Any] = [*distillation_losses] if several else [distillation_losses]  # type: ignore[misc]  # one or several
        if not listed or not all(isinstance(each, DistillationLoss) for each in listed):
            raise UsageError(f"Distiller expects one DistillationLoss or several, got {distillation_losses!r}")
        weights = [1.0] * len(listed) if distillation_loss_weights is None or not several else distillation_loss_weights
        if len(weights) != len(listed):
            raise UsageError(
                f"there are {len(weights)} distillation_loss_weights for {len(listed)} distillation_losses"
            )
        for each in listed:
            each.validate_model_compatibility(teacher, student)
        teacher.trainable = False
        self.teacher, self.student = teacher, student
        self.distillation_losses, self.distillation_loss_weights = listed, list(weights)
        self.student_loss_weight = student_loss_weight
        self.student_loss_tracker = metrics_module.Mean(name="student_loss")
        self.distillation_loss_tracker = metrics_module.Mean(name="distillation_loss")
        self.total_loss_tracker = metrics_module.Mean(name="total_loss")
        self._features = [
            _with_features(teacher, [each.teacher_layer_name for each in listed]),
            _with_features(student, [each.student_layer_name for each in listed]),
        ]

    def compile(  # type: ignore[override]  # as Keras's, whose metrics come third
        self, optimizer: Any = "adam", loss: Any = None, metrics: Any = None, **kwargs: Any
    ) -> None:
        """Take the optimizer of the student, and its loss on targets: a loss, its name, or a tree of them as the outputs."""
        if loss is None:
            raise UsageError("Distiller needs a loss for the targets")
        self._student_loss, self._given_loss = parsed(loss), loss
        super().compile(optimizer, None, metrics=metrics, **kwargs)

    def get_compile_config(self) -> Config | None:
        """Return the arguments of compile, the loss of the student among them."""
        found = super().get_compile_config()
        return None if found is None else {**found, "loss": losses.serialize(self._given_loss)}

    def call(self, inputs: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Return the outputs of the student."""
        return self.student(inputs, training=training, **kwargs)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Return the weighted loss; as in Keras, ``sample_weight`` changes nothing."""
        y_pred = self(x, training=training) if y_pred is None else y_pred
        share = self.student_loss_weight
        own: Any = 0.0
        imitated: Any = 0.0
        if share > 0 and y is not None:
            found = tree.map_structure(lambda loss, a, b: ops.mean(loss(a, b)), self._student_loss, y, y_pred)
            own = ops.sum(ops.stack(tree.flatten(found)))
        if share < 1:
            teacher, student = self._outputs(x, y_pred)
            for each, weight in zip(self.distillation_losses, self.distillation_loss_weights, strict=True):
                imitated = imitated + weight * _between(each, teacher, student)
        total = share * own + (1 - share) * imitated
        self.student_loss_tracker.update_state(own)
        self.distillation_loss_tracker.update_state(imitated)
        self.total_loss_tracker.update_state(total)
        return total

    def _outputs(self, x: Any, y_pred: object) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Return the outputs and the wanted features of teacher and student."""
        teacher, student = self._features
        return (
            {OUTPUTS: self.teacher(x, training=False)} if teacher is None else teacher(x, training=False),
            {OUTPUTS: y_pred} if student is None else {**student(x, training=True), OUTPUTS: y_pred},
        )

    def get_config(self) -> Config:
        """Return the arguments."""
        from layercli.saving import serialize_keras_object

        return {
            **super().get_config(),
            "teacher": serialize_keras_object(self.teacher),
            "student": serialize_keras_object(self.student),
            "distillation_losses": [serialize_keras_object(each) for each in self.distillation_losses],
            "distillation_loss_weights": self.distillation_loss_weights,
            "student_loss_weight": self.student_loss_weight,
        }

    @classmethod
    def from_config(cls, config: Config, custom_objects: Mapping[str, object] | None = None) -> Any:
        """Return the model of ``get_config``."""
        with custom_object_scope(custom_objects or {}):
            models = {key: _deserialized(config[key]) for key in ("teacher", "student")}
            found = [_deserialized(each) for each in config["distillation_losses"]]
        return cls(**{**config, **models, "distillation_losses": found})


def _deserialized(value: object) -> Any:
    """Return the model or loss of a config, itself if it is none."""
    from layercli.distillation import deserialize
    from layercli.saving import deserialize_keras_object

    if not isinstance(value, Mapping):
        return value
    return deserialize_keras_object(value) if "module" in value else deserialize(value)


def _with_features(model: Any, names: Sequence[str | None]) -> Any:
    """Return a model that also returns the outputs of these layers, None if there are none."""
    wanted = [name for name in dict.fromkeys(names) if name is not None]
    if not wanted:
        return None
    outputs = {OUTPUTS: model.output, **{name: model.get_layer(name).output for name in wanted}}
    return Model(model.inputs, outputs, name=f"{model.name}_features")


def _between(loss: DistillationLoss, teacher: Mapping[str, object], student: Mapping[str, object]) -> Tensor:
    """Return one distillation loss. Raises UsageError where it is no number."""
    features = loss.teacher_layer_name is not None
    true = teacher[(loss.teacher_layer_name if features else None) or OUTPUTS]
    pred = student[(loss.student_layer_name if features else None) or OUTPUTS]
    loss.validate_outputs(true, pred)
    found: Tensor = loss.compute_loss(true, pred)
    if getattr(found, "shape", ()):
        raise UsageError(f"{type(loss).__name__} must return a number, got a tensor of shape {tuple(found.shape)}")
    return found
