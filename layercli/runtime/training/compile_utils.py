"""The losses and metrics given to compile, matched with a model's outputs on the first batch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, NamedTuple

import torch

from layercli import losses, metrics
from layercli.core import masking, naming, tree
from layercli.core.functional import Functional
from layercli.core.layer import Layer
from layercli.core.sequential import Sequential
from layercli.core.types import Tree
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UnknownKeyError, UsageError
from layercli.losses.loss import Loss
from layercli.metrics.metric import Metric
from layercli.metrics.reduction_metrics import Mean
from layercli.runtime.training.batch_sharding import BatchShard
from layercli.runtime.training.compiled_metrics import LossTracker


class NamedMetric(NamedTuple):
    """A metric, and its name in the logs; the metric keeps its own."""

    name: str
    metric: Metric


@dataclass
class CompiledOutput:
    """One output of a model: its loss, loss weight, metrics and weighted metrics."""

    name: str
    loss: Loss | None
    weight: float
    plain: list[NamedMetric] = field(default_factory=list)
    weighted: list[NamedMetric] = field(default_factory=list)
    mean: Mean | None = None

    @property
    def asks(self) -> bool:
        """Whether the output needs a target."""
        return self.loss is not None or bool(self.plain or self.weighted)

    def update(self, y_true: object, y_pred: Any, weight: object) -> None:
        """Update the metrics with a batch; masked steps do not count."""
        kept = masking.mask_of(y_pred)
        mask = None if kept is None else kept.to(torch.float32)
        for _, metric in self.plain:
            metric.update_state(y_true, y_pred, mask)
        both = weight if mask is None else mask if weight is None else mask * weight
        for _, metric in self.weighted:
            metric.update_state(y_true, y_pred, both)


class CompiledLoss:
    """``loss``, ``loss_weights``, ``metrics`` and ``weighted_metrics`` as compile takes them."""

    def __init__(self, loss: object, loss_weights: object, metrics: object, weighted_metrics: object) -> None:
        self.given = loss, loss_weights, metrics, weighted_metrics
        self.outputs: list[CompiledOutput] | None = None
        self._names: list[str] = []
        self._by_name = False
        self.tracker = LossTracker()
        self.part: BatchShard | None = None
        self._was_reset = False

    def build(self, model: Layer, y_true: Any, y_pred: Any) -> list[CompiledOutput]:
        """Match losses and metrics with the outputs, once, when their number, names and shapes are known."""
        if self.outputs is None:
            self._by_name = isinstance(y_pred, dict)
            self.outputs = self._matched(names_of(model, y_pred), y_true, y_pred)
            self._names = self._unique_names()
            for metric in self.given_metrics if self._was_reset else []:  # which may have been used before
                metric.reset_state()
        return self.outputs

    def _matched(self, names: list[str], y_true: object, y_pred: object) -> list[CompiledOutput]:
        loss, loss_weights, plain, weighted = self.given
        several = len(names) > 1
        each_loss = per_output(with_all(loss, names), names, "loss", spread=True)
        each_weight = per_output(loss_weights, names, "loss_weights")
        each_metrics = [
            metrics_per_output(given, names, what)
            for given, what in ((plain, "metrics"), (weighted, "weighted_metrics"))
        ]
        asked = [one is not None or any(every[i] for every in each_metrics) for i, one in enumerate(each_loss)]
        wanted = in_order(y_true, names, "targets", asked)
        found = []
        for i, (name, true, pred) in enumerate(zip(names, wanted, tree.flatten(y_pred), strict=True)):
            if asked[i]:
                require_targets(name, true)
            own = None if each_loss[i] is None else losses.resolve(each_loss[i], true, pred)
            output = CompiledOutput(name, own, 1.0 if each_weight[i] is None else float(each_weight[i]))
            output.plain, output.weighted = (
                [made_metric(given, name if several else "", true, pred) for given in every[i]]
                for every in each_metrics
            )
            found.append(output)
        if sum(output.loss is not None for output in found) > 1:
            for output in found:
                output.mean = None if output.loss is None else Mean(name=f"{output.name}_loss")
        return found

    def loss(self, y_true: Tree, y_pred: Tree, weight: Tree) -> torch.Tensor | None:
        """Return the weighted sum of the outputs' losses, or None without losses."""
        total = None
        for output, true, pred, own in self._each(y_true, y_pred, weight):
            if output.loss is None:
                continue
            kept = masking.mask_of(pred)
            if self.part is None:
                given = (true, pred, own) if kept is None else (true, pred, own, kept)  # a user's loss may take no mask
                value, samples, counted = output.loss(*given), len(pred), len(pred)
            else:
                value = self.part.of(output.loss, true, pred, own, kept)
                samples, counted = self.part.whole, self.part.own
            if output.mean is not None:
                output.mean.add("total", value.detach() * samples)
                output.mean.add("count", counted)
            scaled = value if output.weight == 1 else value * output.weight
            total = scaled if total is None else total + scaled
        return total

    def check(self, y_true: object, y_pred: object) -> None:
        """Raise errors for invalid targets that would only trigger an assertion on a GPU."""
        for output, true, pred, _ in self._each(y_true, y_pred, None):
            if output.loss is not None and pred.device.type != "cpu":
                output.loss.check(true, pred)

    def update(self, y_true: object, y_pred: object, weight: object) -> None:
        """Update the metrics with a batch."""
        with torch.no_grad():
            for output, true, pred, own in self._each(y_true, y_pred, weight):
                output.update(true, pred, own)

    def result(self) -> dict[str, object]:
        """Return the logs for the batches so far: the loss, the losses of the outputs, the metrics."""
        found: dict[str, object] = {"loss": self.tracker.result()} if self.tracker.has_counted else {}
        return found | self.results()

    def reset(self) -> None:
        """Reset the loss and all metrics, also those that are only matched with the outputs later."""
        self._was_reset = True
        for metric in [self.tracker, *self.metrics]:
            metric.reset_state()

    def results(self, *, given: bool = False) -> dict[str, Any]:
        """Return the value of each metric by its name in the logs, or of those ``given`` to compile alone."""
        shown = self.given_metrics if given else self.metrics
        return {name: metric.result() for name, metric in zip(self._names, shown, strict=False)}

    @property
    def metrics(self) -> list[Metric]:
        """Every metric, then the mean loss of each output if there are several."""
        return [each.metric for each in self._all]

    @property
    def means(self) -> list[Metric]:
        """The mean loss of each output if there are several."""
        outputs = [output for output in self.outputs or [] if output.mean is not None]
        return [output.mean for output in sorted(outputs, key=self._place) if output.mean is not None]

    def _place(self, output: CompiledOutput) -> int:
        """Return the place of an output's mean loss: that in a dict of losses, if the outputs are a dict too, as in Keras."""
        loss = self.given[0]
        return list(loss).index(output.name) if self._by_name and isinstance(loss, Mapping) else 0

    @property
    def given_metrics(self) -> list[Metric]:
        """The metrics and the weighted metrics of every output."""
        return [each.metric for each in self._given]

    def _unique_names(self) -> list[str]:
        """Return the names in the logs: a weighted metric of the name of another is ``weighted_``, others are numbered."""
        outputs = self.outputs or []
        taken = {each.name for output in outputs for each in output.plain}
        weighted = {id(each): output for output in outputs for each in output.weighted}
        names = []
        for each in self._all:
            output = weighted.get(id(each))
            prefix = "" if output is None or len(outputs) == 1 else f"{output.name}_"
            taken_too = output is not None and each.name in taken
            names.append(f"{prefix}weighted_{each.name.removeprefix(prefix)}" if taken_too else each.name)
        return naming.uniquify(names)

    @property
    def _given(self) -> list[NamedMetric]:
        outputs = self.outputs or []
        plain = [each for output in outputs for each in output.plain]
        return plain + [each for output in outputs for each in output.weighted]

    @property
    def _all(self) -> list[NamedMetric]:
        return self._given + [NamedMetric(str(mean.name), mean) for mean in self.means]

    def _each(self, y_true: Tree, y_pred: Tree, weight: object) -> Iterator[tuple[CompiledOutput, Any, Any, Any]]:
        outputs = self.outputs or []
        if len(outputs) == 1:
            if outputs[0].asks:  # batches of validation may lack what those of training have
                require_targets(outputs[0].name, y_true)
            yield outputs[0], alone(y_true), alone(y_pred), alone(weight)
            return
        names = [output.name for output in outputs]
        wanted = in_order(y_true, names, "targets", [output.asks for output in outputs])
        for output, true in zip(outputs, wanted, strict=True):
            if output.asks:
                require_targets(output.name, true)
        weights = [weight] * len(outputs) if is_leaf(weight) else in_order(weight, names, "sample weights")
        yield from zip(outputs, wanted, tree.flatten(y_pred), weights, strict=True)


