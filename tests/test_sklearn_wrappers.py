"""Models as estimators of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from layercli import Sequential, layers, utils, wrappers
from layercli.errors import UsageError

DRAWS = np.random.default_rng(0)
X = DRAWS.normal(size=(60, 3)).astype("float32")


def model(X, y, loss="mse", end=None, compiled=True):
    made = Sequential([layers.Input((X.shape[1],)), layers.Dense(y.shape[1], activation=end)])
    if compiled:
        made.compile("adam", loss)
        made.optimizer.learning_rate.assign(0.2)
    return made


def test_a_classifier_learns_its_classes():
    from sklearn.base import clone  # imports scipy.stats: not for every worker that collects this file

    utils.set_random_seed(1)
    names = np.array(["no", "yes", "maybe"])[X.argmax(1)]
    kwargs = {"loss": "categorical_crossentropy", "end": "softmax"}
    estimator = wrappers.SKLearnClassifier(model, model_kwargs=kwargs, fit_kwargs={"epochs": 15, "verbose": 0})
    assert estimator.fit(X, names).score(X, names) > 0.9
    assert estimator.classes_.tolist() == ["maybe", "no", "yes"]
    assert estimator.decision_function(X).shape == (60, 3)
    assert len(clone(estimator).fit(X, names, epochs=1).history_.epoch) == 1


def test_a_regressor_keeps_the_shape_of_its_targets():
    utils.set_random_seed(1)
    given = model(X, np.zeros((1, 1)))
    before = [np.array(weight) for weight in given.get_weights()]
    estimator = wrappers.SKLearnRegressor(given, fit_kwargs={"epochs": 20, "verbose": 0})
    assert estimator.fit(X, X.sum(1)).score(X, X.sum(1)) > 0.9
    assert estimator.predict(X).shape == (60,)
    assert all(np.array_equal(a, b) for a, b in zip(before, given.get_weights(), strict=True))
    outputs = wrappers.SKLearnTransformer(model, fit_kwargs={"verbose": 0}).fit(X, X[:, :2]).transform(X)
    assert outputs.shape == (60, 2)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda: wrappers.SKLearnRegressor(model, model_kwargs={"compiled": False}).fit(X, X),
            "SKLearnRegressor expects a model that is compiled with an optimizer and a loss",
        ),
        (
            lambda: wrappers.SKLearnClassifier(model).fit(X, np.ones(60)),
            "SKLearnClassifier expects samples of two classes or more, got one class",
        ),
    ],
)
def test_what_cannot_be_fitted(ask, message):
    with pytest.raises(UsageError) as error:
        ask()
    assert str(error.value) == message
