"""Metrics: sums over all the batches seen, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli import losses
from layercli.core import registry
from layercli.core.registry import Registry
from layercli.errors import UsageError

_catalogue = Registry(
    "layercli.metrics",
    "metric",
    {
"metric": "Metric",
"reduction_metrics": "Mean Sum MeanMetricWrapper",
"accuracy_metrics": ("binary_accuracy categorical_accuracy sparse_categorical_accuracy top_k_categorical_accuracy "
"sparse_top_k_categorical_accuracy Accuracy BinaryAccuracy CategoricalAccuracy "
"SparseCategoricalAccuracy TopKCategoricalAccuracy SparseTopKCategoricalAccuracy"),
"regression_metrics": ("MeanSquaredError RootMeanSquaredError MeanAbsoluteError MeanAbsolutePercentageError "
"MeanSquaredLogarithmicError CosineSimilarity LogCoshError"),
"r2_score": "R2Score",
"correlation_metrics": ("pearson_correlation concordance_correlation PearsonCorrelation ConcordanceCorrelation"),
"probabilistic_metrics": ("KLDivergence Poisson BinaryCrossentropy CategoricalCrossentropy SparseCategoricalCrossentropy"),
"hinge_metrics": "Hinge SquaredHinge CategoricalHinge",
"confusion_metrics": "TruePositives FalsePositives TrueNegatives FalseNegatives Precision Recall",
"sensitivity_specificity": ("PrecisionAtRecall RecallAtPrecision SensitivityAtSpecificity SpecificityAtSensitivity"),
"auc": "AUC",
"f_score_metrics": "F1Score FBetaScore",
"iou_metrics": "IoU BinaryIoU MeanIoU OneHotIoU OneHotMeanIoU",
},
    {
        "mse": "MeanSquaredError",
        "rmse": "RootMeanSquaredError",
        "mae": "MeanAbsoluteError",
        "mape": "MeanAbsolutePercentageError",
        "msle": "MeanSquaredLogarithmicError",
        "bce": "BinaryCrossentropy",
        "kld": "KLDivergence",
        "log_cosh": "LogCoshError",
        "logcosh": "LogCoshError",
        "acc": "Accuracy",
        **{
            name: "".join(word.capitalize() for word in name.split("_"))
            for name in (
                "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy", "top_k_categorical_accuracy",
                "sparse_top_k_categorical_accuracy", "pearson_correlation", "concordance_correlation",
            )
        },
    },
)  # fmt: skip

FUNCTIONS = (
    "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy", "categorical_focal_crossentropy",
    "categorical_hinge", "hinge", "huber", "kl_divergence", "log_cosh", "mean_absolute_error",
    "mean_absolute_percentage_error", "mean_squared_error", "mean_squared_logarithmic_error", "poisson",
    "sparse_categorical_crossentropy", "squared_hinge",
)  # fmt: skip
"""The losses that Keras's metrics show as functions too."""

__all__ = [*_catalogue.homes, *FUNCTIONS, "deserialize", "get", "resolve", "serialize"]


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the metric that ``config``, a name or the dict that ``serialize`` returned, describes.

    ``custom_objects``: the user's own classes and functions by name. Raises UsageError for an unknown name.
    """
    return _catalogue.deserialize(config, custom_objects)


def serialize(metric: Any) -> Any:
    """Return the metric as a dict of its class name and config, or of its name for a function, as Keras does."""
    return registry.serialize(metric)


def get(identifier: Any) -> Any:
    """Return the metric that a name, a config, a class, a function or the object itself stands for; None stays None.

    A name is always that of a class, ``binary_accuracy`` too. Raises UsageError.
    """
    if isinstance(identifier, str):
        identifier = _catalogue.aliases.get(identifier.lower(), identifier)
    return _catalogue.get(identifier)


def resolve(identifier: Any, y_true: Any, y_pred: Any) -> Any:
    """Return the Metric that ``identifier`` means for targets and predictions of these shapes, named as it was called.

    As ``get``, but ``accuracy`` or ``acc`` becomes the binary, the sparse or the one-hot one (predictions of one column
    are binary, targets of lower rank or of one column are ids), and a function becomes the mean of its values.
    """
    from layercli.losses.alignment import kind_of_labels
    from layercli.metrics.metric import Metric
    from layercli.metrics.reduction_metrics import MeanMetricWrapper

    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        prefix = {"binary": "binary", "ids": "sparse_categorical", "one-hot": "categorical"}
        metric = get(f"{prefix[kind_of_labels(y_true, y_pred)]}_accuracy")
    else:
        metric = get(identifier)
    if metric is None:
        raise UsageError("a metric cannot be None")
    if not isinstance(metric, Metric):
        metric = MeanMetricWrapper(metric)
    if isinstance(identifier, str):
        metric.name = identifier
    return metric


def __getattr__(name: str) -> Any:
    if name in FUNCTIONS:
        return getattr(losses, name)
    return _catalogue.load(name)


def __dir__() -> list[str]:
    return sorted(__all__)