def require_targets(name: str, true: object) -> None:
    """Raise UsageError for an output with a loss or metrics whose targets are None."""
    if true is None:
        raise UsageError(f"the output {name!r} has a loss or metrics, and no targets", hint="give y")


def is_leaf(value: object) -> bool:
    """Return whether ``value`` is a leaf and not a tree."""
    return not isinstance(value, list | tuple | dict)


def alone(values: Tree) -> Tree:
    """Return the single leaf of a tree."""
    return values if is_leaf(values) else tree.flatten(values)[0]


def names_of(model: Layer, y_pred: Tree) -> list[str]:
    """Return the names of the outputs: dict keys, the names of the last layers, or ``output_0`` and so on."""
    if isinstance(y_pred, dict):
        return list(y_pred)
    count = len(tree.flatten(y_pred))
    if isinstance(model, Functional):
        return naming.uniquify(maker_of(x) for x in model.outputs)
    if count == 1:
        return [model.layers[-1].name if isinstance(model, Sequential) else "output"]
    return [f"output_{i}" for i in range(count)]


def maker_of(x: Any) -> str:
    """Return the name of the layer that produced a symbolic tensor, or the kind of its operation."""
    if x.node is None:
        return str(x.name)
    return x.node.target.name if isinstance(x.node.target, Layer) else naming.snake_case(type(x.node.target).__name__)


