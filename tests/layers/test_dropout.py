"""Dropouts and noises by their laws: what is drawn differs from Keras by design."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from layercli.core.model import Model
from layercli.core.sequential import Sequential
from layercli.errors import ShapeError, UsageError
from layercli.layers.regularization.activity_regularization import ActivityRegularization
from layercli.layers.regularization.alpha_dropout import AlphaDropout
from layercli.layers.regularization.dropout import Dropout
from layercli.layers.regularization.gaussian_dropout import GaussianDropout
from layercli.layers.regularization.gaussian_noise import GaussianNoise
from layercli.layers.regularization.spatial_dropout import SpatialDropout1D, SpatialDropout2D, SpatialDropout3D
from layercli.ops.random.counter_rng import hashed

SEEDS = [None, 3]
COUNT = 200_000
NOISY = [
    lambda seed: Dropout(0.3, seed=seed),
    lambda seed: Dropout(0.3, noise_shape=(None, 1), seed=seed),
    lambda seed: AlphaDropout(0.3, seed=seed),
    lambda seed: GaussianDropout(0.3, seed=seed),
    lambda seed: GaussianNoise(0.5, seed=seed),
]

each_noise = pytest.mark.parametrize("make", NOISY)
each_seed = pytest.mark.parametrize("seed", SEEDS)


def within(found, expected, deviation, count=COUNT):
    """Assert that a mean over ``count`` draws of that standard deviation is within five of its own deviations."""
    assert abs(float(found) - expected) < 5 * deviation / math.sqrt(count)


@each_seed
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_dropout_keeps_and_scales(seed, rate):
    torch.manual_seed(0)
    out = Dropout(rate, seed=seed)(torch.ones(2, COUNT // 2), training=True)
    kept = out != 0
    within(kept.float().mean(), 1 - rate, math.sqrt(rate * (1 - rate)))
    assert out[kept].unique().tolist() == pytest.approx([1 / (1 - rate)])


@each_seed
def test_dropout_decides_once_along_a_noise_axis_of_1(seed):
    out = Dropout(0.5, noise_shape=(None, 1, None), seed=seed)(torch.ones(30, 7, 40), training=True)
    assert torch.equal(out, out[:, :1].expand_as(out))
    assert len(out[:, 0].unique()) == 2
    assert not torch.equal(out[0], out[1])


@each_seed
@pytest.mark.parametrize(
    ("layer", "shape", "places", "settings"),
    [
        (SpatialDropout1D, (20, 5, 30), (1,), {}),
        (SpatialDropout2D, (20, 5, 4, 30), (1, 2), {}),
        (SpatialDropout2D, (20, 30, 5, 4), (2, 3), {"data_format": "channels_first"}),
        (SpatialDropout3D, (20, 5, 4, 3, 30), (1, 2, 3), {}),
    ],
)
def test_spatial_dropout_drops_channels_whole(layer, shape, places, settings, seed):
    out = layer(0.4, seed=seed, **settings)(torch.ones(shape), training=True)
    by_channel = out.amax(places)
    assert torch.equal(by_channel, out.amin(places))
    assert by_channel.shape == (20, 30)
    within((by_channel != 0).float().mean(), 0.6, math.sqrt(0.24), 600)


@each_seed
def test_alpha_dropout_keeps_mean_and_variance(seed):
    torch.manual_seed(0)
    x = torch.randn(COUNT)
    out = AlphaDropout(0.4, seed=seed)(x, training=True)
    within(out.mean(), 0, 1)
    within(out.var(), 1, 2)


@each_seed
@pytest.mark.parametrize(
    ("layer", "mean", "deviation"),
    [(GaussianDropout(0.2), 2.0, 2 * 0.5), (GaussianNoise(0.3), 2.0, 0.3)],
    ids=["dropout", "noise"],
)
def test_gaussian_noise_has_its_moments(layer, mean, deviation, seed):
    torch.manual_seed(0)
    layer = type(layer)(getattr(layer, "rate", None) or layer.stddev, seed=seed)
    out = layer(torch.full((COUNT,), 2.0), training=True).double()
    within(out.mean(), mean, deviation)
    within(out.std(), deviation, deviation)
    standard = (out - mean) / deviation
    within((standard**3).mean(), 0, math.sqrt(15))
    within((standard**4).mean(), 3, math.sqrt(96))


def test_hashed_values_are_uniform_and_independent():
    draws = torch.stack([hashed((COUNT,), "cpu", seed, torch.tensor(n)) for seed in (0, 1) for n in range(3)]).double()
    for row in draws:
        within(row.mean(), 0.5, math.sqrt(1 / 12))
        histogram = torch.histc(row, 100, 0, 1)
        assert float(((histogram - COUNT / 100) ** 2 / (COUNT / 100)).sum()) < 99 + 5 * math.sqrt(198)
        assert abs(float(torch.corrcoef(torch.stack([row[:-1], row[1:]]))[0, 1])) < 5 / math.sqrt(COUNT)
    off_diagonal = torch.corrcoef(draws) - torch.eye(len(draws))
    assert off_diagonal.abs().max() < 5 / math.sqrt(COUNT)


@each_noise
@each_seed
def test_inference_is_the_identity(make, seed):
    x = torch.randn(4, 6)
    assert torch.equal(make(seed)(x), x)


@each_noise
def test_a_seed_is_a_stream_of_its_own(make):
    x = torch.randn(40, 60)
    first, second = make(3), make(3)
    draws = [first(x, training=True) for _ in range(2)]
    torch.rand(1)
    again = [second(x, training=True) for _ in range(2)]
    assert all(map(torch.equal, draws, again))
    assert not torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], make(4)(x, training=True))
    assert first.variables == []
    assert "draws" not in first.module.state_dict()


@each_noise
def test_without_a_seed_torch_decides(make):
    x = torch.randn(40, 60)
    layer = make(None)
    torch.manual_seed(1)
    first = layer(x, training=True)
    torch.manual_seed(1)
    assert torch.equal(layer(x, training=True), first)
    assert not torch.equal(layer(x, training=True), first)


@each_noise
@each_seed
def test_gradient_is_that_of_what_was_drawn(make, seed):
    x = torch.ones(50, 8, requires_grad=True)
    out = make(seed)(x, training=True)
    out.sum().backward()
    assert x.grad.isfinite().all()
    if not isinstance(make(seed), (AlphaDropout, GaussianNoise)):
        assert torch.allclose(x.grad, out)


class Each(Model):
    """Every noise of one input, with a seed and without: a trace takes half a second, whatever is in it."""

    def __init__(self):
        super().__init__()
        self.noises = [make(seed) for make in NOISY for seed in SEEDS]

    def call(self, x):
        return [noise(x) for noise in self.noises]


def test_they_can_be_exported_and_traced_whole():
    model, x = Each(), torch.randn(64, 6)  # one decision for each row alone is not the same twice
    model(x)
    model.module.train()
    exported = torch.export.export(model.module, (x,), strict=False).module()  # what strict adds, compile does
    assert not any(torch.equal(out, x) for out in exported(x))
    torch.compiler.reset()  # of what other tests compiled, which counts against a limit
    compiled = torch.compile(model.module, fullgraph=True, backend="aot_eager")
    assert not any(map(torch.equal, compiled(x), compiled(x)))
    fresh = Each()
    fresh(x)
    fresh.module.train()
    found = torch.compile(fresh.module, fullgraph=True, backend="aot_eager")(x)
    seeded = [(out, noise) for out, noise in zip(found, Each().noises, strict=True) if noise.seed is not None]
    assert len(seeded) == len(NOISY)
    for out, noise in seeded:
        assert torch.equal(out, noise(x, training=True))


def test_rate_0_draws_nothing_and_rate_1_drops_all():
    x = torch.randn(3, 4)
    assert torch.equal(Dropout(0)(x, training=True), x)
    for seed in SEEDS:
        assert torch.equal(Dropout(1, seed=seed)(x, training=True), torch.zeros(3, 4))


def test_it_passes_a_mask_on_and_knows_its_shape():
    model = Sequential([Dropout(0.5, input_shape=("T", 3))])
    assert str(model.compute_output_spec(model._input)) == "float32[None, T, 3]"


def test_activity_regularization():
    layer = ActivityRegularization(0.1, 0.01)
    x = np.arange(6, dtype="float32").reshape(2, 3) - 2
    assert np.array_equal(layer(x), x)
    assert float(layer.losses[0]) == pytest.approx((0.1 * 9 + 0.01 * 19) / 2)


def message(function, *args, **kwargs):
    with pytest.raises((UsageError, ShapeError)) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def test_messages():
    x = np.ones((2, 3), "float32")
    assert message(Dropout, 1.5) == "Dropout expects rate to be a number from 0 to 1, got 1.5"
    assert message(Dropout, 0.5, seed=0.5) == "Dropout expects seed to be an integer or None, got 0.5"
    assert message(GaussianDropout, 1) == "GaussianDropout expects rate to be below 1, got 1.0"
    assert message(AlphaDropout, 1) == "AlphaDropout expects rate to be below 1, got 1.0"
    assert message(GaussianNoise, -1) == "GaussianNoise expects stddev to be a number from 0 to 1, got -1.0"
    assert (
        message(SpatialDropout1D(0.5, name="s"), x)
        == "s (SpatialDropout1D) expects x with 3 axes, got 2 (x = float32[2, 3])"
    )
    assert message(Dropout(0.5, (2, 2), name="d"), x, training=True) == (
        "d (Dropout) expects shapes that broadcast, got [2, 2] and [2, 3]"
    )
    assert message(Dropout(0.5, (3,), name="d"), x, training=True) == (
        "d (Dropout) expects x to which the noise shape (3,) broadcasts (x = float32[2, 3])"
    )
