"""Every loss against Keras 3.15.1 on JAX: value and gradient, float32, over its settings."""

import numpy as np
import pytest
import torch

import layercli
from layercli import losses, metrics
from layercli.core.naming import snake_case
from layercli.errors import ShapeError, UsageError
from tests.keras_reference import asked, jax, jnp, keras
from tests.tolerances import assert_close

RNG = np.random.default_rng(7)
BATCH, CLASSES, STEPS = 6, 5, 9


@pytest.fixture(autouse=True)
def same_draws_in_any_order():
    RNG.bit_generator.state = np.random.PCG64(1).state


def real(*shape):
    return RNG.normal(size=shape).astype("float32")


def unit(*shape):
    return RNG.uniform(0.02, 0.98, size=shape).astype("float32")


def binary(*shape):
    return RNG.integers(0, 2, shape).astype("float32")


def shares(*shape):
    values = unit(*shape)
    return values / values.sum(-1, keepdims=True)


def one_hot(*shape):
    return np.eye(shape[-1], dtype="float32")[RNG.integers(0, shape[-1], shape[:-1])]


def ids(*shape):
    return RNG.integers(0, CLASSES, shape)


def normal(*shape):
    values = real(*shape)
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


NUMBERS = [(real(BATCH, 4), real(BATCH, 4)), (real(BATCH), real(BATCH, 1)), (real(BATCH, 3, 4, 1), real(BATCH, 3, 4))]
POSITIVE = [(unit(BATCH, 4) * 3, unit(BATCH, 4) * 3)]
TWO = [(binary(BATCH, 4), unit(BATCH, 4)), (binary(BATCH), unit(BATCH, 1))]
MANY = [(one_hot(BATCH, CLASSES), shares(BATCH, CLASSES)), (one_hot(BATCH, 3, CLASSES), unit(BATCH, 3, CLASSES))]
LABELS = [
    (ids(BATCH), shares(BATCH, CLASSES)),
    (ids(BATCH, 1), unit(BATCH, CLASSES)),
    (ids(BATCH, 3), unit(BATCH, 3, CLASSES)),
]
SIGNS = [(binary(BATCH, 4), real(BATCH, 4)), (binary(BATCH, 4) * 2 - 1, real(BATCH, 4))]
MASKS = [(binary(BATCH, 4, 4, 2), unit(BATCH, 4, 4, 2))]
POINTS = [(np.array([0, 1, 0, 2, 1, 0]), normal(BATCH, 4)), (np.array([0, 1, 2, 3, 4, 4]), normal(BATCH, 4))]
WORDS = [(np.array([[1, 2, 0, 0], [3, 3, 1, 0], [4, 0, 0, 0], [1, 1, 1, 1]]), real(4, STEPS, CLASSES))]

CASES = [
    ("MeanSquaredError", [{}], NUMBERS),
    ("MeanAbsoluteError", [{}], NUMBERS),
    ("MeanAbsolutePercentageError", [{}], NUMBERS),
    ("MeanSquaredLogarithmicError", [{}], POSITIVE),
    ("Huber", [{}, {"delta": 0.3}], NUMBERS),
    ("LogCosh", [{}], NUMBERS),
    ("CosineSimilarity", [{}, {"axis": 0}], NUMBERS[:1]),
    ("KLDivergence", [{}], MANY),
    ("Poisson", [{}], POSITIVE),
    ("BinaryCrossentropy", [{}, {"label_smoothing": 0.2}], TWO),
    ("BinaryCrossentropy", [{"from_logits": True}, {"from_logits": True, "axis": 0}], SIGNS[:1]),
    ("BinaryFocalCrossentropy", [{}, {"gamma": 1.5, "label_smoothing": 0.1}, {"apply_class_balancing": True}], TWO),
    ("BinaryFocalCrossentropy", [{"from_logits": True}], SIGNS[:1]),
    ("CategoricalCrossentropy", [{}, {"from_logits": True}, {"label_smoothing": 0.1}], MANY),
    ("CategoricalCrossentropy", [{"axis": 1}], MANY[1:]),
    ("CategoricalFocalCrossentropy", [{}, {"from_logits": True, "gamma": 1.0}, {"label_smoothing": 0.1}], MANY),
    ("SparseCategoricalCrossentropy", [{}, {"from_logits": True}, {"ignore_class": 2}], LABELS),
    ("SparseCategoricalCrossentropy", [{"ignore_class": 2, "from_logits": True}], LABELS),
    ("CategoricalGeneralizedCrossEntropy", [{}, {"q": 0.8}], LABELS[:1]),
    ("Hinge", [{}], SIGNS),
    ("SquaredHinge", [{}], SIGNS),
    ("CategoricalHinge", [{}], MANY),
    ("Dice", [{}, {"axis": (1, 2, 3)}, {"axis": -1}], MASKS),
    ("Tversky", [{}, {"alpha": 0.3, "beta": 0.7}, {"axis": (1, 2, 3)}], MASKS),
    ("Circle", [{}, {"gamma": 16.0, "margin": 0.2}, {"remove_diagonal": False}], POINTS),
    ("CTC", [{}], WORDS),
]
FLAT = [
    (name, settings, *data) for name, all_settings, all_data in CASES for settings in all_settings for data in all_data
]
REDUCTIONS = ["sum_over_batch_size", "sum", "mean_with_sample_weight", "none"]


