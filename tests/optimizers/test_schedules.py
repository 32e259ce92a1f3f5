"""Every schedule against Keras 3.15.1 on JAX at many steps, and what it says when misused."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import numpy as np
import pytest
import torch

from layercli.errors import UsageError
from layercli.optimizers import schedules
from tests.keras_parity import keras, value_of

STEPS = [0, 1, 9, 10, 11, 30, 31, 70, 149, 12345]
CASES = [
    ("ExponentialDecay", (0.1, 10, 0.7), {}),
    ("ExponentialDecay", (0.1, 10, 0.7), {"staircase": True}),
    ("InverseTimeDecay", (0.1, 10, 0.7), {}),
    ("InverseTimeDecay", (0.1, 10, 0.7), {"staircase": True}),
    ("PiecewiseConstantDecay", ([10, 30, 100], [0.1, 0.05, 0.02, 0.01]), {}),
    ("PolynomialDecay", (0.1, 20), {}),
    ("PolynomialDecay", (0.1, 20, 0.01), {"power": 2.0}),
    ("PolynomialDecay", (0.1, 20, 0.01), {"power": 0.5, "cycle": True}),
    ("CosineDecay", (0.1, 20), {}),
    ("CosineDecay", (0.1, 20), {"alpha": 0.2}),
    ("CosineDecay", (0.0, 20), {"warmup_target": 0.1, "warmup_steps": 10}),
    ("CosineDecayRestarts", (0.1, 10), {}),
    ("CosineDecayRestarts", (0.1, 10), {"t_mul": 1.0, "m_mul": 0.9}),
    ("CosineDecayRestarts", (0.1, 10), {"t_mul": 1.5, "m_mul": 0.9, "alpha": 0.1}),
]


@pytest.mark.parametrize(("name", "arguments", "settings"), CASES)
def test_the_rate_at_each_step(name, arguments, settings):
    theirs = getattr(keras.optimizers.schedules, name)(*arguments, **settings)
    ours = getattr(schedules, name)(*arguments, **settings)
    for step in STEPS:
        expected = float(theirs(step))
        assert ours(step) == pytest.approx(expected, rel=2e-5, abs=1e-7), step
        assert ours(torch.tensor(step)) == ours(np.int64(step)) == ours(step)


@pytest.mark.parametrize(("name", "arguments", "settings"), CASES)
def test_configs_go_both_ways(name, arguments, settings):
    ours = getattr(schedules, name)(*arguments, **settings)
    theirs = getattr(keras.optimizers.schedules, name)(*arguments, **settings)
    assert ours.get_config() == theirs.get_config()
    assert schedules.serialize(ours) == keras.optimizers.schedules.serialize(theirs)
    assert schedules.deserialize(schedules.serialize(theirs_as_dict(theirs))) == schedules.deserialize(
        schedules.serialize(ours)
    )


def theirs_as_dict(schedule):
    return value_of(keras.optimizers.schedules.serialize(schedule))


def test_every_schedule_of_keras_is_compared():
    theirs = {name for name in dir(keras.optimizers.schedules) if name[0].isupper()} - {"LearningRateSchedule"}
    assert theirs == {case[0] for case in CASES}


def test_a_restart_lands_on_its_step_however_often():
    schedule = schedules.CosineDecayRestarts(1.0, 1, t_mul=3.0)
    restarts = [sum(3**k for k in range(n)) for n in range(12)]
    assert [schedule(step) for step in restarts] == [1.0] * 12


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: schedules.ExponentialDecay(0.1, 0, 0.5),
            "decay_steps of ExponentialDecay must be over 0, got 0",
        ),
        (
            lambda: schedules.InverseTimeDecay(0.1, -1, 0.5),
            "decay_steps of InverseTimeDecay must be over 0, got -1",
        ),
        (
            lambda: schedules.PolynomialDecay(0.1, 0),
            "decay_steps of PolynomialDecay must be over 0, got 0",
        ),
        (lambda: schedules.CosineDecay(0.1, 0), "decay_steps of CosineDecay must be over 0, got 0"),
        (
            lambda: schedules.CosineDecayRestarts(0.1, 0),
            "first_decay_steps of CosineDecayRestarts must be over 0, got 0",
        ),
        (
            lambda: schedules.PiecewiseConstantDecay([1, 2], [0.1, 0.2]),
            "PiecewiseConstantDecay needs one value more than boundaries, got 2 boundaries and 2 values",
        ),
        (lambda: schedules.get("cosine"), "there is no learning-rate schedule 'cosine'"),
        (lambda: schedules.get("cosine_decay"), "CosineDecay needs the argument 'initial_learning_rate'"),
    ],
)
def test_settings_that_cannot_be_meant(make, text):
    with pytest.raises(UsageError) as error:
        make()
    assert error.value.message == text


def test_a_schedule_without_a_formula():
    with pytest.raises(NotImplementedError) as error:
        schedules.LearningRateSchedule()(1)
    assert str(error.value) == "LearningRateSchedule has no __call__(step)"
