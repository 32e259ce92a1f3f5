"""The arguments of the networks in Keras's orders: decorators that make public functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from layercli.models.applications.classifier import ImageClassifier

from layercli.core.model import Model


class Standard(Protocol):
    """A network with the usual arguments."""

    def __call__(
        self,
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str = ...,
    ) -> Model:
        """Return the model."""


def standard(name: str) -> Callable[[Callable[[ImageClassifier], Model]], Standard]:
    """Give a network the usual arguments; ``name`` is the default name of the model."""
    default = name

    def decorated(network: Callable[[ImageClassifier], Model]) -> Standard:
        def application(
            include_top: bool = True,
            weights: Any = "imagenet",
            input_tensor: Any = None,
            input_shape: Any = None,
            pooling: str | None = None,
            classes: int = 1000,
            classifier_activation: Any = "softmax",
            name: str = default,
        ) -> Model:
            return network(
                ImageClassifier(
                    include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
                )
            )

        return described(application, network)

    return decorated


def described(application: Any, network: Callable[..., Model]) -> Any:
    """Return ``application`` with the name, the docstring and the module of ``network``."""
    for attribute in ("__name__", "__qualname__", "__doc__", "__module__"):
        setattr(application, attribute, getattr(network, attribute))
    return application
