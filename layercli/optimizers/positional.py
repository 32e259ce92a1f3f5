"""Constructors of optimizers: arguments by position in Keras's order, and their documentation."""

from __future__ import annotations

import inspect
import warnings
from functools import wraps
from typing import Any, TypeVar

from layercli.core.argument_docs import document_arguments
from layercli.errors import ArgumentError, nearest

T = TypeVar("T")

COMMON = (
    "weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum", "ema_overwrite_frequency",
    "loss_scale_factor", "gradient_accumulation_steps", "name",
)  # fmt: skip
"""The arguments of every optimizer, in Keras's order."""

ARGUMENTS = {
    "learning_rate": "A number, a schedule (see ``schedules``), or a function of nothing or of the step.",
    "weight_decay": "Each step first multiplies the weights by 1 - weight_decay * learning_rate; None for no decay.",
    "clipnorm": "The largest norm of the gradient of each variable; None for no limit.",
    "clipvalue": "The largest absolute value of an element of a gradient; None for no limit.",
    "global_clipnorm": "The largest norm of all gradients together; None for no limit.",
    "use_ema": "Whether to keep an exponential moving average of the weights.",
    "ema_momentum": "The momentum of that average, from 0 to 1.",
    "ema_overwrite_frequency": "The number of steps after which the average replaces the weights; None for at the end.",
    "loss_scale_factor": "The factor that the loss is multiplied by and the gradients are divided by; None for 1.",
    "gradient_accumulation_steps": "The number of steps whose mean gradient makes one update; None for 1.",
    "name": "The name of the optimizer; None for the class name in snake case.",
    "beta_1": "The decay of the first moment, from 0 to 1.",
    "beta_2": "The decay of the second moment, from 0 to 1.",
    "epsilon": "A small number that is added to the denominator.",
    "momentum": "The momentum, from 0 to 1.",
    "rho": "The decay of the average of squared gradients, from 0 to 1.",
    "initial_accumulator_value": "The initial value of the accumulators, at least 0.",
}
"""What the arguments that several optimizers share are."""


def accept_positional(cls: type[T]) -> type[T]:
    """Let the constructor of a dataclass take all its arguments by position as well, and document them.

    Keras has the arguments that all optimizers share after those of the optimizer itself; a dataclass has the fields of its
    base first, so there they are keyword-only.
    """
    construct: Any = cls.__init__
    own, *parameters = inspect.signature(construct).parameters.values()
    by_keyword = {p.name: p for p in parameters if p.kind is p.KEYWORD_ONLY}
    ordered = [p for p in parameters if p.name not in by_keyword]
    ordered += [by_keyword.pop(name) for name in COMMON if name in by_keyword]
    ordered += by_keyword.values()
    names = [p.name for p in ordered]
    document_arguments(cls, names, ARGUMENTS)

    @wraps(construct)
    def __init__(self: T, *args: object, **kwargs: object) -> None:
        if len(args) > len(names):
            raise ArgumentError(f"{cls.__name__} takes at most {len(names)} arguments, got {len(args)}")
        if "decay" in kwargs:
            kwargs.pop("decay")
            warnings.warn("decay is ignored, as in Keras: give a schedule as the learning rate", stacklevel=2)
        if unknown := [name for name in kwargs if name not in names]:
            raise ArgumentError(f"{cls.__name__} has no argument {unknown[0]!r}", hint=nearest(unknown[0], names))
        construct(self, **dict(zip(names, args, strict=False)), **kwargs)

    __init__.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # what inspect.signature reads
        [own, *(p.replace(kind=p.POSITIONAL_OR_KEYWORD) for p in ordered)]
    )
    cls.__init__ = __init__  # type: ignore[method-assign,assignment]  # the same constructor, its arguments in another order
    return cls
