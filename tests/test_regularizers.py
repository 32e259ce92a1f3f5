import numpy as np
import pytest
import torch

from layercli import regularizers
from layercli.errors import ShapeError, UsageError
from tests.keras_reference import keras

CASES = [
    ("L1", {}),
    ("L1", {"l1": 0.3}),
    ("L2", {}),
    ("L2", {"l2": 0.7}),
    ("L1L2", {}),
    ("L1L2", {"l1": 0.3}),
    ("L1L2", {"l2": 0.7}),
    ("L1L2", {"l1": 0.3, "l2": 0.7}),
    ("L1L2", {"l1": None, "l2": 0.7}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
]


@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
@pytest.mark.parametrize("shape", [(7, 5), (64, 96), (2, 3)])
def test_penalties_are_those_of_keras(name, settings, shape):
    x = np.random.default_rng(0).standard_normal(shape, np.float32)
    x[0] = 0  # a row without a direction
    ours = getattr(regularizers, name)(**settings)(torch.from_numpy(x))
    theirs = float(getattr(keras.regularizers, name)(**settings)(keras.ops.convert_to_tensor(x)))
    assert ours.dtype == torch.float32
    assert ours.shape == ()
    assert ours.item() == pytest.approx(theirs, rel=2e-6)


@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 4)])
def test_penalties_of_every_rank(shape):
    x = np.random.default_rng(0).standard_normal(shape, np.float32) if shape else np.float32(-1.5) * np.ones(())
    for name in ("L1", "L2", "L1L2"):
        ours = regularizers.get({"class_name": name, "config": {name.lower()[:2]: 0.4}})(torch.tensor(x))
        theirs = keras.regularizers.get({"class_name": name, "config": {name.lower()[:2]: 0.4}})(np.asarray(x))
        assert ours.item() == pytest.approx(float(theirs), rel=2e-6)


@pytest.mark.parametrize("regularizer", [regularizers.L1L2(0.1, 0.2), regularizers.OrthogonalRegularizer(0.3)], ids=str)
def test_gradients(regularizer):
    x = torch.randn(4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert torch.autograd.gradcheck(regularizer, (x,))


def test_the_penalty_keeps_the_dtype():
    for dtype in (torch.bfloat16, torch.float16, torch.float64):
        for regularizer in (
            regularizers.L1(),
            regularizers.L2(),
            regularizers.L1L2(1, 1),
            regularizers.get("orthogonal_regularizer"),
        ):
            assert regularizer(torch.ones(3, 4, dtype=dtype)).dtype == dtype


@pytest.mark.parametrize("name", ["L1", "L2", "L1L2", "OrthogonalRegularizer"])
def test_names_settings_and_configs_are_those_of_keras(keras, name):  # the fixture: Keras itself
    ours, theirs = getattr(regularizers, name)(), getattr(keras.regularizers, name)()
    assert ours.get_config() == pytest.approx(theirs.get_config())
    for word in (name, keras.src.utils.naming.to_snake_case(name)):
        assert regularizers.get(word) == ours
        assert type(keras.regularizers.get(word)).__name__ == name
    assert regularizers.get(regularizers.serialize(ours)) == ours
    assert type(regularizers.get(keras.regularizers.serialize(theirs))) is type(ours)
    assert type(keras.regularizers.get(regularizers.serialize(ours))) is type(theirs)


def test_what_a_setting_may_name():
    assert regularizers.get(None) is None
    assert regularizers.get("l1_l2") == regularizers.L1L2()
    assert regularizers.get(abs) is abs
    assert str(regularizers.get("l2")) == "l2"
    assert str(regularizers.L2(0.1)) == "l2(l2=0.1)"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: regularizers.get("l3"), "there is no regularizer 'l3'"),
        (lambda: regularizers.L1(-1), "L1 expects l1 to be finite and at least 0, got -1"),
        (lambda: regularizers.L2(float("inf")), "L2 expects l2 to be finite and at least 0, got inf"),
        (lambda: regularizers.L2(float("nan")), "L2 expects l2 to be finite and at least 0, got nan"),
        (lambda: regularizers.L1L2(l2=-1), "L1L2 expects l2 to be finite and at least 0, got -1"),
        (lambda: regularizers.L1("x"), "L1 expects l1 to be a number, got 'x'"),
        (
            lambda: regularizers.OrthogonalRegularizer(mode="row"),
            "OrthogonalRegularizer expects mode to be rows or columns, got 'row'",
        ),
    ],
)
def test_what_cannot_be_meant(make, sentence):
    with pytest.raises(UsageError) as error:
        make()
    assert str(error.value) == sentence


def test_rank():
    with pytest.raises(ShapeError) as error:
        regularizers.OrthogonalRegularizer()(torch.ones(3))
    assert str(error.value) == "OrthogonalRegularizer expects a matrix, got the shape (3,)"
