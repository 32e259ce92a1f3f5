"""Metrics: state accumulated over batches, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from layercli import losses
from layercli.core import naming, registry
from layercli.core.registry import Registry
from layercli.core.types import ConfigLike
from layercli.errors import UsageError

if TYPE_CHECKING:  # for type checkers and editors; a test holds it to the table below
    from layercli.losses.crossentropy import binary_crossentropy as binary_crossentropy
    from layercli.losses.crossentropy import categorical_crossentropy as categorical_crossentropy
    from layercli.losses.crossentropy import sparse_categorical_crossentropy as sparse_categorical_crossentropy
    from layercli.losses.focal import binary_focal_crossentropy as binary_focal_crossentropy
    from layercli.losses.focal import categorical_focal_crossentropy as categorical_focal_crossentropy
    from layercli.losses.hinge_losses import categorical_hinge as categorical_hinge
    from layercli.losses.hinge_losses import hinge as hinge
    from layercli.losses.hinge_losses import squared_hinge as squared_hinge
    from layercli.losses.probabilistic import kl_divergence as kl_divergence
    from layercli.losses.probabilistic import poisson as poisson
    from layercli.losses.regression import huber as huber
    from layercli.losses.regression import log_cosh as log_cosh
    from layercli.losses.regression import mean_absolute_error as mean_absolute_error
    from layercli.losses.regression import mean_absolute_percentage_error as mean_absolute_percentage_error
    from layercli.losses.regression import mean_squared_error as mean_squared_error
    from layercli.losses.regression import mean_squared_logarithmic_error as mean_squared_logarithmic_error
    from layercli.metrics.accuracy_metrics import Accuracy as Accuracy
    from layercli.metrics.accuracy_metrics import BinaryAccuracy as BinaryAccuracy
    from layercli.metrics.accuracy_metrics import CategoricalAccuracy as CategoricalAccuracy
    from layercli.metrics.accuracy_metrics import SparseCategoricalAccuracy as SparseCategoricalAccuracy
    from layercli.metrics.accuracy_metrics import SparseTopKCategoricalAccuracy as SparseTopKCategoricalAccuracy
    from layercli.metrics.accuracy_metrics import TopKCategoricalAccuracy as TopKCategoricalAccuracy
    from layercli.metrics.accuracy_metrics import binary_accuracy as binary_accuracy
    from layercli.metrics.accuracy_metrics import categorical_accuracy as categorical_accuracy
    from layercli.metrics.accuracy_metrics import sparse_categorical_accuracy as sparse_categorical_accuracy
    from layercli.metrics.accuracy_metrics import sparse_top_k_categorical_accuracy as sparse_top_k_categorical_accuracy
    from layercli.metrics.accuracy_metrics import top_k_categorical_accuracy as top_k_categorical_accuracy
    from layercli.metrics.auc import AUC as AUC
    from layercli.metrics.confusion_metrics import FalseNegatives as FalseNegatives
    from layercli.metrics.confusion_metrics import FalsePositives as FalsePositives
    from layercli.metrics.confusion_metrics import Precision as Precision
    from layercli.metrics.confusion_metrics import Recall as Recall
    from layercli.metrics.confusion_metrics import TrueNegatives as TrueNegatives
    from layercli.metrics.confusion_metrics import TruePositives as TruePositives
    from layercli.metrics.correlation_metrics import ConcordanceCorrelation as ConcordanceCorrelation
    from layercli.metrics.correlation_metrics import PearsonCorrelation as PearsonCorrelation
    from layercli.metrics.correlation_metrics import concordance_correlation as concordance_correlation
    from layercli.metrics.correlation_metrics import pearson_correlation as pearson_correlation
    from layercli.metrics.f_score_metrics import F1Score as F1Score
    from layercli.metrics.f_score_metrics import FBetaScore as FBetaScore
    from layercli.metrics.hinge_metrics import CategoricalHinge as CategoricalHinge
    from layercli.metrics.hinge_metrics import Hinge as Hinge
    from layercli.metrics.hinge_metrics import SquaredHinge as SquaredHinge
    from layercli.metrics.iou_metrics import BinaryIoU as BinaryIoU
    from layercli.metrics.iou_metrics import IoU as IoU
    from layercli.metrics.iou_metrics import MeanIoU as MeanIoU
    from layercli.metrics.iou_metrics import OneHotIoU as OneHotIoU
    from layercli.metrics.iou_metrics import OneHotMeanIoU as OneHotMeanIoU
    from layercli.metrics.metric import Metric as Metric
    from layercli.metrics.probabilistic_metrics import BinaryCrossentropy as BinaryCrossentropy
    from layercli.metrics.probabilistic_metrics import CategoricalCrossentropy as CategoricalCrossentropy
    from layercli.metrics.probabilistic_metrics import KLDivergence as KLDivergence
    from layercli.metrics.probabilistic_metrics import Poisson as Poisson
    from layercli.metrics.probabilistic_metrics import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
    from layercli.metrics.r2_score import R2Score as R2Score
    from layercli.metrics.reduction_metrics import Mean as Mean
    from layercli.metrics.reduction_metrics import MeanMetricWrapper as MeanMetricWrapper
    from layercli.metrics.reduction_metrics import Sum as Sum
    from layercli.metrics.regression_metrics import CosineSimilarity as CosineSimilarity
    from layercli.metrics.regression_metrics import LogCoshError as LogCoshError
    from layercli.metrics.regression_metrics import MeanAbsoluteError as MeanAbsoluteError
    from layercli.metrics.regression_metrics import MeanAbsolutePercentageError as MeanAbsolutePercentageError
    from layercli.metrics.regression_metrics import MeanSquaredError as MeanSquaredError
    from layercli.metrics.regression_metrics import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
    from layercli.metrics.regression_metrics import RootMeanSquaredError as RootMeanSquaredError
    from layercli.metrics.sensitivity_specificity import PrecisionAtRecall as PrecisionAtRecall
    from layercli.metrics.sensitivity_specificity import RecallAtPrecision as RecallAtPrecision
    from layercli.metrics.sensitivity_specificity import SensitivityAtSpecificity as SensitivityAtSpecificity
    from layercli.metrics.sensitivity_specificity import SpecificityAtSensitivity as SpecificityAtSensitivity

_registry = Registry(
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
"""The loss functions that ``keras.metrics`` has too."""

__all__ = [*_registry.module_of, *FUNCTIONS, "deserialize", "get", "resolve", "serialize"]


def deserialize(config: ConfigLike, custom_objects: Mapping[str, object] | None = None) -> Any:
    """Return the metric that ``config``, a name or the dict that ``serialize`` returned, describes.

    ``custom_objects``: the user's own classes and functions by name. Raises UsageError for an unknown name.
    """
    return _registry.deserialize(config, custom_objects)


def serialize(metric: object) -> Any:
    """Return the metric as a dict of its class name and config, or of its name for a function, as Keras does."""
    return registry.serialize(metric)


def get(identifier: object) -> Any:
    """Return the metric that a name, config, class, function or instance stands for; None stays None.

    A name always stands for a class, also ``binary_accuracy``. Raises UsageError for an unknown name.
    """
    if isinstance(identifier, str):
        identifier = _registry.aliases.get(identifier.lower(), identifier)
    return _registry.get(identifier)


def resolve(identifier: object, y_true: Any, y_pred: Any) -> Any:
    """Return the Metric that ``identifier`` stands for, given targets and predictions, with the name as given.

    As ``get``, but ``accuracy`` or ``acc`` is binary for predictions of one column, sparse for targets of lower rank or
    of one column (class ids), else categorical; and a function becomes the mean of its values.
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
        raise UsageError("expected a metric, got None")
    if not isinstance(metric, Metric):
        metric = MeanMetricWrapper(metric, name=naming.name_of(metric))
    if isinstance(identifier, str):
        metric.name = identifier
    return metric


if not TYPE_CHECKING:  # a type checker would take any name

    def __getattr__(name: str) -> Any:
        if name in FUNCTIONS:
            return getattr(losses, name)
        return _registry.load(name)


def __dir__() -> list[str]:
    return sorted(__all__)
