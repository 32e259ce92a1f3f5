"""Normalizations against Keras."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from layercli import Sequential, layers
from layercli.errors import ShapeError, UsageError
from layercli.layers.activations.relu import ReLU
from layercli.layers.convolutional.conv import Conv2D
from layercli.layers.core.dense import Dense
from layercli.layers.normalization.batch_normalization import BatchNormalization
from layercli.layers.normalization.group_normalization import GroupNormalization
from layercli.layers.normalization.layer_normalization import LayerNormalization
from layercli.layers.normalization.rms_normalization import RMSNormalization
from layercli.layers.normalization.spectral_normalization import SpectralNormalization
from layercli.layers.normalization.unit_normalization import UnitNormalization
from tests.keras_parity import check, close, image, keras, randomized


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    "settings", [{}, {"momentum": 0.9, "epsilon": 1e-5}, {"center": False}, {"scale": False}, {"axis": 1}], ids=str
)
@pytest.mark.parametrize("shape", [(8, 4), (4, 5, 6), (2, 3, 4, 5)], ids=str)
def test_batch_normalization(settings, shape, training):
    check(
        BatchNormalization(**settings),
        keras.layers.BatchNormalization(**settings),
        image(*shape) * 2 + 1,
        training=training,
    )


RENORM = [
    {},
    {"scale": False},
    {"center": False, "renorm_clipping": {"rmin": 0.9, "rmax": 1.1, "dmax": 0.1}},
    {
        "axis": 1,
        "renorm_momentum": 0.8,
        "moving_variance_initializer": {"class_name": "Constant", "config": {"value": 4.0}},
    },
]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("settings", RENORM, ids=str)
def test_batch_renormalization(settings, training):
    check(
        BatchNormalization(renorm=True, **settings),
        keras.layers.BatchNormalization(renorm=True, **settings),
        image(4, 5, 6) * 2 + 1,
        training=training,
    )


@pytest.mark.parametrize("settings", [{}, {"renorm": True}], ids=str)
def test_moments_of_a_masked_batch_are_those_of_what_is_left(settings):
    ours, theirs = BatchNormalization(**settings), keras.layers.BatchNormalization(**settings)
    x, mask = image(3, 5, 4) * 2 + 1, np.arange(15).reshape(3, 5) % 4 > 0
    ours(x)
    theirs(x)
    randomized(ours)
    theirs.set_weights(ours.get_weights())
    x[~mask] = np.nan
    close(ours(x, training=True, mask=torch.from_numpy(mask)).detach(), theirs(x, training=True, mask=mask))
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        close(a, b)


def test_a_mask_comes_to_a_batch_normalization_from_the_layer_before():
    layer = BatchNormalization(momentum=0.0)
    x = np.where(np.arange(5)[None, :, None] < 3, image(2, 5, 4), 0)
    Sequential([layers.Masking(), layer])(x, training=True)
    np.testing.assert_allclose(layer.moving_mean.numpy(), x[:, :3].mean((0, 1)), rtol=1e-5)


def test_the_statistics_of_one_process_are_its_own_where_they_are_synchronized():
    check(
        BatchNormalization(synchronized=True), keras.layers.BatchNormalization(), image(4, 5, 6) * 2 + 1, training=True
    )


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("policy", "half"), [("mixed_bfloat16", 2**-8), ("mixed_float16", 2**-11)])
def test_batch_normalization_in_half_precision(policy, half, training):
    """The outputs are rounded to half precision on both sides; the statistics stay float32."""
    ours, theirs = BatchNormalization(dtype=policy), keras.layers.BatchNormalization(dtype=policy)
    x = image(16, 5, 4) * 2 + 1
    ours(x)
    theirs(x)
    randomized(ours)
    theirs.set_weights(ours.get_weights())
    out = ours(x, training=training)
    assert str(out.dtype).removeprefix("torch.") == policy.removeprefix("mixed_")
    close(out.detach().float(), np.asarray(theirs(x, training=training)).astype("float32"), 2 * half)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert a.dtype == np.float32
        close(a, b, 2 * half)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"axis": 1},
        {"axis": [1, 2]},
        {"axis": (2, 1), "epsilon": 1e-5},
        {"axis": [1, 3]},
        {"center": False},
        {"scale": False},
    ],
    ids=str,
)
def test_layer_normalization(settings):
    check(LayerNormalization(**settings), keras.layers.LayerNormalization(**settings), image(3, 4, 5, 6) * 2 + 1)


@pytest.mark.parametrize("settings", [{}, {"axis": [2, 3]}, {"axis": (3, 2), "epsilon": 1e-3}], ids=str)
def test_rms_normalization(settings):
    check(RMSNormalization(**settings), keras.layers.RMSNormalization(**settings), image(3, 4, 5, 6) * 2 + 1)


@pytest.mark.parametrize("axis", [(1,), (1, 2), (1, 3)])
def test_rms_normalization_of_inner_axes(axis):
    """Keras 3.15.1 cannot: it broadcasts the scale along the last axes whatever ``axis`` says."""
    layer = RMSNormalization(axis)
    x = image(3, 4, 5, 6)
    layer(x)
    randomized(layer)
    scale = layer.scale.numpy().reshape([size if i in axis else 1 for i, size in enumerate(x.shape)])
    expected = x / np.sqrt(np.mean(x.astype("float64") ** 2, axis, keepdims=True) + 1e-6) * scale
    close(layer(x).detach(), expected)


@pytest.mark.parametrize(
    ("settings", "shape"),
    [
        ({"groups": 2}, (3, 6)),
        ({"groups": 3}, (3, 5, 6)),
        ({"groups": -1}, (3, 5, 4, 6)),
        ({"groups": 1, "epsilon": 1e-5}, (3, 5, 4, 6)),
        ({"groups": 2, "axis": 1, "center": False}, (3, 6, 4, 5)),
        ({"groups": 2, "axis": 2, "scale": False}, (3, 4, 6, 5)),
    ],
    ids=str,
)
def test_group_normalization(settings, shape):
    check(GroupNormalization(**settings), keras.layers.GroupNormalization(**settings), image(*shape) * 2 + 1)


@pytest.mark.parametrize("settings", [{}, {"axis": 1}, {"axis": (1, 2)}], ids=str)
def test_unit_normalization(settings):
    check(UnitNormalization(**settings), keras.layers.UnitNormalization(**settings), image(3, 4, 5))


def test_unit_normalization_of_zeros_is_zero():
    x = torch.zeros(2, 3, requires_grad=True)
    out = UnitNormalization()(x)
    out.sum().backward()
    assert torch.equal(out, torch.zeros(2, 3))
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("iterations", [1, 3])
def test_spectral_normalization(training, iterations):
    """In training the kernel is assigned, which is no step of a gradient; Keras on JAX takes it for one."""
    check(
        SpectralNormalization(Dense(4), iterations),
        keras.layers.SpectralNormalization(keras.layers.Dense(4), iterations),
        image(3, 5),
        training=training,
        gradients=not training,
    )
    check(
        SpectralNormalization(Conv2D(4, 2)),
        keras.layers.SpectralNormalization(keras.layers.Conv2D(4, 2)),
        image(2, 5, 5, 3),
        training=training,
        gradients=not training,
    )


def test_spectral_normalization_changes_the_kernel_as_keras_does():
    ours, theirs = SpectralNormalization(Dense(4), 2), keras.layers.SpectralNormalization(keras.layers.Dense(4), 2)
    x = image(3, 5)
    ours(x)
    theirs(x)
    randomized(ours)
    theirs.set_weights(ours.get_weights())
    for _ in range(20):
        ours(x, training=True)
        theirs(x, training=True)
    close(ours.layer.kernel.numpy(), theirs.layer.kernel.numpy())
    assert np.linalg.svd(ours.layer.kernel.numpy())[1][0] == pytest.approx(1, abs=1e-2)


def message(function, *args, **kwargs):
    with pytest.raises((UsageError, ShapeError)) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def test_messages():
    assert message(BatchNormalization, renorm=True, renorm_clipping={"max": 1}) == (
        "BatchNormalization expects renorm_clipping of rmin, rmax and dmax, got {'max': 1}"
    )
    for wrong in ({"rmin": 2, "rmax": 1}, {"dmax": -1}):
        assert message(BatchNormalization, renorm=True, renorm_clipping=wrong) == (
            f"BatchNormalization expects rmin <= rmax and dmax >= 0 in renorm_clipping, got {wrong!r}"
        )
    layer = BatchNormalization(name="b")
    layer(image(2, 5, 4))
    assert message(layer, image(2, 5, 4), training=True, mask=torch.ones(2, 5, 4)) == (
        "b (BatchNormalization) expects a mask of the shape of x without its last axis "
        "(x = float32[2, 5, 4], mask = float32[2, 5, 4])"
    )
    assert message(LayerNormalization, rms_scaling=True) == "LayerNormalization has no rms_scaling"
    assert message(GroupNormalization(4, name="g"), image(2, 6)) == (
        "g (GroupNormalization) expects x with a number of channels divisible by 4 groups, got 6 (x = float32[2, 6])"
    )
    assert message(LayerNormalization(axis=3, name="n"), image(2, 6)) == (
        "n (LayerNormalization) expects x with an axis 3, got one with 2 axes"
    )
    layer = LayerNormalization(name="n")
    layer(image(2, 6))
    assert message(layer, image(2, 5)) == "n (LayerNormalization) expects x with 6 features, got 5 (x = float32[2, 5])"
    assert message(SpectralNormalization, "dense") == "SpectralNormalization expects layer to be a layer, got 'dense'"
    assert message(SpectralNormalization(ReLU(name="r"), name="s"), image(2, 5)) == (
        "s (SpectralNormalization) wraps r (ReLU), which has neither kernel nor embeddings"
    )


@pytest.mark.parametrize("training", [False, True])
def test_batch_normalization_of_the_first_axis_of_two(training):
    x = image(3, 4)
    first, last = BatchNormalization(axis=0), BatchNormalization()
    np.testing.assert_allclose(first(x, training=training).detach(), last(x.T, training=training).detach().T, rtol=1e-6)
    np.testing.assert_allclose(first.moving_mean.numpy(), last.moving_mean.numpy(), rtol=1e-6)
