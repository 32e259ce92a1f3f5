"""The arguments of the networks in Keras's orders: decorators that make public functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Protocol, cast

from layercli.core.model import Model
from layercli.core.types import ShapeLike
from layercli.models.applications.classifier import ImageClassifier

DEFAULTS = {
    "include_top": True, "weights": "imagenet", "input_tensor": None, "input_shape": None, "pooling": None, "classes": 1000,
    "classifier_activation": "softmax", "include_preprocessing": True,
}  # fmt: skip
USUAL = ("include_top", "weights", "input_tensor", "input_shape", "pooling", "classes", "classifier_activation", "name")


class Standard(Protocol):
    """A network with the usual arguments."""

    def __call__(
        self,
        include_top: bool = True,
        weights: object = "imagenet",
        input_tensor: object = None,
        input_shape: ShapeLike | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: object = "softmax",
        name: str = ...,
    ) -> Model:
        """Return the model."""


def standard(name: str) -> Callable[[Callable[[ImageClassifier], Model]], Standard]:
    """Give a network the usual arguments; ``name`` is the default name of the model."""
    return cast("Callable[[Callable[[ImageClassifier], Model]], Standard]", with_arguments(name, USUAL))


def with_arguments(
    name: str, order: tuple[str, ...], **own: object
) -> Callable[[Callable[..., Model]], Callable[..., Model]]:
    """Give a network its arguments in Keras's ``order``; ``name`` is the default name of the model.

    ``own`` are the defaults of arguments that it has alone, which it gets beside the ImageClassifier of the others.
    """
    defaults = {**DEFAULTS, **own, "name": name}
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([inspect.Parameter(key, kind, default=defaults[key]) for key in order])

    def decorated(network: Callable[..., Model]) -> Callable[..., Model]:
        def application(*args: object, **kwargs: object) -> Model:
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(f"{network.__name__}: {error}") from None
            bound.apply_defaults()
            usual = {key: value for key, value in bound.arguments.items() if key not in own}
            return network(ImageClassifier(**usual), **{key: bound.arguments[key] for key in own})

        for attribute in ("__name__", "__qualname__", "__doc__", "__module__"):
            setattr(application, attribute, getattr(network, attribute))
        application.__signature__ = signature  # type: ignore[attr-defined]  # what help and inspect show
        return application

    return decorated
