"""What metrics are called, their configs, and every sentence they raise."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from layercli import losses, metrics
from layercli.errors import ShapeError, UsageError
from tests.keras_reference import asked, keras, value_of

NEEDED = {
    "IoU": {"num_classes": 3, "target_class_ids": [0, 1]},
    "MeanIoU": {"num_classes": 3},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [0, 1]},
    "OneHotMeanIoU": {"num_classes": 3},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
}
NAMES = [n for n in dir(metrics) if n[0].isupper() and n not in ("Metric", "MeanMetricWrapper")]


@pytest.mark.parametrize("name", NAMES)
def test_a_config_makes_the_same_metric_here_and_in_keras(name):
    ours = getattr(metrics, name)(**NEEDED.get(name, {}), name="mine")
    again = metrics.deserialize(metrics.serialize(ours))
    assert type(again) is type(ours)
    assert again.get_config() == ours.get_config()
    theirs = keras.metrics.deserialize(metrics.serialize(ours))
    assert asked("class_name", theirs) == name
    again = metrics.deserialize(value_of(keras.metrics.serialize(theirs)))
    assert again.get_config() | {"dtype": None} == ours.get_config() | {"dtype": None}


@pytest.mark.parametrize("name", NAMES)
def test_default_names_are_those_of_keras(name):
    theirs = getattr(keras.metrics, name)(**NEEDED.get(name, {}))
    assert getattr(metrics, name)(**NEEDED.get(name, {})).name == theirs.name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mse", "MeanSquaredError"),
        ("MAE", "MeanAbsoluteError"),
        ("binary_accuracy", "BinaryAccuracy"),
        ("top_k_categorical_accuracy", "TopKCategoricalAccuracy"),
        ("mean_squared_error", "MeanSquaredError"),
        ("auc", "AUC"),
        ("f1_score", "F1Score"),
        ("binary_iou", "BinaryIoU"),
        ("logcosh", "LogCoshError"),
    ],
)
def test_a_class_by_name(name, expected):
    metric = metrics.resolve(name, None, None)
    assert type(metric) is getattr(metrics, expected)
    assert metric.name == name


@pytest.mark.parametrize("name", ["accuracy", "acc"])
@pytest.mark.parametrize(
    ("true", "pred", "expected"),
    [
        ((8,), (8, 1), "BinaryAccuracy"),
        ((8,), (8, 3), "SparseCategoricalAccuracy"),
        ((8, 1), (8, 3), "SparseCategoricalAccuracy"),
        ((8, 3), (8, 3), "CategoricalAccuracy"),
        ((8, 4), (8, 4, 3), "SparseCategoricalAccuracy"),
    ],
)
def test_accuracy_is_chosen_from_the_shapes(name, true, pred, expected):
    metric = metrics.resolve(name, np.zeros(true), np.zeros(pred))
    assert type(metric) is getattr(metrics, expected)
    assert metric.name == name


def test_a_function_or_a_loss_is_the_mean_of_its_values():
    metric = metrics.resolve(losses.mean_absolute_error, None, None)
    assert metric([[1.0], [2.0]], [[2.0], [4.0]]).item() == 1.5
    assert metric.name == "mean_absolute_error"
    assert metric.get_config() == {
        "fn": losses.serialize(losses.mean_absolute_error),
        "name": metric.name,
        "dtype": "float32",
    }
    assert metrics.get(metric) is metric
    assert metrics.get(None) is None


def predictions(metric, true, pred):
    metric.update_state(np.zeros(true), np.zeros(pred))


ONE_SHAPE = "expects y_true and y_pred of one shape, got"
MISUSE = [
    (lambda: metrics.get("acuracy"), UsageError, "there is no metric 'acuracy'"),
    (lambda: metrics.get(3), UsageError, "3 is no metric: give its name, its config, or the object"),
    (lambda: metrics.resolve(None, None, None), UsageError, "expected a metric, got None"),
    (lambda: metrics.Mean(dtype="float23").result(), UsageError, "there is no dtype 'float23'"),
    (lambda: metrics.get("iou"), UsageError, "IoU needs the argument 'num_classes'"),
    (lambda: metrics.Precision(1.5), UsageError, "thresholds must be numbers from 0 to 1, got 1.5"),
    (
        lambda: metrics.PrecisionAtRecall(0.5, num_thresholds=0),
        UsageError,
        "num_thresholds must be an integer of at least 1, got 0",
    ),
    (lambda: metrics.PrecisionAtRecall(1.5), UsageError, "recall must be a number from 0 to 1, got 1.5"),
    (lambda: metrics.AUC(1), UsageError, "num_thresholds must be an integer of at least 2, got 1"),
    (lambda: metrics.AUC(curve="RO"), UsageError, "curve must be one of ROC, PR, PRGAIN, got 'RO'"),
    (
        lambda: metrics.AUC(summation_method="mean"),
        UsageError,
        "summation_method must be one of interpolation, minoring, majoring, got 'mean'",
    ),
    (lambda: metrics.AUC(num_labels=2), UsageError, "num_labels requires multi_label=True"),
    (
        lambda: metrics.R2Score("mean"),
        UsageError,
        "class_aggregation must be one of None, uniform_average, variance_weighted_average, got 'mean'",
    ),
    (lambda: metrics.R2Score(num_regressors=-1), UsageError, "num_regressors must be at least 0, got -1"),
    (lambda: metrics.F1Score("mean"), UsageError, "average must be one of None, micro, macro, weighted, got 'mean'"),
    (lambda: metrics.FBetaScore(beta=0), UsageError, "beta must be greater than 0, got 0"),
    (lambda: metrics.F1Score(threshold=2), UsageError, "threshold must be greater than 0 and at most 1, got 2"),
    (lambda: metrics.IoU(2, [2]), UsageError, "target_class_ids must be from 0 to 1, got 2"),
    (lambda: metrics.BinaryIoU([2]), UsageError, "target_class_ids must be from 0 to 1, got 2"),
    (
        lambda: metrics.AUC(11).merge(metrics.AUC(12, name="other")),
        UsageError,
        "auc cannot merge other, whose arguments differ",
    ),
    (
        lambda: predictions(metrics.AUC(multi_label=True), (4,), (4,)),
        ShapeError,
        "auc expects y_pred of shape (batch, labels), got (4,)",
    ),
    (
        lambda: predictions(metrics.R2Score(), (4,), (4,)),
        ShapeError,
        "r2_score expects y_true and y_pred of shape (batch, columns), got (4,)",
    ),
    (
        lambda: predictions(metrics.F1Score(), (4,), (4,)),
        ShapeError,
        "f1_score expects y_pred of shape (batch, classes), got (4,)",
    ),
    (lambda: predictions(metrics.F1Score(), (4, 2), (4, 3)), ShapeError, f"f1_score {ONE_SHAPE} (4, 2) and (4, 3)"),
    (
        lambda: predictions(metrics.Precision(class_id=1), (4,), (4,)),
        ShapeError,
        "class_id requires predictions of shape (batch, classes), got (4,)",
    ),
    (
        lambda: predictions(metrics.Precision(), (4, 2), (4, 3)),
        ShapeError,
        f"a confusion matrix {ONE_SHAPE} (4, 2) and (4, 3)",
    ),
    (
        lambda: predictions(metrics.SparseCategoricalAccuracy(), (5,), (4, 3)),
        ShapeError,
        f"sparse_categorical_accuracy {ONE_SHAPE} (5,) and (4,)",
    ),
]


@pytest.mark.parametrize(("misuse", "error", "message"), MISUSE)
def test_misuse(misuse, error, message):
    with pytest.raises(error) as caught:
        misuse()
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.Metric().update_state(0, 0), "Metric has no update_state(y_true, y_pred, sample_weight)"),
        (lambda: metrics.Metric().result(), "Metric has no result()"),
        (
            lambda: type("Mine", (metrics.reduction_metrics.MeanOf,), {})().update_state(0, 0),
            "Mine has no values(y_true, y_pred)",
        ),
    ],
)
def test_a_metric_without_its_formula(call, message):
    from layercli.metrics import reduction_metrics  # noqa: F401  # makes it an attribute of metrics

    with pytest.raises(NotImplementedError) as error:
        call()
    assert str(error.value) == message


def test_metrics_do_not_import_torch():
    code = "import layercli.metrics as m, sys; m.get('auc').get_config(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_gradient_is_kept():
    pred = torch.ones(2, 2, requires_grad=True)
    for metric in (metrics.MeanSquaredError(), metrics.AUC(), metrics.R2Score(), metrics.F1Score(), metrics.Mean()):
        metric.update_state(pred) if type(metric) is metrics.Mean else metric.update_state(torch.eye(2), pred)
        assert not any(total.stored.requires_grad for total in metric.variables)
