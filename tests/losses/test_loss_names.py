"""What losses are called, their configs, and every sentence they raise."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from layercli import losses
from layercli.errors import ShapeError, UsageError


def message(error):
    return error.value.message, error.value.hint


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mse", "mean_squared_error"),
        ("MAE", "mean_absolute_error"),
        ("bce", "binary_crossentropy"),
        ("kld", "kl_divergence"),
        ("logcosh", "log_cosh"),
        ("mean_squared_error", "mean_squared_error"),
    ],
)
def test_a_function_by_name(name, expected):
    assert losses.get(name) is getattr(losses, expected)


@pytest.mark.parametrize("name", ["crossentropy", "ce"])
def test_a_crossentropy_chosen_by_the_targets_takes_no_arguments(name):
    assert losses.parse(name) == name
    with pytest.raises(UsageError) as error:
        losses.parse(f"{name}:from_logits=true")
    assert message(error) == (
        f"{name} is chosen by the targets and takes no arguments",
        "sparse_categorical_crossentropy:from_logits=true for class ids; also binary_, categorical_crossentropy",
    )


def test_a_class_by_name_or_config_or_itself():
    for identifier in ("Huber", {"class_name": "Huber", "config": {}}, losses.Huber, losses.Huber()):
        assert type(losses.get(identifier)) is losses.Huber
    assert losses.get(None) is None


@pytest.mark.parametrize("name", [n for n in dir(losses) if n[0].isupper() and n not in ("Loss", "FunctionLoss")])
def test_a_config_makes_the_same_loss(name):
    loss = getattr(losses, name)(reduction="sum", name="mine")
    again = losses.deserialize(losses.serialize(loss))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()
    assert again.reduction == "sum"
    assert again.name == "mine"


def test_keras_reads_our_config(keras):
    ours = losses.BinaryFocalCrossentropy(gamma=3.0, apply_class_balancing=True)
    theirs = keras.losses.deserialize(losses.serialize(ours))
    assert theirs.get_config() == ours.get_config()


def test_a_users_function_is_a_loss():
    loss = losses.resolve(lambda y_true, y_pred: (torch.as_tensor(y_true) - y_pred).abs(), None, None)
    assert loss([1.0, 2.0], [3.0, 3.0]).item() == 1.5
    assert losses.resolve("mse", None, None).name == "mse"
    assert losses.FunctionLoss(losses.huber, delta=0.5).get_config() == {
        "fn": losses.serialize(losses.huber),
        "reduction": "sum_over_batch_size",
        "name": "huber",
        "delta": 0.5,
    }


@pytest.mark.parametrize(
    ("true", "pred", "name"),
    [
        ((8, 1), (8, 1), "binary_crossentropy"),
        ((8,), (8, 3), "sparse_categorical_crossentropy"),
        ((8, 1), (8, 3), "sparse_categorical_crossentropy"),
        ((8, 3), (8, 3), "categorical_crossentropy"),
    ],
)
def test_crossentropy_is_chosen_from_the_shapes(true, pred, name):
    loss = losses.resolve("crossentropy", np.zeros(true), np.zeros(pred))
    assert loss.fn is getattr(losses, name)


def test_shapes_that_do_not_fit():
    with pytest.raises(ShapeError) as error:
        losses.MeanSquaredError()(np.zeros((8, 2)), np.zeros((8, 3)))
    assert message(error) == ("mean_squared_error expects y_true and y_pred of one shape, got (8, 2) and (8, 3)", None)
    with pytest.raises(ShapeError) as error:
        losses.categorical_crossentropy(np.zeros(8), np.zeros((8, 3)))
    assert message(error) == (
        "categorical_crossentropy expects y_true and y_pred of one shape, got (8,) and (8, 3)",
        "for targets that are class numbers, use sparse_categorical_crossentropy",
    )
    with pytest.raises(ShapeError) as error:
        losses.SparseCategoricalCrossentropy()(np.zeros((8, 3)), np.ones((8, 3)))
    assert message(error) == (
        "sparse_categorical_crossentropy expects y_true of shape (8,) for y_pred of shape (8, 3), got (8, 3)",
        "for one-hot targets, use categorical_crossentropy",
    )
    with pytest.raises(ShapeError) as error:
        losses.CategoricalGeneralizedCrossEntropy()(np.zeros(7), np.ones((8, 3)))
    assert error.value.message == (
        "categorical_generalized_cross_entropy expects y_true of shape (8,) for y_pred of shape (8, 3), got (7,)"
    )
    with pytest.raises(ShapeError) as error:
        losses.CTC()(np.zeros(8), np.ones((8, 3)))
    assert error.value.message == (
        "ctc expects y_true of shape (batch, length) and y_pred of shape (batch, steps, classes), got (8,) and (8, 3)"
    )
    with pytest.raises(ShapeError) as error:
        losses.Circle()(np.zeros(8), np.ones(8))
    assert error.value.message == "circle expects y_pred of shape (batch, features), got (8,)"


@pytest.mark.parametrize("label", [3, -1, -100])
@pytest.mark.parametrize("from_logits", [False, True])
def test_labels_out_of_range(label, from_logits):
    loss = losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    with pytest.raises(UsageError) as error:
        loss([0, label], [[0.2, 0.3, 0.5], [0.2, 0.3, 0.5]])
    assert error.value.message == f"labels must be from 0 to 2, the 3 classes predicted, got {label}"
    with pytest.raises(UsageError) as error:
        loss(torch.tensor([0, label]), torch.tensor([[0.2, 0.3, 0.5], [0.2, 0.3, 0.5]]))
    assert error.value.message == f"labels must be from 0 to 2, the 3 classes predicted, got {label}"
    with pytest.raises(UsageError):
        loss.check(np.array([0, label]), torch.tensor([[0.2, 0.3, 0.5]] * 2, requires_grad=True))
    with pytest.raises(UsageError) as error:
        losses.CategoricalGeneralizedCrossEntropy()([0, label], [[0.2, 0.3, 0.5]] * 2)
    assert error.value.message == f"labels must be from 0 to 2, the 3 classes predicted, got {label}"


def test_an_ignored_label_may_be_no_class():
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)([0, -1], [[0.2, 0.3, 0.5], [0.2, 0.3, 0.5]])
    assert loss.item() == pytest.approx(-np.log(0.2))


@pytest.mark.parametrize(
    ("make", "text", "hint"),
    [
        (lambda: losses.get("mse2"), "there is no loss 'mse2'", "did you mean mse or msle or mae?"),
        (lambda: losses.get(3), "3 is no loss: give its name, its config, or the object", None),
        (
            lambda: losses.Huber(reduction="average"),
            "reduction must be one of sum_over_batch_size, sum, mean, mean_with_sample_weight, none, None, got 'average'",
            None,
        ),
        (
            lambda: losses.get({"class_name": "Huber", "config": {"epsilon": 1}}),
            "Huber has no argument 'epsilon'",
            "did you mean reduction?",
        ),
        (
            lambda: losses.CategoricalGeneralizedCrossEntropy(q=1.0),
            "q must be greater than 0 and less than 1, got 1.0",
            None,
        ),
        (lambda: losses.Huber(dtype="float23")([1.0], [1.0]), "there is no dtype 'float23'", None),
        (
            lambda: losses.get({"class_name": "FunctionLoss", "config": {"fn": {"class_name": "x", "module": "os"}}}),
            "cannot make a x from module 'os'",
            None,
        ),
        (
            lambda: losses.get({"class_name": "FunctionLoss", "config": {}}),
            "FunctionLoss needs the argument 'fn'",
            None,
        ),
    ],
)
def test_settings_that_cannot_be_meant(make, text, hint):
    with pytest.raises(UsageError) as error:
        make()
    assert error.value.message == text
    assert error.value.hint == hint


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError) as error:
        losses.Hubert  # noqa: B018  # reading it is the test
    assert str(error.value) == "layercli.losses has no 'Hubert'"
    with pytest.raises(NotImplementedError) as error:
        losses.Loss()([1.0], [1.0])
    assert str(error.value) == "Loss has no call(y_true, y_pred)"


def test_losses_do_not_import_torch():
    code = "import layercli.losses as l, sys; l.MeanSquaredError(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
