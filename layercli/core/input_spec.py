"""InputSpec: what a layer expects of an input, as in Keras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from layercli.core import dims, dtypes, tree
from layercli.core.dims import Size
from layercli.core.types import Config, ConfigLike, DTypeLike, Tree
from layercli.errors import DTypeError, ShapeError


class InputSpec:
    """The dtype, the shape or the number of axes, and the sizes of single ``axes`` that an input must have.

    Args:
        dtype: The dtype; None for any.
        shape: The shape, None for any size of an axis; None for any shape.
        ndim: The number of axes.
        max_ndim: The largest number of axes.
        min_ndim: The smallest number of axes.
        axes: A dict from an axis to its size.
        allow_last_axis_squeeze: Whether an input may have a last axis of size 1 too many or too few.
        name: The name of the input.
        optional: Whether the input may be None.
    """

    def __init__(
        self,
        dtype: DTypeLike | None = None,
        shape: Sequence[Size | None] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: Mapping[int, Size | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = None if dtype is None else dtypes.name_of(dtype)
        self.shape = None if shape is None else tuple(shape)
        self.ndim = ndim if self.shape is None else len(self.shape)
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.axes = {int(axis): size for axis, size in (axes or {}).items()}
        self.name, self.optional, self.allow_last_axis_squeeze = name, optional, allow_last_axis_squeeze

    def get_config(self) -> Config:
        """Return the arguments."""
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: ConfigLike) -> InputSpec:
        """Return the InputSpec of a config."""
        return cls(**config)

    def check(self, x: Any) -> None:
        """Raise ShapeError or DTypeError unless ``x`` fits."""
        if x is None and self.optional:
            return
        shape = tuple(x.shape)
        rank, named = len(shape), f" of {self.name}" if self.name else ""
        squeezes = self.allow_last_axis_squeeze and self.shape is not None and abs(rank - len(self.shape)) == 1
        bounds = ((self.ndim, self.ndim), (self.min_ndim, self.max_ndim))
        for low, high in bounds if not squeezes else ():
            if (low is not None and rank < low) or (high is not None and rank > high):
                wanted = f"{low}" if low == high else f"at least {low}" if high is None else f"at most {high}"
                raise ShapeError(f"expects an input{named} with {wanted} axes, got {rank} (shape {shape})")
        if self.dtype is not None and dtypes.name_of(x.dtype) != self.dtype:
            raise DTypeError(f"expects an input{named} of {self.dtype}, got {dtypes.name_of(x.dtype)}")
        sizes = dict(enumerate(self.shape or ())) if not squeezes else {}
        for axis, size in {**sizes, **self.axes}.items():
            if size is not None and (not -rank <= axis < rank or not dims.may_equal(shape[axis], size)):
                raise ShapeError(f"expects an input{named} with axis {axis} of size {size}, got the shape {shape}")

    def __repr__(self) -> str:
        shown = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")
        given = [f"{name}={getattr(self, name)}" for name in shown if getattr(self, name) not in (None, {})]
        return f"InputSpec({', '.join(given)})"


def check_inputs(spec: Any, inputs: Tree) -> None:
    """Raise ShapeError where ``inputs`` do not fit an InputSpec or a tree of them."""
    specs = tree.flatten(spec)
    by_name = isinstance(spec, dict) and isinstance(inputs, dict)
    found = [inputs.get(name) for name in spec] if by_name else tree.flatten(inputs)
    if len(found) != len(specs):
        raise ShapeError(f"expects {len(specs)} inputs, got {len(found)}")
    for each, x in zip(specs, found, strict=True):
        if each is not None and (x is None or hasattr(x, "shape")):
            each.check(x)