def close(ours, theirs):
    theirs = np.asarray(theirs)
    assert_close(ours, theirs, terms=BATCH * 4 * 4 * 2, dtype="float32", scale=max(np.abs(theirs).max(initial=0), 1e-3))


def keras_value_and_gradient(loss, y_true, y_pred, *weights):
    def total(pred):
        value = loss(y_true, pred, *weights)
        return jnp.sum(value), value

    (_, value), gradient = jax.value_and_grad(total, has_aux=True)(jnp.asarray(y_pred))
    return value, gradient


def our_value_and_gradient(loss, y_true, y_pred, *weights):
    pred = torch.tensor(y_pred, requires_grad=True)
    value = loss(y_true, pred, *weights)
    value.sum().backward()
    return value.detach(), pred.grad


@pytest.mark.parametrize(("name", "settings", "y_true", "y_pred"), FLAT)
def test_value_and_gradient_are_those_of_keras(name, settings, y_true, y_pred):
    theirs = keras_value_and_gradient(getattr(keras.losses, name)(**settings), y_true, y_pred)
    ours = our_value_and_gradient(getattr(losses, name)(**settings), y_true, y_pred)
    close(ours[0], theirs[0])
    close(ours[1], theirs[1])


WHOLE = [
    ("MeanSquaredError", {}, *NUMBERS[0]),
    ("MeanAbsoluteError", {}, *NUMBERS[0]),
    ("BinaryCrossentropy", {}, *TWO[0]),
    ("BinaryCrossentropy", {"from_logits": True}, *SIGNS[0]),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, *LABELS[0]),
]


@pytest.mark.parametrize(("name", "settings", "y_true", "y_pred"), WHOLE)
def test_the_mean_in_one_kernel_is_the_mean_of_the_values(name, settings, y_true, y_pred):
    loss = getattr(losses, name)(**settings)
    shape = y_pred.shape if name != "SparseCategoricalCrossentropy" else y_true.shape
    true = torch.tensor(y_true).reshape(shape)
    whole = loss.mean(true, torch.tensor(y_pred))
    assert whole is not None
    theirs = keras_value_and_gradient(getattr(keras.losses, name)(**settings), y_true, y_pred)
    ours = our_value_and_gradient(loss, true, y_pred)
    close(ours[0], theirs[0])
    close(ours[1], theirs[1])
    assert ours[0] == whole
    assert loss.mean(true, torch.tensor(y_pred[:0])) is None
    assert loss(true[:0], torch.tensor(y_pred[:0])).shape == (0,)


