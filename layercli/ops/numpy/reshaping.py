"""Reshaping, broadcasting, and permutation, insertion and removal of axes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from layercli.core import dims
from layercli.core.call_context import is_describing
from layercli.core.dims import UNKNOWN, Dim, Size
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.operation import Op, require_tensor, spec_of
from layercli.core.spec import Shape, Spec, show_shape
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError
from layercli.lazy import torch
from layercli.ops.core.axes import axes_of, axis_of, several_axes
from layercli.ops.core.shape import ShapeTensor, ndim, sizes_in
from layercli.ops.numpy.elementwise import broadcast_shapes


@dataclass(frozen=True)
class ReshapeTensor(Op):
    """out = the values of x in row-major order in ``shape``, where one size may be -1.

    With ``batched`` the first axis of x is kept and ``shape`` is that of an example. Symbolic sizes in ``shape`` are
    resolved from ``source``, the shape of x when ``shape`` was written.
    """

    shape: tuple[Size, ...]
    batched: bool = False
    source: Shape = ()

    def spec(self, x: Spec) -> Spec:
        """Return the shape; ShapeError where its size is not x's."""
        if self.batched and not x.shape:
            raise ShapeError(f"expects x with at least 1 axis, got 0 (x = {x})")
        batch, values = (x.shape[:1], x.shape[1:]) if self.batched else ((), x.shape)
        shape = resolved(self.shape, self.source, x.shape)
        here, wanted = dims.product(values), dims.product(size for size in shape if size != -1)
        fits = _divides(wanted, here) if -1 in shape else dims.may_equal(here, wanted)
        if not fits:
            many = f"a multiple of {wanted} values" if -1 in shape else f"{wanted} values"
            each = " in each sample" if self.batched else ""
            raise ShapeError(f"expects x with {many}{each}, got {here} (x = {x})")
        return Spec((*batch, *(here // wanted if size == -1 else size for size in shape)), x.dtype)

    def run(self, x: Any) -> Tensor:
        """Return torch's reshape: a view where possible."""
        require_tensor(x)
        shape = resolved(self.shape, self.source, x.shape)
        out: Tensor = x.reshape(x.shape[0], *shape) if self.batched else x.reshape(shape)
        return out


@dataclass(frozen=True)
class Transpose(Op):
    """out = x with its axes in the order ``axes``, reversed for None: a view."""

    axes: tuple[int, ...] | None = None

    def spec(self, x: Spec) -> Spec:
        """Return x's shape in the new order; ShapeError where ``axes`` is not a permutation."""
        order = tuple(range(x.rank))[::-1] if self.axes is None else tuple(axis_of(x, axis) for axis in self.axes)
        if sorted(order) != list(range(x.rank)):
            raise ShapeError(f"expects each of x's {x.rank} axes once, got {self.axes} (x = {x})")
        return Spec(tuple(x.shape[axis] for axis in order), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's permute."""
        return torch.permute(x, tuple(range(x.ndim))[::-1] if self.axes is None else self.axes)


@dataclass(frozen=True)
class ExpandDims(Op):
    """out = x with an axis of size 1 inserted at ``axis`` of the result: a view."""

    axis: int

    def spec(self, x: Spec) -> Spec:
        """Return x's shape with the 1 inserted."""
        axis = axis_of(x, self.axis, added=1)
        return Spec((*x.shape[:axis], 1, *x.shape[axis:]), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's unsqueeze."""
        return x.unsqueeze(self.axis)


@dataclass(frozen=True)
class Squeeze(Op):
    """out = x without the axes of size 1 in ``axis`` (None: all that are known to have size 1): a view."""

    axis: tuple[int, ...] | None = None

    def spec(self, x: Spec) -> Spec:
        """Return x's shape without them; ShapeError where one has another size."""
        removed = {i for i, size in enumerate(x.shape) if size == 1}
        if self.axis is not None:
            removed = set(axes_of(x, self.axis))
            for axis in sorted(removed):
                if not dims.may_equal(x.shape[axis], 1):
                    raise ShapeError(f"expects axis {axis} of x to have the size 1, got {x.shape[axis]} (x = {x})")
        return Spec(tuple(size for i, size in enumerate(x.shape) if i not in removed), x.dtype)

    def run(self, x: Any) -> Tensor:
        """Return x reshaped to that shape."""
        require_tensor(x)
        out: Tensor = x.reshape(self.spec(spec_of(x)).shape)
        return out


@dataclass(frozen=True)
class BroadcastTo(Op):
    """out = x expanded along axes of size 1, and along new axes in front, to ``shape``: a view.

    Symbolic sizes in ``shape`` are resolved from ``source``, the shape of x when ``shape`` was written.
    """

    shape: tuple[Size, ...]
    source: Shape = ()

    def spec(self, x: Spec) -> Spec:
        """Return ``shape``; ShapeError where x does not broadcast to it."""
        shape = resolved(self.shape, self.source, x.shape)
        fits = broadcast_shapes(x.shape, shape)
        if len(fits) != len(shape) or any(not dims.may_equal(a, b) for a, b in zip(fits, shape, strict=True)):
            raise ShapeError(f"expects x to broadcast to {show_shape(shape)}, got {show_shape(x.shape)}")
        return Spec(shape, x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's broadcast_to."""
        shape = resolved(self.shape, self.source, x.shape)  # a size that export leaves open is a torch.SymInt
        return torch.broadcast_to(x, tuple(n if isinstance(n, torch.SymInt) else int(n) for n in shape))


def resolved(wanted: Shape, source: Shape, actual: Any) -> Shape:
    """Return the shape ``wanted`` with the symbolic sizes of ``source`` replaced by the sizes in ``actual``."""
    if not source:
        return wanted
    values = {str(size): now for size, now in zip(source, actual, strict=True) if isinstance(size, Dim)}
    return tuple(_resolved_size(size, values) if isinstance(size, Dim) else size for size in wanted)


def _resolved_size(size: Dim, values: dict[str, Size]) -> Size:
    text = str(size)  # a size of the source may be a formula
    return values[text] if text in values else size.at(values)


def reshape(x: TensorLike, newshape: int | Iterable[object]) -> Tensor:
    """Return x's values in ``newshape``, in row-major order; one size may be -1, and symbolic sizes of x may be used.

    None stands for x's size along the same axis where another size is unknown. Raises ShapeError where the numbers of
    values differ.
    """
    return ReshapeTensor(*_sized(newshape, x, allow_rest=True))(x)


def broadcast_to(x: TensorLike, shape: int | Iterable[object]) -> Tensor:
    """Return x broadcast to ``shape``, without a copy; None keeps x's size. ShapeError where it does not broadcast."""
    return BroadcastTo(*_sized(shape, x))(x)


def transpose(x: TensorLike, axes: Iterable[int] | None = None) -> Tensor:
    """Return x with its axes in the order ``axes``; None reverses them."""
    return Transpose(None if axes is None else tuple(axes))(x)


def expand_dims(x: TensorLike, axis: int | Iterable[int]) -> Tensor:
    """Return x with an axis of size 1 at each index in ``axis``, counted in the result."""
    indices = several_axes(axis)
    if (isinstance(x, Dim) or (isinstance(x, int) and is_describing())) and indices in ((0,), (-1,)):
        return ShapeTensor((x,))  # type: ignore[return-value]  # stands for a tensor
    rank = ndim(x) + len(indices)
    for index in sorted(index % rank for index in indices) if len(indices) > 1 else indices:
        x = ExpandDims(index)(x)
    return x  # type: ignore[return-value]  # without axes to add, x itself


def squeeze(x: object, axis: int | Iterable[int] | None = None) -> Tensor:
    """Return x without its axes of size 1, or without those in ``axis``; ShapeError where one has another size."""
    return Squeeze(None if axis is None else several_axes(axis))(x)


def ravel(x: TensorLike) -> Tensor:
    """Return x flattened to one axis."""
    return reshape(x, -1)


def swapaxes(x: TensorLike, axis1: int, axis2: int) -> Tensor:
    """Return x with two axes exchanged."""
    return moveaxis(x, (axis1,), (axis1,)) if axis1 == axis2 else moveaxis(x, (axis1, axis2), (axis2, axis1))


def moveaxis(x: TensorLike, source: int | Iterable[int], destination: int | Iterable[int]) -> Tensor:
    """Return x with the axes ``source`` moved to the indices ``destination``; the other axes keep their order."""
    spec = spec_of(x)
    moved, indices = axes_of(spec, source), axes_of(spec, destination)
    if len(moved) != len(indices):
        raise UsageError(f"moveaxis expects equally many source and destination axes, got {source} and {destination}")
    order = [axis for axis in range(spec.rank) if axis not in moved]
    for index, axis in sorted(zip(indices, moved, strict=True)):
        order.insert(index, axis)
    return Transpose(tuple(order))(x)


def _sized(shape: int | Iterable[Any], x: Any, *, allow_rest: bool = False) -> Any:
    """Return the arguments of an op for a user's shape: the shape, and x's shape where sizes are symbolic."""
    sizes = given = sizes_in(shape)
    source = spec_of(x).shape if isinstance(x, SymbolicTensor) else ()
    if source and sum(size is None or size == -1 for size in sizes) > allow_rest:
        sizes, source = _kept(sizes, source, 0 if allow_rest else len(sizes) - len(source))
    rest = [size for size in sizes if size == -1 or size is None or (isinstance(size, Dim) and size.anonymous)]
    if any(isinstance(size, int) and size < -1 for size in sizes) or len(rest) > allow_rest:
        if is_describing() and all(isinstance(size, Dim) for size in rest):
            return (sizes,)  # the call checks again, with known sizes
        raise UsageError(f"expects a shape with at most {int(allow_rest)} unknown size, got {given}")
    sizes = tuple(-1 if any(size is one for one in rest) else size for size in sizes)
    if not any(isinstance(size, Dim) for size in sizes):
        return (sizes,)
    source = source or x.shape
    return (sizes, False, source) if allow_rest else (sizes, source)


def _kept(sizes: tuple[Any, ...], source: Shape, offset: int) -> tuple[tuple[Any, ...], Shape]:
    """Return a user's ``sizes`` and x's with a name for each unknown size of x that a None in ``sizes`` stands for."""
    wanted, named = list(sizes), list(source)
    for axis, size in enumerate(sizes):
        at = axis - offset
        if size is None and 0 <= at < len(source) and isinstance(source[at], Dim):
            named[at] = Dim.named(f"axis {at}") if source[at] == UNKNOWN else source[at]
            wanted[axis] = named[at]
    return tuple(wanted), tuple(named)


def _divides(part: Size, whole: Size) -> bool:
    """Return whether ``whole`` may be a multiple of ``part``: false only where both are known and it is not."""
    if isinstance(part, int) and isinstance(whole, int):
        return part > 0 and whole % part == 0
    return True
