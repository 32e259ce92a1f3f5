"""The input Specs of a graph from a file: the file's own, with the shapes and sizes a user gave."""

from __future__ import annotations

from collections.abc import Sequence

from layercli.core import dims
from layercli.core.dims import Dim, Size
from layercli.core.spec import Spec
from layercli.errors import ShapeError
from layercli.inspect.shape_parser import fill, parse_sizes, shapes_by_name


def graph_inputs(
    model: str,
    offered: dict[str, Spec],
    names: list[str],
    shapes: Sequence[str],
    sizes: Sequence[str],
    batch: str | None = None,
) -> dict[str, Spec]:
    """Return the Specs of the inputs ``names``, for which the file declares ``offered``.

    ``batch`` is the file's name for the batch. Raises ShapeError for a shape that the file does not allow, UsageError for an
    unknown name.
    """
    found = dict(offered)
    if shapes:
        given = shapes_by_name(model, shapes, offered, names)
        found = {name: agreed(name, spec, offered.get(name)) for name, spec in given.items()}
    bound = bound_in(offered, found)
    found = {name: spec.at(bound) for name, spec in found.items()}
    asked = {dims.BATCH if name == batch else name: size for name, size in parse_sizes(sizes).items()}
    filled: dict[str, Spec] = fill(found, asked)
    return filled


def agreed(name: str, given: Spec, offered: Spec | None) -> Spec:
    """Return the Spec of an input with a given shape; sizes that the file fixes cannot change."""
    if offered is None:
        return given
    if given.rank != offered.rank or not all(map(dims.may_equal, given.shape, offered.shape)):
        raise ShapeError(f"the input {name} is {given}, the model takes {offered}")
    sizes = (b if isinstance(b, int) else a for a, b in zip(given.shape, offered.shape, strict=True))
    return Spec(tuple(sizes), given.dtype)


def bound_in(offered: dict[str, Spec], given: dict[str, Spec]) -> dict[str, Size]:
    """Return the values that the given shapes imply for the file's named sizes; they must be consistent."""
    pairs = ((a, b) for name, spec in offered.items() for a, b in zip(spec.shape, given[name].shape, strict=True))
    return {str(a): b for a, b in pairs if isinstance(a, Dim) and {str(a)} == a.names and isinstance(b, int)}