@pytest.mark.parametrize("name", ["MeanSquaredError", "Circle", "Dice"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_reductions_with_and_without_weights(name, reduction):
    y_true, y_pred = next(case[2][0] for case in CASES if case[0] == name)
    weights = unit(len(y_pred))
    for given in ((), (weights,), (weights[:, None],)):
        theirs = getattr(keras.losses, name)(reduction=reduction)(y_true, y_pred, *given)
        close(getattr(losses, name)(reduction=reduction)(y_true, torch.tensor(y_pred), *given), theirs)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
@pytest.mark.parametrize("settings", [{}, {"ignore_class": 2}])
def test_a_mask_leaves_samples_out(reduction, settings):
    y_true, y_pred = LABELS[2]
    mask, weights = binary(BATCH, 3) > 0, unit(BATCH, 3)
    for given in (None, weights):
        pred = jnp.asarray(y_pred)
        pred._keras_mask = jnp.asarray(mask)
        theirs = keras.losses.SparseCategoricalCrossentropy(reduction=reduction, **settings)(y_true, pred, given)
        ours = losses.SparseCategoricalCrossentropy(reduction=reduction, **settings)(y_true, y_pred, given, mask)
        close(ours, theirs)


@pytest.mark.parametrize("name", sorted({snake_case(case[0]) for case in CASES}))
def test_the_function_gives_one_value_per_sample(name):
    y_true, y_pred = next(c[2][0] for c in CASES if c[0].lower() == name.replace("_", ""))
    settings = {"q": 0.5} if name == "categorical_generalized_cross_entropy" else {}
    public = name != "categorical_generalized_cross_entropy"
    their = getattr(keras.losses if public else keras.src.losses.losses, name)
    close(getattr(losses, name)(y_true, y_pred), their(y_true, y_pred, **settings))


def test_every_class_of_keras_is_compared():
    theirs = {name for name, kind in asked("kinds", "keras.losses").items() if kind == "type"} - {"Loss"}
    assert theirs == {case[0] for case in CASES}
    assert theirs <= set(dir(losses))


def test_a_loss_computes_in_its_dtype_as_in_keras():
    double = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    for dtype, name in ((None, "float32"), ("float64", "float64"), (layercli.DTypePolicy("mixed_float16"), "float16")):
        loss = losses.MeanSquaredError(dtype=dtype)
        assert loss.dtype == name  # recorded from Keras 3.15.1 on torch
        found = loss(np.zeros(3), double)
        assert (found.dtype, found.item()) == (getattr(torch, name), 7.0)


@pytest.mark.parametrize(
    "loss", [losses.BinaryCrossentropy(), losses.binary_crossentropy, losses.BinaryFocalCrossentropy()]
)
def test_a_target_that_is_no_share_is_named(loss):
    with pytest.raises(UsageError) as error:
        loss(torch.tensor([[0.0], [9.0]]), torch.tensor([[0.2], [0.7]]))
    assert str(error.value) == "binary_crossentropy expects targets from 0 to 1, got 9"


@pytest.mark.parametrize("loss", [losses.BinaryCrossentropy(), losses.BinaryCrossentropy(label_smoothing=0.1)])
def test_a_prediction_that_is_no_number_gives_a_loss_that_is_none(loss):
    assert loss(torch.tensor([[0.0], [1.0]]), torch.tensor([[0.2], [float("nan")]])).isnan()


BROADCASTING = [
    "mean_squared_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "huber",
    "log_cosh",
    "cosine_similarity",
    "kl_divergence",
    "poisson",
    "hinge",
    "squared_hinge",
    "categorical_hinge",
    "dice",
    "tversky",
    "categorical_focal_crossentropy",
]


def test_shapes_broadcast_as_in_keras():
    column, table = unit(3, 1), unit(3, 4)
    for name in BROADCASTING:
        for true, pred in ((column, table), (table[:1], table), (table[0], table)):
            close(getattr(losses, name)(true, torch.tensor(pred)), getattr(keras.losses, name)(true, pred))
    for name in ("CosineSimilarity", "BinaryAccuracy", "Accuracy"):
        close(getattr(metrics, name)()(column, table), getattr(keras.metrics, name)()(column, table))
    with pytest.raises(ShapeError) as error:
        losses.binary_crossentropy(column, table)
    assert error.value.message == "binary_crossentropy expects y_true and y_pred of one shape, got (3, 1) and (3, 4)"
