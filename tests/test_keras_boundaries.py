"""Values at the boundaries: where Keras differs from the nearest formula. Expected values are Keras 3.15.1's, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from layercli import Sequential, Variable, activations, initializers, layers, losses, metrics, ops, optimizers
from layercli.core import masking
from layercli.errors import ShapeError, UsageError


def test_relu_at_its_threshold_is_below_it():
    x = np.array([0.99, 1.0, 1.01], "float32")
    expected = pytest.approx([0.0, 0.0, 1.01])
    assert activations.relu(x, threshold=1.0).tolist() == layers.ReLU(threshold=1.0)(x).tolist() == expected


@pytest.mark.parametrize(
    ("name", "both", "first"),
    [
        ("Multiply", [[3, 8], [1, 4], [2, 0]], [[3, 8], [1, 4], [2, 2]]),
        ("Maximum", [[3, 4], [1, 4], [2, 2]], [[3, 4], [1, 4], [2, 2]]),
        ("Minimum", [[1, 2], [1, 4], [2, 2]], [[1, 2], [1, 4], [2, 2]]),
    ],
)
def test_masked_steps_are_left_out(name, both, first):
    x, y = torch.tensor([[[1.0, 2], [9, 9], [9, 9]]]), torch.tensor([[[3.0, 4], [1, 4], [2, 2]]])
    expected = np.array(both, "float32")
    if name == "Multiply":
        expected[2] = 0  # masked in both
    masking.set_mask(x, torch.tensor([[True, False, False]]))
    only_first = getattr(layers, name)()([x, y])
    assert only_first.tolist() == [np.array(first, "float32").tolist()]
    masking.set_mask(y, torch.tensor([[True, True, False]]))
    out = getattr(layers, name)()([x, y])
    assert out[0, :2].tolist() == expected[:2].tolist()
    if name == "Multiply":
        assert out[0, 2].tolist() == [0, 0]
    assert masking.mask_of(out).tolist() == [[True, True, False]]


def test_variables_are_excluded_from_weight_decay_before_compile():
    layer = layers.Dense(2, kernel_initializer="ones", bias_initializer="ones")
    model = Sequential([layers.Input((2,)), layer])
    optimizer = optimizers.AdamW(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[layer.kernel])
    model.compile(optimizer, "mse")
    model.fit(np.zeros((4, 2), "float32"), np.ones((4, 2), "float32"), verbose=0)  # without a gradient
    assert layer.kernel.numpy().tolist() == [[1, 1], [1, 1]]
    assert layer.bias.numpy() == pytest.approx([0.95, 0.95])


@pytest.mark.parametrize("solve", [ops.solve, ops.solve_triangular])
def test_solvers_take_vectors_with_one_axis_less(solve):
    a = np.stack([np.eye(3, dtype="float32") * (i + 1) for i in range(3)])
    b = np.arange(9, dtype="float32").reshape(3, 3) + 1
    assert solve(a, b).numpy() == pytest.approx(b / np.array([[1], [2], [3]], "float32"))


def test_thresholds_are_those_used():
    assert metrics.AUC(num_thresholds=3).thresholds == [-1e-7, 0.5, 1 + 1e-7]
    assert metrics.AUC(thresholds=[0.5, 0.2]).thresholds == [-1e-7, 0.2, 0.5, 1 + 1e-7]
    assert metrics.Precision().thresholds == [0.5]
    assert metrics.PrecisionAtRecall(0.5, num_thresholds=3).thresholds == [0.0, 0.5, 1.0]
    assert metrics.AUC(thresholds=[0.5, 0.2]).get_config()["thresholds"] == [0.5, 0.2]
    assert metrics.Precision().get_config()["thresholds"] is None


def test_the_activity_loss_of_an_empty_batch_is_zero():
    layer = layers.Dense(2, activity_regularizer="l2")
    layer(np.zeros((0, 3), "float32"))
    assert [loss.item() for loss in layer.losses] == [0.0]


def test_a_norm_over_three_axes_is_refused():
    assert ops.norm(np.ones((2, 3, 4), "float32")).item() == pytest.approx(24**0.5)
    with pytest.raises(ShapeError) as error:
        ops.norm(np.ones((2, 3, 4), "float32"), axis=(0, 1, 2))
    assert str(error.value) == "expects 1 or 2 axes for a norm, got 3 (x = float32[2, 3, 4])"


def masked(values, mask):
    values = torch.tensor(values)
    masking.set_mask(values, torch.tensor(mask))
    return values


def test_losses_and_metrics_use_the_mask_of_what_a_layer_gave():
    true, kept = np.zeros((2, 2, 1), "float32"), [[True, False], [True, True]]
    pred = masked([[[1.0], [9.0]], [[2.0], [3.0]]], kept)
    assert losses.MeanSquaredError()(true, pred).item() == pytest.approx(14 / 3)
    assert losses.MeanAbsoluteError(reduction="none")(true, pred).tolist() == [[1, 0], [2, 3]]
    assert losses.MeanAbsoluteError(reduction="sum")(true, pred, sample_weight=np.array([[2.0], [1]])).item() == 7
    metric = metrics.MeanAbsoluteError()
    metric.update_state(true, pred)
    assert metric.result().item() == 2
    metric.update_state(true, pred, np.array([[10.0], [0.0]]))
    assert metric.result().item() == pytest.approx((6 + 10) / (3 + 10))
    for aggregate, expected in ((metrics.Mean(), 2), (metrics.Sum(), 6)):
        aggregate.update_state(masked([1.0, 9.0, 2.0, 3.0], [True, False, True, True]))
        assert aggregate.result().item() == expected


def test_losses_and_metrics_take_the_name_of_a_policy():
    assert losses.MeanSquaredError(dtype="mixed_float16")([[1.0]], [[3.0]]).dtype is torch.float16
    metric = metrics.MeanSquaredError(dtype="mixed_bfloat16")
    metric.update_state([[1.0]], [[3.0]])
    assert (metric.result().dtype, metric.dtype) == (torch.bfloat16, "bfloat16")
    with pytest.raises(UsageError, match="there is no dtype 'x'"):
        metrics.Mean(dtype="x")


def test_ctc_is_computed_in_half_precision():
    labels, logits = np.array([[1, 2, 0]]), np.random.default_rng(0).standard_normal((1, 5, 4)).astype("float32")
    expected = losses.CTC()(labels, logits).item()
    assert losses.CTC(dtype="float16")(labels, logits).item() == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("given", ["value", "function", "Constant"])
def test_training_does_not_change_the_array_that_a_variable_began_with(given):
    array = np.ones((2, 3), "float32")
    if given == "value":
        variable = Variable(array)
    else:
        initializer = initializers.Constant(array) if given == "Constant" else lambda shape, dtype: array
        layer = layers.Dense(3, use_bias=False, kernel_initializer=initializer)
        layer.build((None, 2))
        variable = layer.kernel
    optimizer = optimizers.SGD(0.5)
    optimizer.build([variable])
    optimizer.apply([np.ones((2, 3), "float32")], [variable])
    assert variable.numpy().tolist() == [[0.5] * 3] * 2
    assert array.tolist() == [[1.0] * 3] * 2
