"""Functions applied along the first axis of tensors, and functions of single values applied to whole tensors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from layercli.core import dims, tree
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.errors import ShapeError, UsageError
from layercli.ops.core.conversion import convert_to_tensor
from layercli.ops.core.loops import map_leading_axis
from layercli.ops.core.shape import ndim, sizes_of
from layercli.ops.numpy.elementwise import broadcast_shapes
from layercli.ops.numpy.reshaping import broadcast_to, reshape


def map(f: Callable[[Any], Any], xs: object) -> Any:
    """Return f(x[i]) stacked for each index i of the first axis of ``xs``, a tensor or a tree of tensors."""
    return map_leading_axis("map", f, xs, vectorized=False)


def vectorized_map(function: Callable[[Tensor], Tensor], elements: object) -> Any:
    """Return function(x[i]) stacked for each index i of the first axis of ``elements``, in one call under torch.vmap."""
    return map_leading_axis("vectorized_map", function, elements, vectorized=True)


def vectorize(
    pyfunc: Callable[..., object], *, excluded: Iterable[int] | None = None, signature: str | None = None
) -> Callable[..., Any]:
    """Return a function that applies ``pyfunc`` to its arguments elementwise, with broadcasting, under torch.vmap.

    ``signature``, such as ``(n),(n,m)->(m)``, gives the last axes of each argument that ``pyfunc`` takes as a whole.
    ``excluded``: the indices of the arguments that are passed unchanged. Raises UsageError for an invalid signature.
    """
    left = set(excluded or ())
    taken = None if signature is None else _own_axes(signature)

    def vectorized(*args: object) -> Any:
        mapped_arguments = [i for i in range(len(args)) if i not in left]
        own = [0] * len(mapped_arguments) if taken is None else taken
        if len(own) != len(mapped_arguments):
            raise UsageError(f"vectorize expects {len(own)} arguments for {signature}, got {len(mapped_arguments)}")
        values = [convert_to_tensor(args[i]) for i in mapped_arguments]

        def call(row: Any) -> object:
            found = dict(zip(mapped_arguments, row, strict=True))
            return pyfunc(*(found.get(i, arg) for i, arg in enumerate(args)))

        return _applied(call, values, own)

    return vectorized


def _applied(call: Callable[[Any], Any], values: Sequence[Tensor], own: list[int]) -> object:
    """Return ``call`` of the values after broadcasting all but their last ``own`` axes."""
    if any(ndim(x) < axes for x, axes in zip(values, own, strict=True)):
        raise ShapeError(f"expects arguments with at least {own} axes, got {[ndim(x) for x in values]}")
    ends: list[Shape] = [sizes_of(x)[ndim(x) - axes :] for x, axes in zip(values, own, strict=True)]
    lead = broadcast_shapes(*(sizes_of(x)[: ndim(x) - axes] for x, axes in zip(values, own, strict=True)))
    if not lead:
        return call(tuple(values))
    count = dims.product(lead)
    rows = [reshape(broadcast_to(x, (*lead, *end)), (count, *end)) for x, end in zip(values, ends, strict=True)]
    found = map_leading_axis("vectorize", call, tuple(rows), vectorized=True)
    return tree.map_structure(lambda x: reshape(x, (*lead, *sizes_of(x)[1:])), found)


def _own_axes(signature: str) -> list[int]:
    """Return the number of core axes of each argument in ``signature``."""
    arguments, arrow, _ = signature.replace(" ", "").partition("->")
    if not arrow or not re.fullmatch(r"\([\w,]*\)(,\([\w,]*\))*", arguments):
        raise UsageError(f"vectorize expects a signature like '(n),(n,m)->(m)', got {signature!r}")
    return [len(re.findall(r"\w+", group)) for group in re.findall(r"\(([\w,]*)\)", arguments)]
