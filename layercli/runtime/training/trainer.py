"""Trainer: the compiled state of a model, and one training step."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import torch

from layercli import losses, optimizers
from layercli import metrics as metric_names
from layercli.core import tree
from layercli.core.model import Model
from layercli.core.types import Config, Tree
from layercli.core.variable import Variable
from layercli.errors import NotCompiledError, UsageError
from layercli.metrics.metric import Metric
from layercli.runtime.execution import torch_compile
from layercli.runtime.training.batch_sharding import BatchShard
from layercli.runtime.training.compile_utils import CompiledLoss
from layercli.runtime.training.compiled_metrics import CompiledMetrics, LossTracker
from layercli.runtime.training.data_adapters import parts_of
from layercli.runtime.training.lazy_logs import LazyLogs
from layercli.runtime.training.signal_handling import Interruption


class TrainingPosition(NamedTuple):
    """A position in the data: the next batch of the epoch, and the updates made before that epoch."""

    epoch: int
    batch: int
    updates: int


class Trainer:
    """The result of compile: the optimizer, losses and metrics of a model."""

    def __init__(
        self,
        model: Model,
        optimizer: Any,
        objective: CompiledLoss,
        steps_per_execution: int = 1,
        jit_compile: object = "auto",
        run_eagerly: bool = False,
    ) -> None:
        self.run_eagerly = run_eagerly
        self.model = model
        self.optimizer = optimizer
        self.objective = objective
        self.steps_per_execution = steps_per_execution
        self.start: TrainingPosition | None = None  # the position where a resumed run was interrupted
        self.updates = 0  # updates made before the current epoch
        self.jit_compile = jit_compile
        self.interruption: Interruption | None = None  # checked between two steps
        self._penalized: list[Variable] = []
        self._own: list[Metric] | None = None  # the model's own metrics, looked for once in an epoch

    @property
    def part(self) -> BatchShard | None:
        """The shard of this process, if it is one of several that train together."""
        return self.objective.part

    @part.setter
    def part(self, part: BatchShard | None) -> None:
        self.objective.part = self.objective.tracker.part = part

    # One step

    def train_step(self, data: object) -> Mapping[str, Any]:
        """Take one step on a batch and return the logs so far."""
        x, y, weight = parts_of(data)
        y_pred = self.model(x, training=True) if self.model._says_training else self.model(x)
        loss = self._loss(x, y, y_pred, weight, training=True)
        if loss.requires_grad or self.model.trainable_variables:
            self.minimize(loss)
        self.objective.tracker.add_loss(loss, len(tree.flatten(x)[0]))
        return self.model.compute_metrics(x, y, y_pred, weight)

    def test_step(self, data: object) -> Mapping[str, Any]:
        """Evaluate one batch and return the logs so far."""
        x, y, weight = parts_of(data)
        y_pred = self.model(x, training=False) if self.model._says_training else self.model(x)
        loss = self._loss(x, y, y_pred, weight, training=False)
        self.objective.tracker.add_loss(loss, len(tree.flatten(x)[0]))
        return self.model.compute_metrics(x, y, y_pred, weight)

    @property
    def trains_by_calls(self) -> bool:
        """Whether calls in the step of the user's own, or a call that takes no ``training``, say what trains, as in Keras."""
        own = type(self.model)
        kept = ("train_step", "compute_loss", "make_train_function")
        plain = all(getattr(own, name) is getattr(Model, name) for name in kept)
        return not (plain and self.model._says_training)

    def _loss(self, x: Any, y: Any, y_pred: Any, weight: Any, *, training: bool) -> Any:
        """Return the model's loss; a user's ``compute_loss`` may not take ``training``."""
        given = {"x": x, "y": y, "y_pred": y_pred, "sample_weight": weight}
        return self.model.compute_loss(**given, **({"training": training} if self._asks_training else {}))

    @cached_property
    def _asks_training(self) -> bool:
        taken = inspect.signature(self.model.compute_loss).parameters.values()
        return any(p.name == "training" or p.kind is p.VAR_KEYWORD for p in taken)

    def compute_loss(self, y: Any, y_pred: Any, weight: Any) -> torch.Tensor:
        """Return the loss of the outputs plus regularization penalties and add_loss terms."""
        self._match(y, y_pred)
        if self.model.is_container_only:  # layers may have created variables since preparation
            self._penalized = penalized(self.model)
        parts = [self.shared(variable.regularizer(variable.value)) for variable in self._penalized]
        parts += [self.shared(loss.sum(), own=True) for loss in self.model.added_losses()]
        own = self.objective.loss(y, y_pred, weight)
        if own is None and not parts:
            raise UsageError(
                f"{self.model.name} has no loss to minimise", hint="compile it with a loss, or use add_loss"
            )
        return sum(parts[1:], parts[0]) if own is None else sum(parts, own)

    def compute_metrics(self, y: Tree, y_pred: Tree, weight: object) -> LazyLogs:
        """Update the metrics with a batch and return the logs, which are computed when read."""
        self._match(y, y_pred)
        if self.part is None:
            self.objective.update(y, y_pred, weight)
        else:
            self.part.update(self.objective.metrics, lambda: self.objective.update(y, y_pred, weight))
        return LazyLogs(self.results)

    def _match(self, y: Tree, y_pred: Tree) -> None:
        """Match losses and metrics with the outputs, on the first call."""
        if self.objective.outputs is None:
            self.objective.build(self.model, y, y_pred)
            self.objective.check(y, y_pred)

    def minimize(self, loss: torch.Tensor) -> None:
        """Apply one optimizer step for ``loss``."""
        self.optimizer.zero_grad()
        scaled = self.optimizer.scale_loss(loss)
        (scaled if self.part is None else self.part.scaled(scaled)).backward()
        self.optimizer.step()

    def get_config(self) -> Config:
        """Return the arguments of compile, serialized as in Keras."""
        loss, loss_weights, metrics, weighted = self.objective.given
        return {
            "optimizer": optimizers.serialize(self.optimizer),
            "loss": losses.serialize(loss),
            "loss_weights": loss_weights,
            "metrics": metric_names.serialize(metrics),
            "weighted_metrics": metric_names.serialize(weighted),
            "run_eagerly": self.run_eagerly,
            "steps_per_execution": self.steps_per_execution,
            "jit_compile": self.jit_compile is True,
        }

    def shared(self, penalty: torch.Tensor, *, own: bool = False) -> torch.Tensor:
        """Return a penalty as part of the loss: of weights, which all ranks have, or of this rank's ``own`` samples."""
        if self.part is None:
            return penalty
        return penalty * (self.part.own / self.part.whole) if own else self.part.penalty(penalty)

    # A run

    def prepare(self) -> None:
        """Create the optimizer's state for the built model; a model that only contains layers may get more variables later."""
        trained = self.model.trainable_variables
        self._penalized = penalized(self.model)
        if self.optimizer is not None and trained and not self.model.is_container_only:
            self.optimizer.build_for(trained)

    @property
    def metrics(self) -> list[Metric]:
        """The metrics of compile, and those in the model's attributes."""
        return self.objective.metrics + self._own_metrics()

    @cached_property
    def compiled_metrics(self) -> CompiledMetrics:
        """The metrics of compile as one."""
        return CompiledMetrics(self)

    def model_metrics(self) -> list[Metric]:
        """Return what ``model.metrics`` is, in Keras's order: the loss, those of compile as one, the losses of outputs, the own."""
        given = any(each is not None for each in self.objective.given[2:])
        compiled: list[Metric] = [self.objective.tracker, *([self.compiled_metrics] if given else [])]
        return compiled + self.objective.means + self._own_metrics()

    def _own_metrics(self) -> list[Metric]:
        return self.model.own_metrics() if self._own is None else self._own

    def results(self) -> dict[str, Any]:
        """Return the current loss and metrics."""
        if self.part is None:
            return self._results()
        return self.part.result([self.objective.tracker, *self.metrics], self._results)  # type: ignore[no-any-return]

    def _results(self) -> dict[str, Any]:
        if type(self.model).metrics is not Model.metrics:  # a class that has its own logs what that holds, as in Keras
            return self._results_of(self.model.metrics)
        return self.objective.result() | self._results_of(self._own_metrics())

    def _results_of(self, metrics: Iterable[Metric]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for metric in metrics:
            if isinstance(metric, LossTracker) and not metric.has_counted:
                continue
            value = metric.result()
            found |= value if isinstance(value, Mapping) else {metric.name or "metric": value}
        return found

    def in_order(self, logs: Mapping[str, Any]) -> Any:
        """Return logs as a list, or the only one: those of ``model.metrics`` by their own names, then the rest by name."""
        names: list[Any] = []
        for metric in self.model.metrics:
            compiled = isinstance(metric, CompiledMetrics)
            names += [each.name for each in (self.objective.given_metrics if compiled else [metric])]
        found = [logs[name] for name in names if name in logs] + [logs[key] for key in sorted(logs) if key not in names]
        return found[0] if len(found) == 1 else found

    def reset(self) -> None:
        """Reset all metrics."""
        self.objective.reset()
        self._own = self.model.own_metrics()
        for metric in [*self.metrics, *self.model.metrics]:  # a model's class may have its own ``metrics``
            metric.reset_state()


def compile_model(
    model: Model,
    optimizer: Any,
    loss: Any,
    loss_weights: object,
    metrics: object,
    weighted_metrics: object,
    steps_per_execution: int,
    gradient_accumulation: int | None,
    jit_compile: object,
    auto_scale_loss: bool,
    run_eagerly: bool = False,
) -> None:
    """Compile ``model``; UsageError for an optimizer, loss or metric that does not exist."""
    made = optimizers.get(optimizer)
    if made is None:
        raise UsageError("compile needs an optimizer, got None")
    if gradient_accumulation is not None:
        made = type(made).from_config({**made.get_config(), "gradient_accumulation_steps": gradient_accumulation})
    if auto_scale_loss and model.compute_dtype == "float16" and isinstance(made, optimizers.Optimizer):
        made = optimizers.LossScaleOptimizer(made)
    if not isinstance(steps_per_execution, int) or steps_per_execution < 1:
        raise UsageError(f"steps_per_execution is an integer from 1 up, got {steps_per_execution!r}")
    torch_compile.check(jit_compile)
    if model._trainer is not None:  # as in Keras, what is not given stays
        before = model._trainer.objective.given
        loss, loss_weights = (loss, loss_weights) if loss is not None else before[:2]
        if metrics is None and weighted_metrics is None:
            metrics, weighted_metrics = before[2:]
    for what, given in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
        if not isinstance(given, list | tuple | Mapping | None):
            raise UsageError(f"{what} is a list or a dict, got {given!r}")
    if isinstance(loss_weights, str):
        raise UsageError(f"loss_weights is a number, a list or a dict, got {loss_weights!r}")
    model.optimizer = made
    if loss is not None:
        model.loss = loss  # a custom step may call it
    objective = CompiledLoss(loss, loss_weights, metrics, weighted_metrics)
    model._trainer = Trainer(model, made, objective, steps_per_execution, jit_compile, run_eagerly)


def penalized(model: Model) -> list[Any]:
    """Return the trainable variables that a regularizer penalizes."""
    return [variable for variable in model.trainable_variables if variable.regularizer is not None]


def trainer_of(model: Model, what: str) -> Trainer:
    """Return the Trainer of a model; UsageError if it is not compiled."""
    if model._trainer is None:
        raise NotCompiledError(
            f"{model.name} is not compiled, which {what} needs", hint="call compile(optimizer, loss) first"
        )
    return model._trainer  # type: ignore[no-any-return]  # core does not know the class
