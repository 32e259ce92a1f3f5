"""Sums and means of values, and metrics that are the mean of a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import make_dataclass
from typing import Any

from layercli.core import masking
from layercli.core.types import Config, Tensor
from layercli.lazy import torch
from layercli.losses.alignment import align_ranks, tensor
from layercli.losses.arguments import document
from layercli.losses.reduction import divide_no_nan
from layercli.metrics.metric import Metric

Reduce = Callable[..., "torch.Tensor"]


def per_sample(values: torch.Tensor, weight: Tensor | None, reduce: Reduce) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return ``values`` times ``weight`` reduced to one per sample, and the weight of each sample or None.

    Axes that the weights lack are reduced before the product, all others but the first after it.
    """
    if weight is not None:
        weight = torch.as_tensor(weight, device=values.device).to(values.dtype)
        values, weight = align_ranks(values, weight)
        if values.ndim > weight.ndim:
            values = reduce(values, tuple(range(weight.ndim, values.ndim)))
        axes = weight.ndim
        weight = weight.broadcast_to(values.shape)
        values = values * weight
        if axes > 1:
            weight = reduce(weight, tuple(range(1, axes)))
    return reduce(values, tuple(range(1, values.ndim))) if values.ndim > 1 else values, weight


def masked_weight(values: Any, weight: Any) -> Any:
    """Return ``weight`` times the mask that a layer gave to ``values``, if any."""
    mask = masking.mask_of(values)
    if mask is None:
        return weight
    if weight is None:
        return mask
    weight = torch.as_tensor(weight, device=mask.device)
    mask, weight = (
        each.reshape(*each.shape, *[1] * (other.ndim - each.ndim)) for each, other in ((mask, weight), (weight, mask))
    )
    return mask * weight


class Sum(Metric):
    """sum(values * sample_weight)."""

    def __init__(self, name: str | None = "sum", dtype: str | None = None) -> None:
        super().__init__(dtype=dtype, name=name)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of the total."""
        return {"total": ()}

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]  # of values, without targets
        """Add values of any shape."""
        weight = masked_weight(values, sample_weight)
        self.add("total", per_sample(tensor(values), weight, torch.sum)[0].sum())

    def result(self) -> torch.Tensor:
        """Return the sum so far, 0 without any value."""
        return self.finish(self.state["total"])


class Mean(Metric):
    """sum(values * sample_weight) / sum(sample_weight), where the value of a sample (first axis) is its mean."""

    def __init__(self, name: str | None = "mean", dtype: str | None = None) -> None:
        super().__init__(dtype=dtype, name=name)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the total and the count."""
        return {"total": (), "count": ()}

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]  # of values, without targets
        """Add values of any shape."""
        self.add_mean(tensor(values), masked_weight(values, sample_weight))

    def add_mean(self, values: torch.Tensor, sample_weight: Tensor) -> None:
        """Add values of any shape."""
        values, weight = per_sample(values, sample_weight, torch.mean)
        self.add("total", values.sum())
        self.add("count", weight.sum() if weight is not None else values.shape[0] if values.ndim else 1)

    def result(self) -> torch.Tensor:
        """Return the mean so far, 0 without any value."""
        total = self.state["total"]
        return self.finish(divide_no_nan(total, self.state["count"].to(total.device)))


class MeanOf(Mean):
    """Base of the metrics that are the mean of ``values(y_true, y_pred)``."""

    def values(self, y_true: Tensor, y_pred: Tensor) -> torch.Tensor:
        """Return one value per sample."""
        raise NotImplementedError(f"{type(self).__name__} has no values(y_true, y_pred)")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]  # of targets and predictions
        """Add a batch."""
        with torch.no_grad():
            self.add_mean(self.values(y_true, y_pred), masked_weight(y_pred, sample_weight))


class MeanMetricWrapper(MeanOf):
    """The mean of a user's function fn(y_true, y_pred, **kwargs), which returns one value per sample."""

    def __init__(
        self, fn: Callable[..., object], name: str | None = None, dtype: str | None = None, **kwargs: object
    ) -> None:
        super().__init__(name, dtype)
        self.fn = fn
        self.arguments = kwargs

    def values(self, y_true: Tensor, y_pred: Tensor) -> torch.Tensor:
        """Return fn's values."""
        return tensor(self.fn(y_true, y_pred, **self.arguments))

    @classmethod
    def settings(cls) -> list[str]:
        """Return the arguments in a config; ``get_config()`` adds those of the function."""
        return ["fn", "name", "dtype"]

    def get_config(self) -> Config:
        """Return the constructor's arguments, the function by its name."""
        return {**super().get_config(), **self.arguments}


def mean_class(
    name: str,
    function: Callable[..., object],
    module: str,
    order: str = "name dtype",
    default_name: str | None = None,
) -> type[Any]:
    """Return the metric class ``name`` of ``module``: the mean of ``function(y_true, y_pred, **arguments)``.

    ``order``: the constructor's arguments in Keras's order, among them those of ``function``. ``default_name``: the
    default of ``name``, the function's name unless given.
    """
    arguments = inspect.signature(function).parameters
    settings = [key for key in order.split() if key in arguments]

    def values(self: Any, y_true: Tensor, y_pred: Tensor) -> torch.Tensor:
        return tensor(function(y_true, y_pred, **{key: getattr(self, key) for key in settings}))

    types = {key: (arguments[key].annotation, arguments[key].default) for key in settings} | {
        "name": ("str | None", default_name or function.__name__),
        "dtype": ("str | None", None),
    }
    fields = [(key, *types[key]) for key in order.split()]
    namespace = {
        "values": values,
        "__module__": module,
        "__doc__": document(f"The mean of: {inspect.getdoc(function)}", order.split()),
    }
    return make_dataclass(name, fields, bases=(MeanOf,), namespace=namespace, eq=False, repr=False)
