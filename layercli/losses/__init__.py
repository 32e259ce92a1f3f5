"""Losses: functions that return one value per sample, and classes that reduce those values to one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from layercli.core import registry
from layercli.core.namespace import keep_functions
from layercli.core.registry import Registry
from layercli.core.types import Tensor
from layercli.errors import UsageError

if TYPE_CHECKING:  # for type checkers and editors; a test holds it to the table below
    from layercli.losses.circle_loss import Circle as Circle
    from layercli.losses.circle_loss import circle as circle
    from layercli.losses.crossentropy import BinaryCrossentropy as BinaryCrossentropy
    from layercli.losses.crossentropy import CategoricalCrossentropy as CategoricalCrossentropy
    from layercli.losses.crossentropy import CategoricalGeneralizedCrossEntropy as CategoricalGeneralizedCrossEntropy
    from layercli.losses.crossentropy import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
    from layercli.losses.crossentropy import binary_crossentropy as binary_crossentropy
    from layercli.losses.crossentropy import categorical_crossentropy as categorical_crossentropy
    from layercli.losses.crossentropy import (
        categorical_generalized_cross_entropy as categorical_generalized_cross_entropy,
    )
    from layercli.losses.crossentropy import sparse_categorical_crossentropy as sparse_categorical_crossentropy
    from layercli.losses.ctc_loss import CTC as CTC
    from layercli.losses.ctc_loss import ctc as ctc
    from layercli.losses.focal import BinaryFocalCrossentropy as BinaryFocalCrossentropy
    from layercli.losses.focal import CategoricalFocalCrossentropy as CategoricalFocalCrossentropy
    from layercli.losses.focal import binary_focal_crossentropy as binary_focal_crossentropy
    from layercli.losses.focal import categorical_focal_crossentropy as categorical_focal_crossentropy
    from layercli.losses.hinge_losses import CategoricalHinge as CategoricalHinge
    from layercli.losses.hinge_losses import Hinge as Hinge
    from layercli.losses.hinge_losses import SquaredHinge as SquaredHinge
    from layercli.losses.hinge_losses import categorical_hinge as categorical_hinge
    from layercli.losses.hinge_losses import hinge as hinge
    from layercli.losses.hinge_losses import squared_hinge as squared_hinge
    from layercli.losses.loss import FunctionLoss as FunctionLoss
    from layercli.losses.loss import Loss as Loss
    from layercli.losses.probabilistic import KLDivergence as KLDivergence
    from layercli.losses.probabilistic import Poisson as Poisson
    from layercli.losses.probabilistic import kl_divergence as kl_divergence
    from layercli.losses.probabilistic import poisson as poisson
    from layercli.losses.regression import CosineSimilarity as CosineSimilarity
    from layercli.losses.regression import Huber as Huber
    from layercli.losses.regression import LogCosh as LogCosh
    from layercli.losses.regression import MeanAbsoluteError as MeanAbsoluteError
    from layercli.losses.regression import MeanAbsolutePercentageError as MeanAbsolutePercentageError
    from layercli.losses.regression import MeanSquaredError as MeanSquaredError
    from layercli.losses.regression import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
    from layercli.losses.regression import cosine_similarity as cosine_similarity
    from layercli.losses.regression import huber as huber
    from layercli.losses.regression import log_cosh as log_cosh
    from layercli.losses.regression import mean_absolute_error as mean_absolute_error
    from layercli.losses.regression import mean_absolute_percentage_error as mean_absolute_percentage_error
    from layercli.losses.regression import mean_squared_error as mean_squared_error
    from layercli.losses.regression import mean_squared_logarithmic_error as mean_squared_logarithmic_error
    from layercli.losses.segmentation import Dice as Dice
    from layercli.losses.segmentation import Tversky as Tversky
    from layercli.losses.segmentation import dice as dice
    from layercli.losses.segmentation import tversky as tversky

_registry = Registry(
    "layercli.losses",
    "loss",
    {
        "loss": "Loss FunctionLoss",
        "regression": (
            "mean_squared_error mean_absolute_error mean_absolute_percentage_error "
            "mean_squared_logarithmic_error huber log_cosh cosine_similarity MeanSquaredError "
            "MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredLogarithmicError Huber LogCosh "
            "CosineSimilarity"
        ),
        "probabilistic": "kl_divergence poisson KLDivergence Poisson",
        "crossentropy": (
            "binary_crossentropy categorical_crossentropy sparse_categorical_crossentropy "
            "categorical_generalized_cross_entropy BinaryCrossentropy CategoricalCrossentropy "
            "SparseCategoricalCrossentropy CategoricalGeneralizedCrossEntropy"
        ),
        "focal": (
            "binary_focal_crossentropy categorical_focal_crossentropy BinaryFocalCrossentropy "
            "CategoricalFocalCrossentropy"
        ),
        "hinge_losses": "hinge squared_hinge categorical_hinge Hinge SquaredHinge CategoricalHinge",
        "segmentation": "dice tversky Dice Tversky",
        "circle_loss": "circle Circle",
        "ctc_loss": "ctc CTC",
    },
    {
        "mse": "mean_squared_error",
        "mae": "mean_absolute_error",
        "mape": "mean_absolute_percentage_error",
        "msle": "mean_squared_logarithmic_error",
        "bce": "binary_crossentropy",
        "kld": "kl_divergence",
        "logcosh": "log_cosh",
    },
)

CHOSEN_BY_TARGETS = ("crossentropy", "ce")

__all__ = [*_registry.module_of, "deserialize", "get", "parse", "resolve", "serialize"]
get = _registry.get


def deserialize(name: object, custom_objects: Mapping[str, object] | None = None) -> Any:
    """Return the loss that ``name``, a name or the dict that ``serialize`` returned, describes.

    ``custom_objects``: the user's own classes and functions by name. Raises UsageError for an unknown name.
    """
    return _registry.deserialize(name, custom_objects)


def serialize(loss: object) -> Any:
    """Return the loss as a dict of its class name and config, or of its name for a function, as Keras does."""
    return registry.serialize(loss)


def parse(text: str) -> Any:
    """Return the loss that ``name:argument=value,argument=value`` describes; a name without arguments is returned
    unchanged.

    >>> parse("huber:delta=2.0").delta
    2.0
    """
    from layercli.core.naming import snake_case
    from layercli.optimizers.cli_settings import settings_in

    name, _, settings = text.partition(":")
    if not settings:
        return text
    if name in CHOSEN_BY_TARGETS:
        raise UsageError(
            f"{name} is chosen by the targets and takes no arguments",
            hint=f"sparse_categorical_crossentropy:{settings} for class ids; also binary_, categorical_crossentropy",
        )
    classes = {snake_case(each): each for each in _registry.module_of if each[0].isupper()}
    cls = _registry.find(classes.get(_registry.aliases.get(name, snake_case(name)), name))
    if not isinstance(cls, type):
        raise UsageError(f"the loss {name!r} takes no arguments")
    return cls.from_config(settings_in(settings, name, cls))  # type: ignore[attr-defined]  # every loss class has it


def resolve(identifier: object, y_true: Tensor, y_pred: Tensor) -> Any:
    """Return the Loss that ``identifier`` stands for, given targets and predictions.

    ``identifier``: a name, config, class, function or Loss, as in ``get``. ``crossentropy`` or ``ce`` is binary for
    predictions of one column, sparse for targets of lower rank or of one column (class ids), else categorical.
    """
    from layercli.losses.alignment import kind_of_labels
    from layercli.losses.loss import FunctionLoss, Loss

    if identifier in CHOSEN_BY_TARGETS:
        prefix = {"binary": "binary", "ids": "sparse_categorical", "one-hot": "categorical"}
        loss = _registry.find(f"{prefix[kind_of_labels(y_true, y_pred)]}_crossentropy")
    else:
        loss = get(identifier)
    if loss is None or isinstance(loss, Loss):
        return loss
    return FunctionLoss(loss, name=identifier if isinstance(identifier, str) else None)


if not TYPE_CHECKING:  # a type checker would take any name

    def __getattr__(name: str) -> Any:
        return _registry.load(name)


def __dir__() -> list[str]:
    return sorted(__all__)


keep_functions(__name__)
