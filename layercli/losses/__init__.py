"""Losses: each a function from targets and predictions to one value per sample, and a class that reduces those."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.core import registry
from layercli.core.namespace import keep_functions
from layercli.core.registry import Registry
from layercli.errors import UsageError

_catalogue = Registry(
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
        "hinge": "hinge squared_hinge categorical_hinge Hinge SquaredHinge CategoricalHinge",
        "segmentation": "dice tversky Dice Tversky",
        "circle": "circle Circle",
        "ctc": "ctc CTC",
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

__all__ = [*_catalogue.homes, "deserialize", "get", "parse", "resolve", "serialize"]
get = _catalogue.get


def deserialize(name: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the loss that ``name``, a name or the dict that ``serialize`` returned, describes.

    ``custom_objects``: the user's own classes and functions by name. Raises UsageError for an unknown name.
    """
    return _catalogue.deserialize(name, custom_objects)


def serialize(loss: Any) -> Any:
    """Return the loss as a dict of its class name and config, or of its name for a function, as Keras does."""
    return registry.serialize(loss)


def parse(text: str) -> Any:
    """Return the loss that ``name:setting=value,setting=value`` describes; a name alone is returned as it is.

    >>> parse("huber:delta=2.0").delta
    2.0
    """
    from layercli.core.naming import snake_case
    from layercli.optimizers.cli_settings import settings_in

    name, _, settings = text.partition(":")
    if not settings:
        return text
    classes = {snake_case(each): each for each in _catalogue.homes if each[0].isupper()}
    cls = _catalogue.find(classes.get(_catalogue.aliases.get(name, snake_case(name)), name))
    if not isinstance(cls, type):
        raise UsageError(f"the loss {name!r} takes no settings")
    return cls.from_config(settings_in(settings, name, cls))  # type: ignore[attr-defined]  # every loss class has one


def resolve(identifier: Any, y_true: Any, y_pred: Any) -> Any:
    """Return the Loss that ``identifier`` means for targets and predictions of these shapes.

    A name, config, class, function or Loss, as ``get`` takes; ``crossentropy`` or ``ce`` becomes the binary, the
    sparse or the one-hot one: predictions of one column are binary, targets of lower rank (or one column) are ids.
    """
    from layercli.losses.alignment import kind_of_labels
    from layercli.losses.loss import FunctionLoss, Loss

    if identifier in ("crossentropy", "ce"):
        prefix = {"binary": "binary", "ids": "sparse_categorical", "one-hot": "categorical"}
        loss = _catalogue.find(f"{prefix[kind_of_labels(y_true, y_pred)]}_crossentropy")
    else:
        loss = get(identifier)
    if loss is None or isinstance(loss, Loss):
        return loss
    return FunctionLoss(loss, name=identifier if isinstance(identifier, str) else None)


def __getattr__(name: str) -> Any:
    return _catalogue.load(name)


def __dir__() -> list[str]:
    return sorted(__all__)


keep_functions(__name__)
