"""Distillation trains a student as Keras does, and its model goes through a file."""

from __future__ import annotations

import numpy as np
import pytest

from layercli import Input, Sequential, distillation, layers, losses, saving
from layercli.errors import UsageError

X = np.random.RandomState(0).randn(8, 4).astype("float32")
Y = np.random.RandomState(1).randint(0, 3, 8)


def net(units, seed):
    model = Sequential([Input((4,)), layers.Dense(units, "tanh", name="h"), layers.Dense(3, name="o")], name=f"n{seed}")
    rng = np.random.RandomState(seed)
    model.set_weights([rng.randn(*w.shape).astype("float32") for w in model.get_weights()])
    return model


def trained(given, **settings):
    model = distillation.Distiller(net(5, 1), net(5, 2), given, student_loss_weight=0.3, **settings)
    model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model, model.fit(X, Y, epochs=2, batch_size=4, shuffle=False, verbose=0).history


CASES = {
    "the function kl_divergence": (distillation.LogitsDistillation(), {}, 6.3153, 1.5647, 4.8901),
    "KLDivergence": (distillation.LogitsDistillation(2.0, losses.KLDivergence()), {}, 3.0631, 1.5458, 2.6079),
    "features": (distillation.FeatureDistillation("mse", "h", "h"), {}, 1.8879, 1.5619, 1.7901),
    "two": (
        [distillation.LogitsDistillation(4.0, "mse"), distillation.FeatureDistillation("mae")],
        {"distillation_loss_weights": [2.0, 0.5]}, 2.2334, 1.5548, 2.0298,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_losses_of_the_second_epoch_are_keras_s(case):
    """Values of Keras 3.15.1 on torch."""
    given, settings, imitated, own, total = CASES[case]
    model, history = trained(given, **settings)
    found = [history[name][1] for name in ("distillation_loss", "student_loss", "total_loss", "loss", "accuracy")]
    assert np.round(found, 4).tolist() == pytest.approx([imitated, own, total, total, 0.75], abs=2e-4)
    assert np.abs(model.teacher.get_weights()[0]).sum() == pytest.approx(18.216, abs=1e-3)  # as it was
    assert len(model.trainable_weights) == 4


def test_a_file_holds_both_models_and_the_losses(tmp_path):
    model, _ = trained(distillation.LogitsDistillation(2.0, losses.KLDivergence()))
    model.save(tmp_path / "d.keras")
    loaded = saving.load_model(tmp_path / "d.keras")
    assert np.array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    assert (loaded.distillation_losses[0].temperature, loaded.student_loss_weight) == (2.0, 0.3)
    assert np.array_equal(loaded.teacher.get_weights()[0], model.teacher.get_weights()[0])


def test_what_does_not_fit_is_refused():
    teacher, student, one = net(5, 1), net(4, 2), distillation.FeatureDistillation("mse")
    cases = [
        ("from 0 to 1, got 2", lambda: distillation.Distiller(teacher, student, one, student_loss_weight=2)),
        ("1 distillation_loss_weights for 2", lambda: distillation.Distiller(teacher, student, [one, one], [1.0])),
        ("expects one DistillationLoss or several", lambda: distillation.Distiller(teacher, student, None)),
        ("expects its teacher to be a Model", lambda: distillation.Distiller(3, student, one)),
        ("needs a loss for the targets", lambda: distillation.Distiller(teacher, student, one).compile("sgd")),
        ("at least one loss that is not None", lambda: distillation.FeatureDistillation([None])),
        ("a temperature above 0, got 0", lambda: distillation.LogitsDistillation(0)),
    ]  # fmt: skip
    for words, call in cases:
        with pytest.raises(UsageError, match=words):
            call()
    with pytest.raises(ValueError, match="'nowhere'"):
        distillation.Distiller(teacher, student, distillation.FeatureDistillation("mse", "nowhere", "h"))
