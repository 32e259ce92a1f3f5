"""Every metric against Keras 3.15.1 on JAX: after several batches, with and without sample weights."""

import numpy as np
import pytest
import torch

from layercli import metrics
from tests.keras_reference import asked, keras
from tests.tolerances import assert_close, bound

RNG = np.random.default_rng(11)
BATCH, CLASSES = 7, 5


@pytest.fixture(autouse=True)
def same_draws_in_any_order():
    RNG.bit_generator.state = np.random.PCG64(1).state


def real(*shape):
    return RNG.normal(size=shape).astype("float32")


def unit(*shape):
    return RNG.uniform(0.02, 0.98, size=shape).astype("float32")


def binary(*shape):
    return RNG.integers(0, 2, shape).astype("float32")


def one_hot(*shape):
    return np.eye(shape[-1], dtype="float32")[RNG.integers(0, shape[-1], shape[:-1])]


def ids(*shape):
    return RNG.integers(0, CLASSES, shape)


def coarse(*shape):
    return (RNG.integers(0, 21, shape) / 20).astype("float32")


def batches(*makers):
    return [tuple(maker() for maker in makers) for _ in range(3)]


NUMBERS = [
    batches(lambda: real(BATCH, 4), lambda: real(BATCH, 4)),
    batches(lambda: real(BATCH), lambda: real(BATCH, 1)),
]
POSITIVE = [batches(lambda: unit(BATCH, 4) * 3, lambda: unit(BATCH, 4) * 3)]
TWO = [
    batches(lambda: binary(BATCH), lambda: unit(BATCH)),
    batches(lambda: binary(BATCH, 4), lambda: unit(BATCH, 4)),
    batches(lambda: binary(BATCH), lambda: coarse(BATCH, 1)),
]
MANY = [
    batches(lambda: one_hot(BATCH, CLASSES), lambda: unit(BATCH, CLASSES)),
    batches(lambda: one_hot(BATCH, 3, CLASSES), lambda: unit(BATCH, 3, CLASSES)),
]
LABELS = [
    batches(lambda: ids(BATCH), lambda: unit(BATCH, CLASSES)),
    batches(lambda: ids(BATCH, 1), lambda: unit(BATCH, CLASSES)),
    batches(lambda: ids(BATCH, 3), lambda: unit(BATCH, 3, CLASSES)),
]
SAME = [batches(lambda: ids(BATCH), lambda: ids(BATCH)), batches(lambda: ids(BATCH, 1), lambda: ids(BATCH))]
SORTED = [batches(lambda: ids(BATCH), lambda: RNG.permuted(np.tile(np.arange(CLASSES), (BATCH, 1)), axis=1))]
SIGNS = [batches(lambda: binary(BATCH, 4), lambda: real(BATCH, 4))]
LOGITS = [batches(lambda: binary(BATCH), lambda: real(BATCH))]
COLUMNS = [batches(lambda: binary(BATCH, 4), lambda: coarse(BATCH, 4))]
VECTOR = [batches(lambda: binary(BATCH), lambda: (RNG.uniform(size=BATCH) > 0.4).astype("float32") * 0.9)]
THREE = [0.0, 0.5, 1.0]

