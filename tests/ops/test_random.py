"""Draws for layers: Keras's shapes, dtypes and distributions, the same values under the same seed, and compiled alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from layercli import Input, Layer, random
from layercli.errors import DTypeError, ShapeError, UsageError
from tests.keras_reference import asked

MANY = 20000
CALLS = {
    "normal": lambda r, n, seed: r.normal((n, 2), 1.0, 3.0, seed=seed),
    "normal half": lambda r, n, seed: r.normal((n,), dtype="float16", seed=seed),
    "uniform": lambda r, n, seed: r.uniform([n, 2], minval=-1.0, maxval=3.0, seed=seed),
    "truncated_normal": lambda r, n, seed: r.truncated_normal((n,), mean=2.0, stddev=0.5, seed=seed),
    "randint": lambda r, n, seed: r.randint((n, 2), -3, 4, seed=seed),
    "randint wide": lambda r, n, seed: r.randint((n,), 0, 2**30, seed=seed),
    "gamma": lambda r, n, seed: r.gamma((n,), 2.5, seed=seed),
    "gamma below 1": lambda r, n, seed: r.gamma((n, 2), np.float32([0.3, 7.0]), seed=seed),
    "beta": lambda r, n, seed: r.beta((n,), 0.7, beta=3.0, dtype="float16", seed=seed),
    "beta of tensors": lambda r, n, seed: r.beta((n, 2), np.float32([2.0, 0.5]), np.float32([1.0, 4.0]), seed=seed),
    "binomial": lambda r, n, seed: r.binomial((n,), 20, 0.3, seed=seed),
    "binomial of many": lambda r, n, seed: r.binomial((n,), 5000.0, 0.2, seed=seed),
    "binomial of tensors": lambda r, n, seed: r.binomial(
        (n // 2, 2), np.float32([1, 50]), np.float32([0.6, 0.9]), seed=seed
    ),
    "categorical": lambda r, n, seed: r.categorical(np.log(np.float32([[0.1, 0.2, 0.7]])), n, seed=seed),
    "dropout": lambda r, n, seed: r.dropout(np.ones((n, 2), "float32"), 0.3, seed=seed),
    "dropout of rows": lambda r, n, seed: r.dropout(np.ones((n, 2), "float32"), 0.3, (n, 1), seed),
    "shuffle": lambda r, n, seed: r.shuffle(np.arange(n, dtype="float32"), seed=seed),
    "shuffle an axis": lambda r, n, seed: r.shuffle(np.arange(2 * n, dtype="float32").reshape(2, n), axis=1, seed=seed),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_distribution_is_keras_s(name):
    theirs = asked("distribution", CALLS[name], MANY)
    spread = max(theirs["deviation"], 1e-9)
    torch.manual_seed(0)
    for seed in (None, 3):
        ours = CALLS[name](random, MANY, seed).numpy()
        assert (ours.shape, ours.dtype.name) == (theirs["shape"], theirs["dtype"])
        ours = ours.astype("float64")
        assert abs(ours.mean() - theirs["mean"]) < 0.03 * spread
        assert abs(ours.std() - theirs["deviation"]) < 0.03 * spread
        inner = np.quantile(ours, np.linspace(0.02, 0.98, 481))
        assert np.abs(inner - theirs["quantiles"]).mean() < 0.03 * spread


def test_no_seed_begins_with_zero():
    first = np.array([random.uniform((1,), seed=seed).item() for seed in range(-1, 200)])
    assert first.min() > 0
    assert abs(first.mean() - 0.5) < 0.06  # three deviations
    assert random.categorical(np.float32([[0, 100, 0]]), 4, seed=0).tolist() == [[1, 1, 1, 1]]


@pytest.mark.parametrize("name", CALLS)
def test_a_seed_says_what_is_drawn(name):
    draw = lambda seed: CALLS[name](random, 50, seed)  # noqa: E731
    assert torch.equal(draw(3), draw(3))
    assert not torch.equal(draw(3), draw(4))
    one, other = random.SeedGenerator(3), random.SeedGenerator(3)
    first, second = draw(one), draw(one)
    assert not torch.equal(first, second)
    assert torch.equal(torch.stack([first, second]), torch.stack([draw(other), draw(other)]))
    random.set_seed(1)
    again = draw(None)
    random.set_seed(1)
    assert torch.equal(draw(None), again)


class Noisy(Layer):
    def __init__(self, seed):
        super().__init__()
        self.seed = random.SeedGenerator(seed)

    def call(self, x):
        x = random.dropout(x, 0.5, seed=self.seed)
        kept = random.uniform((x.shape[0], 1), seed=self.seed) + random.normal(x.shape[1:], seed=self.seed)
        return random.shuffle(x * kept, axis=1, seed=self.seed)


def test_a_layer_that_draws_is_described_computed_and_compiled_alike():
    layer, other = Noisy(2), Noisy(2)
    assert str(layer(Input((4,))).spec) == "float32[None, 4]"
    x = torch.ones(3, 4)
    expected = [layer(x), layer(x), layer(x)]
    assert not torch.equal(expected[0], expected[1])
    other(x[:0])  # nothing, but three draws
    other.seed = random.SeedGenerator(2)
    torch.compiler.reset()
    compiled = torch.compile(other.module, fullgraph=True, backend="eager")
    for each in expected:
        assert torch.equal(compiled(x), each)
    assert layer(torch.ones(3, 4, device="meta")).device.type == "meta"


def test_a_generator_s_config():
    generator = random.SeedGenerator(7, name="mine")
    assert generator.get_config() == {"seed": 7, "name": "mine"}
    assert random.SeedGenerator.from_config(generator.get_config()).seed == 7
    assert int(generator.next()) + 1 == int(generator.next())
    with pytest.raises(UsageError) as error:
        random.SeedGenerator(-1)
    assert str(error.value) == "SeedGenerator expects a seed that is an integer of at least 0, got -1"


def test_whole_numbers_are_drawn_by_randint():
    with pytest.raises(DTypeError) as error:
        random.uniform((2,), 0, 5, dtype="int32")
    assert str(error.value) == "uniform expects a floating dtype, got int32"
    with pytest.raises(DTypeError) as error:
        random.gamma((2,), 1.0, dtype="int32")
    assert str(error.value) == "gamma expects a floating dtype, got int32"


MESSAGES = [
    (lambda x: random.categorical(x, 3), "expects x with 2 axes, got 3 (x = float32[2, 5, 4])"),
    (lambda x: random.shuffle(x, 3), "expects x with an axis 3, got 3 axes (x = float32[2, 5, 4])"),
    (lambda x: random.dropout(x, 0.5, (2, 3, 4)), "expects shapes that broadcast, got [2, 3, 4] and [2, 5, 4]"),
    (lambda x: random.gamma((2, 4), x), "expects shapes that broadcast, got [2, 4] and [2, 5, 4]"),
    (lambda x: random.normal((2, -1)), "a size cannot be negative, got -1"),
]


@pytest.mark.parametrize(("call", "message"), MESSAGES, ids=range(len(MESSAGES)))
def test_an_input_that_does_not_fit(call, message):
    for x in (torch.zeros(2, 5, 4), Input(batch_shape=(2, 5, 4))):
        with pytest.raises(ShapeError) as error:
            call(x)
        assert str(error.value) == message


def test_a_binomial_whose_counts_vmap_holds():
    counts = torch.tensor([5.0, 900.0], dtype=torch.float64)
    assert torch.vmap(lambda n: random.binomial((), n, 1.0, seed=1))(counts).tolist() == [5.0, 900.0]
