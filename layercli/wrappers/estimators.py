"""Classifier, regressor and transformer of scikit-learn around a compiled model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from layercli.core.cloning import clone_model
from layercli.core.model import Model
from layercli.core.types import TensorTree, Tree
from layercli.errors import UsageError


class SKLearnEstimator(BaseEstimator):
    """A model as an estimator.

    Args:
        model: A compiled Model, which is cloned for each fit, or a function that returns one for ``X`` and ``y``.
        warm_start: Whether another fit continues with the model of the last.
        model_kwargs: Further arguments of the function ``model``.
        fit_kwargs: Arguments of the model's fit, as epochs; those given to ``fit`` come first.

    After fit, ``model_`` is the model and ``history_`` the History of its fit.
    """

    def __init__(
        self,
        model: Model | Callable[..., Model],
        warm_start: bool = False,
        model_kwargs: Mapping[str, object] | None = None,
        fit_kwargs: Mapping[str, object] | None = None,
    ) -> None:
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def fit(self, X: Any, y: object, **kwargs: Any) -> Self:
        """Fit a model to samples (samples, features) and their targets."""
        X, y = validate_data(self, X, y, multi_output=True)
        targets = self._targets(y)
        model = self._model(X, targets)
        if not model.compiled or model.optimizer is None or not model.loss:
            raise UsageError(f"{type(self).__name__} expects a model that is compiled with an optimizer and a loss")
        self.history_ = model.fit(X, targets, **{**(self.fit_kwargs or {}), **kwargs})
        self.model_ = model
        return self

    def predict(self, X: object) -> Any:
        """Return the prediction for each sample."""
        return self._predictions(self._outputs(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags

    def __sklearn_clone__(self) -> Self:
        """Return an estimator with the same arguments, not fitted; the model is cloned by fit."""
        return type(self)(self.model, self.warm_start, self.model_kwargs, self.fit_kwargs)

    def _model(self, X: object, targets: TensorTree) -> Model:
        if self.warm_start and hasattr(self, "model_"):
            return self.model_
        if not isinstance(self.model, Model):
            return self.model(X=X, y=targets, **(self.model_kwargs or {}))
        clone, settings = clone_model(self.model), self.model.get_compile_config()
        if settings is not None:
            clone.compile_from_config(settings)
        return clone

    def _outputs(self, X: object) -> Any:
        check_is_fitted(self)
        return self.model_.predict(validate_data(self, X, reset=False), verbose=0)

    def _targets(self, y: Any) -> Any:
        type_of_target(y, raise_unknown=True)
        self._is_flat = y.ndim == 1
        return y[:, None] if self._is_flat else y

    def _predictions(self, outputs: Tree) -> Any:
        return outputs[:, 0] if self._is_flat and outputs.ndim == 2 and outputs.shape[1] == 1 else outputs


class SKLearnClassifier(ClassifierMixin, SKLearnEstimator):
    """A model as a classifier: its targets are one-hot rows in the order of ``classes_``; predict returns classes.

    The arguments are those of ``SKLearnEstimator``.
    """

    def decision_function(self, X: object) -> Any:
        """Return the outputs of the model, (samples, classes)."""
        return self._outputs(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags

    def _targets(self, y: Any) -> np.ndarray:
        kind = type_of_target(y, raise_unknown=True)
        if kind not in ("binary", "multiclass"):
            raise UsageError(f"SKLearnClassifier expects one class a sample, got targets of the kind {kind}")
        self._is_flat = y.ndim == 1
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) == 1:
            raise UsageError("SKLearnClassifier expects samples of two classes or more, got one class")
        return np.eye(len(self.classes_))[numbers.reshape(-1)]

    def _predictions(self, outputs: Tree) -> Any:
        found = self.classes_[outputs.argmax(axis=-1)]
        return found if self._is_flat else found[:, None]


class SKLearnRegressor(RegressorMixin, SKLearnEstimator):
    """A model as a regressor. The arguments are those of ``SKLearnEstimator``."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


class SKLearnTransformer(TransformerMixin, SKLearnEstimator):
    """A model as a transformer, a step of a pipeline. The arguments are those of ``SKLearnEstimator``."""

    def transform(self, X: object) -> Any:
        """Return the outputs of the model."""
        return self._outputs(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags
