"""Several inputs made one: each layer is called on a list of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

from layercli import ops
from layercli.core.layer import Layer
from layercli.errors import ShapeError, UsageError
from layercli.layers.settings import Truth, WholeNumber
from layercli.ops.numpy.elementwise import Binary
from layercli.ops.numpy.joining import Concatenate as Join
from layercli.ops.numpy.linear import BatchDot
from layercli.ops.numpy.reductions import Reduction
from layercli.ops.numpy.reshaping import ExpandDims


class Merge(Layer):
    """A layer called on a list of inputs; a step of the result counts where it does in any of them."""

    supports_masking = True
    takes_two = False

    def checked(self, inputs: Any) -> Sequence[Any]:
        """Return the inputs; ShapeError where they are no list, or too few or too many."""
        listed = isinstance(inputs, (list, tuple))
        if not listed or not inputs or (self.takes_two and len(inputs) != 2):
            wanted = "2 inputs" if self.takes_two else "at least 1 input"
            raise ShapeError(f"expects a list of {wanted}, got {len(inputs) if listed else 'one tensor'}")
        return inputs  # type: ignore[no-any-return]  # a list or a tuple, as was just seen

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return where any of the masks holds, or None where an input has none: every step counts there."""
        masks = previous_mask or (None,)
        return None if any(mask is None for mask in masks) else reduce(Binary("logical_or"), masks)


class Fold(Merge):
    """out = function(... function(function(x, y), z) ...), value by value; shapes broadcast.

    An input with fewer axes gets axes of size 1 after its batch: (batch, features) meets (batch, steps, features).
    """

    function = "add"

    def call(self, inputs: Any) -> Any:
        """Return the outputs."""
        return reduce(Binary(self.function), aligned(self.checked(inputs)))


class Add(Fold):
    """out = x + y + ..."""


class Subtract(Fold):
    """out = x - y, of two inputs."""

    function = "subtract"
    takes_two = True


class Multiply(Fold):
    """out = x * y * ..., value by value."""

    function = "multiply"


class Average(Fold):
    """out = (x + y + ...) / their number."""

    def call(self, inputs: Any) -> Any:
        """Return the outputs."""
        return super().call(inputs) / len(inputs)


class Maximum(Fold):
    """out = the greatest of x, y, ..., value by value."""

    function = "maximum"


class Minimum(Fold):
    """out = the least of x, y, ..., value by value."""

    function = "minimum"


class Concatenate(Merge):
    """out = the inputs one after the other along ``axis``; their other sizes must be the same."""

    axis: WholeNumber = -1

    def setup(self) -> None:
        """Make the op of the setting."""
        self.op = Join(self.axis)

    def call(self, inputs: Any) -> Any:
        """Return the outputs."""
        return self.op(*self.checked(inputs))

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return the masks one after the other along the steps; along another axis a step counts where it does in one input.

        An input without a mask has every step.
        """
        masks = previous_mask or ()
        if all(mask is None for mask in masks):
            return None
        known = next(mask for mask in masks if mask is not None)
        steps = len(known.shape)
        full = [mask if mask is not None else _all_steps(x, steps) for x, mask in zip(inputs, masks, strict=True)]
        axis = self.axis % len(inputs[0].shape)
        return Join(axis)(*full) if axis < steps else reduce(Binary("logical_or"), full)


class Dot(Merge):
    """out[n, ...] = the sum of x[n, ..., i, ...] y[n, ..., i, ...] over i, which runs along ``axes``, one of x and one of y.

    One number means the same axis in both. ``normalize`` divides x and y by their lengths along it, which gives cosines.
    Where no other axis is left out is (batch, 1).
    """

    axes: Any
    normalize: Truth = False
    takes_two = True

    def setup(self) -> None:
        """Make ``axes`` two numbers, and the op of them."""
        pair = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not all(isinstance(axis, int) for axis in pair):
            raise UsageError(f"Dot expects axes to be a whole number or two of them, got {self.axes!r}")
        self.op = BatchDot((pair[0], pair[1]))

    def call(self, inputs: Any) -> Any:
        """Return the outputs."""
        x, y = self.checked(inputs)
        if self.normalize:
            x, y = (unit(each, axis) for each, axis in zip((x, y), self.op.axes, strict=True))
        return self.op(x, y)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return none: the steps are gone."""
        return None


def aligned(inputs: Sequence[Any]) -> list[Any]:
    """Return the inputs with as many axes as the one with most, those of size 1 put in after the batch."""
    rank = max(len(x.shape) for x in inputs)
    return [reduce(lambda x, _: ExpandDims(1)(x), range(rank - len(x.shape)), x) for x in inputs]


def unit(x: Any, axis: int) -> Any:
    """Return x divided by its length along ``axis``."""
    length = Reduction("sum", axis, keepdims=True)(x * x)
    return x * Binary("power")(Binary("maximum")(length, 1e-12), -0.5)


def _all_steps(x: Any, steps: int) -> Any:
    """Return a mask of x's first axes, as many as ``steps``, in which every step counts."""
    return ops.ones_like(x[(..., *(0,) * (len(x.shape) - steps))], "bool")


def _function(layer: Callable[..., Layer]) -> Callable[..., Any]:
    def merge(inputs: Sequence[Any], *args: Any, **settings: Any) -> Any:
        return layer(*args, **settings)(inputs)

    merge.__name__ = layer.__name__.lower()
    merge.__doc__ = f"Return ``{layer.__name__}(...)(inputs)``: settings follow the list of inputs."
    return merge


add, subtract, multiply, average = map(_function, (Add, Subtract, Multiply, Average))
maximum, minimum, concatenate, dot = map(_function, (Maximum, Minimum, Concatenate, Dot))
