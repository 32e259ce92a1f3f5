"""TrainingMethods: how a model is compiled, trained and evaluated, as Keras's Trainer."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from layercli.core.backend import get_backend
from layercli.core.stateless_scope import StatelessScope
from layercli.core.step_functions import StepFunctions
from layercli.core.types import Config


class TrainingMethods(StepFunctions):
    """``compile``, ``fit``, ``evaluate`` and ``predict`` of a model, and the steps and metrics that its class may override."""

    if TYPE_CHECKING:  # of the Model that these are methods of
        _trainer: Any
        own_metrics: Callable[[], list[Any]]

    def compile(
        self: Any,
        optimizer: object = "rmsprop",
        loss: object = None,
        loss_weights: object = None,
        metrics: object = None,
        weighted_metrics: object = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        gradient_accumulation: int | None = None,
    ) -> None:
        """Configure training: each argument is a name, a config or an object, or a list or dict of them for several outputs.

        ``metrics`` ignore sample weights, ``weighted_metrics`` use them. Callbacks run once in ``steps_per_execution`` batches;
        the optimizer updates once in ``gradient_accumulation`` steps, with the mean gradient. The loss of a float16 model is scaled
        unless ``auto_scale_loss`` is false. ``jit_compile=True`` compiles the model with torch.compile unless ``run_eagerly``;
        "auto" does not, as in Keras with torch. Raises UsageError for an unknown name.
        """
        get_backend().compile(
            self,
            optimizer=optimizer,
            loss=loss,
            loss_weights=loss_weights,
            metrics=metrics,
            weighted_metrics=weighted_metrics,
            steps_per_execution=steps_per_execution,
            gradient_accumulation=gradient_accumulation,
            jit_compile=False if run_eagerly else jit_compile,
            auto_scale_loss=auto_scale_loss,
            run_eagerly=run_eagerly,
        )

    def fit(
        self: Any,
        x: object = None,
        y: object = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: object = "auto",
        callbacks: Iterable[Any] | None = None,
        validation_split: float = 0.0,
        validation_data: object = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: object = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Container[int] = 1,
    ) -> Any:
        """Train from epoch ``initial_epoch`` to ``epochs`` and return the History.

        ``x`` and ``y`` are arrays, tensors, or lists and dicts of them, in memory or memory-mapped; or ``x`` is a torch Dataset, a
        DataLoader, or a generator of ``(x, y)`` or ``(x, y, sample_weight)``. The order of the samples and the random numbers of
        dropout follow from the seed and the number of steps, so that a resumed run continues as an uninterrupted one would.
        ``validation_freq``: the number of epochs between validations, or the epochs after which there is one, counted from 1.
        ``verbose``: 0 is silent; 1 or "auto" shows a bar for each epoch, and 2 a line, on stdout as in Keras. Raises UsageError
        or ShapeError for arguments that do not fit.
        """
        return get_backend().fit(
            self,
            x=x,
            y=y,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_split=validation_split,
            validation_data=validation_data,
            shuffle=shuffle,
            class_weight=class_weight,
            sample_weight=sample_weight,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
            validation_freq=validation_freq,
        )

    def evaluate(
        self: Any,
        x: object = None,
        y: object = None,
        batch_size: int | None = None,
        verbose: object = "auto",
        sample_weight: object = None,
        steps: int | None = None,
        callbacks: Iterable[Any] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Return the loss and the metrics over data, given as for ``fit``: a list (a number if there is one value), or a dict.

        ``verbose``: 0 is silent; 1 or "auto" shows a bar, and 2 a line.
        """
        return get_backend().evaluate(
            self,
            x=x,
            y=y,
            batch_size=batch_size,
            verbose=verbose,
            sample_weight=sample_weight,
            steps=steps,
            callbacks=callbacks,
            return_dict=return_dict,
        )

    def predict(
        self: Any,
        x: object,
        batch_size: int | None = None,
        verbose: object = "auto",
        steps: int | None = None,
        callbacks: Iterable[Any] | None = None,
    ) -> Any:
        """Return the outputs for ``x`` as numpy arrays, computed batch by batch.

        ``verbose``: 0 is silent; 1 or "auto" shows a bar, and 2 a line.
        """
        return get_backend().predict(
            self, x=x, batch_size=batch_size, verbose=verbose, steps=steps, callbacks=callbacks
        )

    def train_on_batch(
        self: Any,
        x: object,
        y: object = None,
        sample_weight: object = None,
        class_weight: object = None,
        return_dict: bool = False,
    ) -> Any:
        """Take one step on one batch and return its loss and metrics."""
        return get_backend().on_batch(
            self,
            "train",
            x=x,
            y=y,
            sample_weight=sample_weight,
            class_weight=class_weight,
            return_dict=return_dict,
        )

    def test_on_batch(
        self: Any, x: object, y: object = None, sample_weight: object = None, return_dict: bool = False
    ) -> Any:
        """Evaluate one batch and return its loss and metrics."""
        return get_backend().on_batch(
            self, "test", x=x, y=y, sample_weight=sample_weight, class_weight=None, return_dict=return_dict
        )

    def predict_on_batch(self: Any, x: object) -> Any:
        """Return the outputs for one batch as numpy arrays."""
        return get_backend().predict(self, x=x, batch_size=2**62, verbose=0, steps=None, callbacks=None)

    def train_step(self, data: object) -> Mapping[str, Any]:
        """Take one training step and return the logs; override it for a custom training step.

        ``data`` is one batch of the data of fit: ``x``, ``(x, y)`` or ``(x, y, sample_weight)``.
        """
        return self._require_trainer("train_step").train_step(data)  # type: ignore[no-any-return]  # core knows no Trainer

    def test_step(self, data: object) -> Mapping[str, Any]:
        """Evaluate ``data`` (see ``train_step``) and return the logs; override it for a custom evaluation step."""
        return self._require_trainer("test_step").test_step(data)  # type: ignore[no-any-return]  # core knows no Trainer

    def predict_step(self: Any, data: Any) -> Any:
        """Return the outputs for ``data`` (see ``train_step``); override it for a custom prediction step."""
        x = data[0] if isinstance(data, (list, tuple)) else data
        return self(x, training=False) if self._says_training else self(x)

    @property
    def _says_training(self: Any) -> bool:
        """Whether steps call the model with ``training``: its ``call`` takes it, or is that of a graph of layers."""
        return "training" in self.call_names()

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Return the training loss: that of compile plus regularization penalties and added losses."""
        return self._require_trainer("compute_loss").compute_loss(y, y_pred, sample_weight)

    def stateless_compute_loss(
        self: Any,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        metrics_variables: Sequence[Any],
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> tuple[Any, tuple[list[Any], list[Any], list[Any]]]:
        """Return ``compute_loss`` for values of the variables, and those of the three groups then; nothing is changed."""
        groups = (self.trainable_variables, self.non_trainable_variables, self.metrics_variables)
        values = (trainable_variables, non_trainable_variables, metrics_variables)
        pairs = [pair for names, given in zip(groups, values, strict=True) for pair in zip(names, given, strict=True)]
        with StatelessScope(pairs) as scope:
            loss = self.compute_loss(x, y, y_pred, sample_weight, training)
        after = [[scope.get_current_value(variable) for variable in group] for group in groups]
        return loss, (after[0], after[1], after[2])

    def compute_metrics(self, x: object, y: object, y_pred: object, sample_weight: object = None) -> Mapping[str, Any]:
        """Update the metrics with a batch and return the logs."""
        return self._require_trainer("compute_metrics").compute_metrics(y, y_pred, sample_weight)  # type: ignore[no-any-return]

    @property
    def metrics(self) -> list[Any]:
        """The mean loss, the metrics of compile as one, and those in the attributes of the model and of the layers below."""
        return self.own_metrics() if self._trainer is None else list(self._trainer.model_metrics())

    @property
    def metrics_variables(self) -> list[Any]:
        """The variables of the metrics."""
        return [variable for metric in self.metrics for variable in metric.variables]

    @property
    def compiled(self) -> bool:
        """Whether ``compile`` was called."""
        return self._trainer is not None

    @property
    def run_eagerly(self) -> bool:
        """Whether ``compile`` got ``run_eagerly=True``."""
        return self._trainer is not None and bool(self._trainer.run_eagerly)

    @property
    def jit_compile(self) -> bool:
        """Whether torch.compile compiles the model in training."""
        return self._trainer is not None and self._trainer.jit_compile is True

    def get_compile_config(self) -> Config | None:
        """Return the arguments of ``compile`` as plain values, or None before it was called."""
        return None if self._trainer is None else self._trainer.get_config()

    @property
    def steps_per_execution(self) -> int:
        """In how many batches callbacks run once; 1 before ``compile``."""
        return 1 if self._trainer is None else int(self._trainer.steps_per_execution)

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Call ``compile`` with the arguments that ``get_compile_config`` returned."""
        self.compile(**config)

    @property
    def metrics_names(self) -> list[str]:
        """The names of ``metrics``; ``compile_metrics`` is that of all metrics of compile."""
        return [metric.name for metric in self.metrics]

    def get_metrics_result(self) -> Mapping[str, Any]:
        """Return the current metrics, for a custom ``train_step``."""
        return self._require_trainer("get_metrics_result").results()  # type: ignore[no-any-return]  # core knows no Trainer

    def reset_metrics(self) -> None:
        """Reset the loss and the metrics."""
        self._require_trainer("reset_metrics").reset()

    def _require_trainer(self: Any, what: str) -> Any:
        return get_backend().trainer(self, what)
