"""The input signature of an export as Specs."""

from __future__ import annotations

from typing import Any

from layercli.core import dtypes, tree
from layercli.core.input_spec import InputSpec
from layercli.core.operation import spec_of
from layercli.core.spec import Spec, with_batch_dim
from layercli.errors import UsageError


def specs_of(signature: object, whole: bool = True) -> Any:
    """Return the Specs of the arguments that a list of InputSpec, KerasTensor or tensors describes, or one of them or a dict.

    ``whole``: it is for a model, which takes several inputs as one argument.
    """
    given = tuple(signature) if isinstance(signature, (list, tuple)) else (signature,)
    if whole and len(given) > 1:
        given = (list(given),)
    return tree.map_structure(_spec, given)


def _spec(given: object) -> Spec:
    if isinstance(given, InputSpec):
        if given.shape is None:
            raise UsageError("an InputSpec of an input_signature needs a shape")
        return Spec(with_batch_dim(tuple(given.shape)), dtypes.name_of(given.dtype or "float32"))
    if not hasattr(given, "shape") or not hasattr(given, "dtype"):
        raise UsageError(f"an input_signature holds InputSpec, KerasTensor or tensors, got a {type(given).__name__}")
    found: Spec = spec_of(given)
    return found