CASES = [
    ("Accuracy", [{}], SAME),
    ("BinaryAccuracy", [{}, {"threshold": 0.3}], TWO),
    ("CategoricalAccuracy", [{}], MANY),
    ("SparseCategoricalAccuracy", [{}], LABELS),
    ("TopKCategoricalAccuracy", [{}, {"k": 2}], MANY),
    ("SparseTopKCategoricalAccuracy", [{"k": 2}], LABELS),
    ("SparseTopKCategoricalAccuracy", [{"k": 2, "from_sorted_ids": True}], SORTED),
    ("MeanSquaredError", [{}], NUMBERS),
    ("RootMeanSquaredError", [{}], NUMBERS),
    ("MeanAbsoluteError", [{}], NUMBERS),
    ("MeanAbsolutePercentageError", [{}], NUMBERS),
    ("MeanSquaredLogarithmicError", [{}], POSITIVE),
    ("CosineSimilarity", [{}, {"axis": 1}], NUMBERS[:1]),
    ("LogCoshError", [{}], NUMBERS),
    ("R2Score", [{}, {"num_regressors": 2}, {"class_aggregation": None}], NUMBERS[:1]),
    ("R2Score", [{"class_aggregation": "variance_weighted_average"}], NUMBERS[:1]),
    ("PearsonCorrelation", [{}], NUMBERS[:1]),
    ("ConcordanceCorrelation", [{}], NUMBERS[:1]),
    ("KLDivergence", [{}], MANY),
    ("Poisson", [{}], POSITIVE),
    ("BinaryCrossentropy", [{}, {"label_smoothing": 0.1}], TWO[1:2]),
    ("BinaryCrossentropy", [{"from_logits": True}], SIGNS),
    ("CategoricalCrossentropy", [{}, {"from_logits": True, "label_smoothing": 0.1}], MANY),
    ("SparseCategoricalCrossentropy", [{}, {"from_logits": True}], LABELS),
    ("SparseCategoricalCrossentropy", [{"ignore_class": 1}], LABELS[:2]),
    ("Hinge", [{}], SIGNS),
    ("SquaredHinge", [{}], SIGNS),
    ("CategoricalHinge", [{}], MANY),
    ("TruePositives", [{}, {"thresholds": THREE}], TWO),
    ("FalsePositives", [{}, {"thresholds": [0.3, 0.9]}], TWO[1:2]),
    ("TrueNegatives", [{}, {"thresholds": [0.9, 0.3]}], TWO[1:2]),
    ("FalseNegatives", [{}, {"thresholds": 0.25}], TWO[1:2]),
    ("Precision", [{}, {"thresholds": [0.1, 0.6]}, {"thresholds": THREE}], TWO),
    ("Precision", [{"top_k": 2}, {"class_id": 1}, {"top_k": 2, "thresholds": 0.4, "class_id": 2}], MANY[:1]),
    ("Recall", [{}, {"thresholds": [0.1, 0.6]}], TWO[1:2]),
    ("Recall", [{"top_k": 2}, {"class_id": 1}], MANY[:1]),
    ("PrecisionAtRecall", [{"recall": 0.6}, {"recall": 0.6, "num_thresholds": 1}], TWO[2:]),
    ("RecallAtPrecision", [{"precision": 0.55}], TWO[1:2]),
    ("SensitivityAtSpecificity", [{"specificity": 0.5, "num_thresholds": 21}], TWO[2:]),
    ("SpecificityAtSensitivity", [{"sensitivity": 0.5}], TWO[1:2]),
    ("SpecificityAtSensitivity", [{"sensitivity": 0.5, "class_id": 1}], MANY[:1]),
    ("AUC", [{}, {"num_thresholds": 11}, {"summation_method": "minoring"}, {"thresholds": [0.2, 0.7, 0.4]}], TWO[1:2]),
    ("AUC", [{"curve": "PR"}, {"curve": "PR", "summation_method": "majoring"}, {"curve": "PRGAIN"}], TWO[2:]),
    ("AUC", [{"from_logits": True}, {}], LOGITS),
    ("AUC", [{"label_weights": [0.1, 0.5, 0.2, 1.0]}], COLUMNS),
    ("AUC", [{"multi_label": True}, {"multi_label": True, "num_labels": 4, "curve": "PR"}], COLUMNS),
    ("AUC", [{"multi_label": True, "label_weights": [0.1, 0.5, 0.2, 1.0], "thresholds": [0.3, 0.4]}], COLUMNS),
    ("F1Score", [{}, {"average": "macro"}, {"average": "weighted", "threshold": 0.4}], MANY[:1]),
    ("FBetaScore", [{"beta": 2.0}, {"beta": 0.5, "average": "micro"}], MANY[:1]),
    ("IoU", [{"num_classes": CLASSES, "target_class_ids": [1, 3]}], SAME[:1]),
    ("IoU", [{"num_classes": CLASSES, "target_class_ids": [0], "ignore_class": 2, "dtype": "float32"}], SAME[:1]),
    ("IoU", [{"num_classes": 3, "target_class_ids": [0, 1, 2]}], SAME[:1]),
    ("MeanIoU", [{"num_classes": CLASSES}, {"num_classes": 9}], SAME[:1]),
    ("BinaryIoU", [{}, {"target_class_ids": [1], "threshold": 0.3}], TWO[:1]),
    ("OneHotIoU", [{"num_classes": CLASSES, "target_class_ids": [0, 2]}], MANY[:1]),
    ("OneHotMeanIoU", [{"num_classes": CLASSES}], MANY[:1]),
    ("OneHotMeanIoU", [{"num_classes": CLASSES, "sparse_y_pred": True}], [[(t, p.argmax(-1)) for t, p in MANY[0]]]),
]
FLAT = [(name, settings, data) for name, each, all_data in CASES for settings in each for data in all_data]