def in_order(values: object, names: Sequence[str], what: str, asked: Sequence[bool] | None = None) -> list[Any]:
    """Return one value per output from a dict by name or a list; ShapeError for a wrong number.

    Values for outputs that are not in ``asked`` may be missing.
    """
    asked = [True] * len(names) if asked is None else asked
    if isinstance(values, Mapping):
        if missing := [name for name, asks in zip(names, asked, strict=True) if asks and name not in values]:
            raise ShapeError(
                f"expects {what} for the output {missing[0]!r}, got them for {', '.join(map(repr, values))}"
            )
        return [values.get(name) for name in names]
    found = [None] * len(names) if values is None else tree.flatten(values)
    if len(found) == sum(asked) < len(names):
        remaining = iter(found)
        return [next(remaining) if asks else None for asks in asked]
    if len(found) != len(names):
        raise ShapeError(f"expects {what} for {len(names)} outputs ({', '.join(names)}), got {len(found)}")
    return found


def with_all(loss: object, names: Sequence[str]) -> object:
    """Return a list of losses with None for the last outputs where it is too short, with a warning as in Keras."""
    if not isinstance(loss, list | tuple) or len(loss) == len(names):
        return loss
    wrong = f"loss has {len(loss)} entries for {len(names)} outputs ({', '.join(names)})"
    if len(loss) > len(names):
        raise UnknownKeyError(wrong)
    warnings.warn(f"{wrong}: the last have none", stacklevel=2)
    return [*loss, *[None] * (len(names) - len(loss))]


def per_output(given: object, names: Sequence[str], what: str, *, spread: bool = False) -> list[Any]:
    """Return the part of ``given`` (one, a list, or a dict by name) for each output; ``spread`` repeats a single one."""
    config = isinstance(given, Mapping) and "class_name" in given
    if isinstance(given, Mapping) and not config:
        if unknown := [name for name in given if name not in names]:
            raise UnknownKeyError(f"{what} names the output {unknown[0]!r}, there are {', '.join(map(repr, names))}")
        return [given.get(name) for name in names]
    if given is None or not isinstance(given, list | tuple):
        if given is not None and not spread and len(names) > 1:
            raise UsageError(f"{what} is a list or a dict for a model of {len(names)} outputs, got {given!r}")
        return [given] * len(names)
    if len(given) != len(names):
        raise UsageError(f"{what} has {len(given)} entries for {len(names)} outputs ({', '.join(names)})")
    return list(given)


def metrics_per_output(given: object, names: Sequence[str], what: str) -> list[list[Any]]:
    """Return the metrics of each output: a list for one output, a list of lists or a dict for several."""
    if len(names) == 1 and isinstance(given, list | tuple):
        return [[metric for entry in given for metric in listed(entry)]]
    return [listed(entry) for entry in per_output(given, names, what)]


def listed(given: object) -> list[Any]:
    """Return no, one or several metrics as a list."""
    return [] if given is None else list(given) if isinstance(given, list | tuple) else [given]


def made_metric(given: object, output: str, y_true: object, y_pred: object) -> NamedMetric:
    """Return the metric with its name in the logs: as given, after its output's name if there are several outputs."""
    metric: Metric = metrics.resolve(given, y_true, y_pred)
    return NamedMetric(f"{output}_{metric.name}" if output else str(metric.name), metric)
