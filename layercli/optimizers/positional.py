"""Positional arguments of optimizers in Keras's order."""

from __future__ import annotations

import inspect
from functools import wraps
from typing import Any, TypeVar

T = TypeVar("T")

COMMON = (
    "weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum", "ema_overwrite_frequency",
    "loss_scale_factor", "gradient_accumulation_steps", "name",
)  # fmt: skip
"""The arguments of every optimizer, in Keras's order."""


def accept_positional(cls: type[T]) -> type[T]:
    """Let the constructor of a dataclass take all its arguments by position as well.

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

    @wraps(construct)
    def __init__(self: T, *args: Any, **kwargs: Any) -> None:
        if len(args) > len(names):
            raise TypeError(f"{cls.__name__} takes at most {len(names)} arguments, got {len(args)}")
        construct(self, **dict(zip(names, args, strict=False)), **kwargs)

    __init__.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # what inspect.signature reads
        [own, *(p.replace(kind=p.POSITIONAL_OR_KEYWORD) for p in ordered)]
    )
    cls.__init__ = __init__  # type: ignore[method-assign,assignment]  # the same constructor, its arguments in another order
    return cls
