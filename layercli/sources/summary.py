"""The summary of a model of any kind, in Python: ``layercli.summary(model, inputs)``."""

from __future__ import annotations

from typing import Any

from layercli.core import dtypes
from layercli.core.spec import Spec
from layercli.core.types import TensorTree
from layercli.inspect.summary import Summary
from layercli.sources.resolve import open_source


def summary(model: object, inputs: TensorTree = None, **settings: object) -> Summary:
    """Return the summary of ``model`` called on ``inputs``: its rows, its totals, and a table when it is printed or displayed.

    ``model`` is what ``layercli.open`` takes, such as a Layer, a torch.nn.Module or ``"resnet50"``; ``settings`` are its
    arguments. ``inputs`` are arrays or tensors, of which shapes and dtypes count, shapes with the batch first, or lists or dicts
    of them; by default the model's own. Nothing is allocated or changed. A torch module whose forward fails has the reason in
    ``failure``. Raises what ``open`` raises, and ShapeError for inputs that do not fit a Layer.

    >>> summary("mlp", (32, 784)).totals.macs
    3252224
    """
    return open_source(model, **settings).summary(specs_of(inputs))


def specs_of(inputs: object) -> Any:
    """Return inputs with the Spec of each array or tensor in its place."""
    if isinstance(inputs, dict):
        return {name: specs_of(each) for name, each in inputs.items()}
    if isinstance(inputs, (list, tuple)) and any(hasattr(each, "dtype") for each in inputs):
        return [specs_of(each) for each in inputs]
    if hasattr(inputs, "shape") and hasattr(inputs, "dtype") and not isinstance(inputs, Spec):
        return Spec(tuple(inputs.shape), dtypes.name_of(inputs.dtype))
    return inputs
