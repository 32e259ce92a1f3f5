"""The merging layers as functions: ``add([x, y])``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.layers.merging.add import Add
from layercli.layers.merging.average import Average
from layercli.layers.merging.concatenate import Concatenate
from layercli.layers.merging.dot import Dot
from layercli.layers.merging.maximum import Maximum
from layercli.layers.merging.minimum import Minimum
from layercli.layers.merging.multiply import Multiply
from layercli.layers.merging.subtract import Subtract


def _function(layer: Callable[..., Layer]) -> Callable[..., Any]:
    def merge(inputs: Sequence[Tensor], *args: object, **settings: object) -> Tensor:
        out: Tensor = layer(*args, **settings)(inputs)
        return out

    merge.__name__ = layer.__name__.lower()
    merge.__doc__ = f"Return ``{layer.__name__}(...)(inputs)``: settings follow the list of inputs."
    return merge


add, subtract, multiply, average = map(_function, (Add, Subtract, Multiply, Average))


maximum, minimum, concatenate, dot = map(_function, (Maximum, Minimum, Concatenate, Dot))