def both(name, settings):
    return getattr(metrics, name)(**settings), getattr(keras.metrics, name)(**settings)


def close(ours, theirs, tolerance=0.0):
    theirs = np.asarray(theirs)
    tolerance = max(tolerance, bound(3 * BATCH * 3 * CLASSES))
    assert_close(ours, theirs, scale=max(1.0, np.abs(theirs).max()), tolerance=tolerance)


@pytest.mark.parametrize(("name", "settings", "data"), FLAT)
def test_result_and_state_are_those_of_keras(name, settings, data):
    for weighted in (False, True):
        ours, theirs = both(name, settings)
        for y_true, y_pred in data:
            weights = unit(BATCH) if weighted else None
            if weighted and "IoU" in name and "dtype" not in settings:
                weights = RNG.integers(0, 3, BATCH)
            ours.update_state(y_true, torch.tensor(y_pred), weights)
            theirs.update_state(y_true, y_pred, weights)
        # its float32 formula cancels: Keras itself is off by as much between its backends
        tolerance = 2e-5 if name == "ConcordanceCorrelation" else 0.0
        close(ours.result(), theirs.result(), tolerance)
        assert ours.result().dtype == torch.float32
        for a, b in zip(ours.variables, theirs.variables, strict=True):
            close(a, b.value, tolerance)


@pytest.mark.parametrize("name", ["Mean", "Sum"])
@pytest.mark.parametrize("weights", [None, (BATCH,), (BATCH, 1), (BATCH, 3), (1, 3)])
def test_mean_and_sum_of_values(name, weights):
    ours, theirs = both(name, {})
    for _ in range(3):
        values = unit(BATCH, 3, 2)
        weight = None if weights is None else unit(*weights)
        ours.update_state(values, weight)
        theirs.update_state(values, weight)
    close(ours.result(), theirs.result())


def test_the_mean_of_a_single_number_and_of_nothing():
    mean = metrics.Mean()
    assert mean.result().item() == 0
    assert [mean(2.0).item(), mean(4.0).item()] == [2.0, 3.0]


def test_every_metric_of_keras_is_compared():
    theirs = {name for name, kind in asked("kinds", "keras.metrics").items() if kind == "type"}
    assert theirs - {"Metric", "MeanMetricWrapper", "Mean", "Sum"} == {case[0] for case in CASES}


@pytest.mark.parametrize("name", ["MeanSquaredError", "AUC", "R2Score", "F1Score", "Precision"])
def test_merged_halves_are_the_whole(name):
    data = NUMBERS[0] if name == "R2Score" else MANY[0]
    whole, first, second = (getattr(metrics, name)() for _ in range(3))
    for y_true, y_pred in data:
        whole.update_state(y_true, y_pred)
        first.update_state(y_true[:3], y_pred[:3])
        second.update_state(y_true[3:], y_pred[3:])
    first.merge(second)
    close(first.result(), whole.result())
    assert set(whole.reductions.values()) == {"sum"}
    assert list(whole.reductions) == list(whole.state)


def test_reset_forgets_every_batch():
    metric = metrics.AUC()
    y_true, y_pred = TWO[0][0]
    once = metric(y_true, y_pred)
    metric.update_state(1 - y_true, y_pred)
    metric.reset_state()
    assert metric.result().item() == 0
    assert metric(y_true, y_pred) == once


def test_counts_stay_exact_past_what_float32_can_count():
    metric = metrics.Mean()
    metric.update_state([1.0], [2.0**24])
    metric.update_state([0.0], [1.0])
    assert metric.state["count"].item() == 2**24 + 1


def test_what_is_no_number_is_not_predicted():
    for metric in (metrics.Recall(), metrics.AUC(), metrics.TopKCategoricalAccuracy(k=1)):
        metric.update_state(one_hot(3, 2), np.full((3, 2), np.nan, "float32"))
        assert metric.result().isfinite()
