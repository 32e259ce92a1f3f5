"""Wrap ``Layer.build``: normalise input shapes and set the name scope."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

from layercli.core import call_context, dims, graph, tree
from layercli.core.spec import Shape, Spec, shape_of, with_batch_dim, with_none
from layercli.core.types import ShapeLike
from layercli.errors import ShapeError, UnknownSizeError

if TYPE_CHECKING:
    from layercli.core.layer import Layer


def as_build(build: Callable[..., None]) -> Callable[..., None]:
    """Wrap ``build``: convert the shapes to sizes, set the name scope, and mark the layer as built.

    A user's gets None for a size that is not known and has no name, as in Keras.
    """
    users = not build.__module__.startswith("layercli.")

    def sizes(shape: object) -> Any:
        return tree.map_structure(with_none, batched_tree(shape)) if users else batched_tree(shape)

    @wraps(build)
    def building(self: Layer, *args: object, **kwargs: object) -> None:
        shapes = [sizes(shape) for shape in args]
        named = {key: sizes(shape) for key, shape in kwargs.items()}
        with graph.enter_build(self):
            if self._given_policy is not None:
                self._take_policy()
            try:
                build(self, *shapes, **named)
            except IndexError as error:
                if () not in (*shapes, *named.values()):
                    raise
                raise ShapeError("expects x with at least 1 axis, got a number") from error
        self.built = True
        self._built_for = (args, kwargs)
        if not call_context.call_stack():
            self._fill_module()
            self.set_as_root()

    return building


class ShapeLeaf:
    """A shape as a leaf of a tree."""

    def __init__(self, shape: Shape | None) -> None:
        self.shape = shape


def unwrapped(shapes: object) -> Any:
    """Return a tree of shapes as plain tuples, which ``build`` methods expect."""
    return tree.map_structure(lambda leaf: leaf.shape, shapes)


def _is_shape(shape: ShapeLike) -> bool:
    return isinstance(shape, (list, tuple)) and not any(isinstance(size, (list, tuple, dict)) for size in shape)


def batched_tree(shape: Any) -> Any:
    """Return the sizes of a shape, or of every shape in a tree, with the batch axis first."""
    if shape is None or _is_shape(shape):
        return None if shape is None else with_batch_dim(shape)
    if not isinstance(shape, (dict, list, tuple)) or hasattr(shape, "_fields"):
        raise ShapeError(f"a shape is a tuple of sizes, got {shape!r}")
    items = shape.items() if isinstance(shape, dict) else enumerate(shape)
    found = {key: batched_tree(item) for key, item in items}
    return found if isinstance(shape, dict) else list(found.values())


def unsuffixed(named: Mapping[str, object], convert: Callable[[Any], Any]) -> dict[str, object]:
    """Return shapes that are named ``query_shape`` under the names of the inputs (``query``), converted."""
    return {name.removesuffix("_shape"): convert(shape) for name, shape in named.items()}


def specs_for(shape: ShapeLike, dtype: str) -> Any:
    """Return the Specs of inputs of a shape, or of a tree of shapes."""
    shapes = batched_tree(shape)
    if _is_shape(shapes):
        return Spec(shapes, dtype)
    if isinstance(shapes, dict):
        return {key: specs_for(item, dtype) for key, item in shapes.items()}
    return [specs_for(item, dtype) for item in shapes]


def known_shape(shape: ShapeLike, name: str | None) -> Shape:
    """Return the shape of a variable; raise an error unless all its sizes are known."""
    sizes = shape_of((shape,) if isinstance(shape, (int, dims.Dim)) else shape)
    if not all(dims.known(size) for size in sizes):
        raise UnknownSizeError(
            f"cannot make the variable {name or 'variable'!r} of shape {sizes}: every size must be known",
            hint="give the input's last axis a size",
        )
    return sizes
