"""The inputs of a model that is to run: from the files given, or filled in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from layercli.core import tree
from layercli.core.layer import Layer
from layercli.core.spec import Spec
from layercli.errors import UsageError
from layercli.inspect import filling, inputs, shapes
from layercli.inspect.reference import Subject
from layercli.inspect.summary import default_inputs, offered_inputs
from layercli.runtime.graph import Graph
from layercli.runtime.program import names_of


@dataclass(frozen=True)
class Request:
    """What was said of the inputs, in the words of the command line."""

    files: Sequence[str] = ()
    shapes: Sequence[str] = ()
    sizes: Sequence[str] = ()
    fill: str = "random"
    ranges: Sequence[str] = ()
    seed: int = 0
    cast: bool = False
    rescale: str | None = None


def inputs_for(
    subject: Subject, request: Request, convert: Callable[[np.ndarray, Spec | None], Any] | None = None
) -> Any:
    """Return arrays as the model takes them; those of a torch module are a list of its arguments.

    ``convert`` is what becomes of an array from a file that fits, by default its copy in the model's dtype.
    """
    specs = specs_for(subject, request)
    names = names_of(subject.model, specs)
    taken: list[Spec] | None = list(subject.model.specs.values()) if isinstance(subject.model, Graph) else None
    if not request.files:
        made = filling.filled(specs, names, request.fill, request.seed, request.ranges)
        for array, spec, name in zip(made, taken or (), names, strict=False):
            inputs.check(array, spec, name, fixed=True)
        return made
    found = inputs.read(
        subject.name, taken or specs, names, request.files,
        cast=request.cast, rescale=request.rescale, convert=convert, fixed=taken is not None and convert is None,
    )  # fmt: skip
    return found[0] if specs is None and isinstance(subject.model, Layer) and len(found) == 1 else found


def specs_for(subject: Subject, request: Request) -> Any:
    """Return the Specs of the inputs, or None where only the files can say."""
    model: Any = subject.model
    offered = offered_inputs(model) if isinstance(model, Layer) else getattr(model, "specs", None)
    if offered is None and not request.shapes:
        if request.files:
            return None
        if isinstance(model, Layer):
            default_inputs(model)
        raise UsageError(
            f"{subject.name} is a torch.nn.Module, which does not say what it takes",
            hint="give it inputs, --input x.npy, or their shapes, --input-shape 1,3,224,224",
        )
    given = shapes.parse_shapes(request.shapes, offered, names_of(model, offered))
    specs = shapes.fill(given, shapes.parse_sizes(request.sizes))
    return specs if isinstance(model, Layer) else tree.leaves([specs])
