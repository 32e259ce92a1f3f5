"""Nonlinear warps of images: perspective, elastic and by coordinates."""

from __future__ import annotations

import itertools
from typing import Any

from layercli.core import dims, dtypes
from layercli.core.dims import Size
from layercli.core.operation import Op, cached_property, spec_of
from layercli.core.spec import Spec, show_shape
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError, nearest
from layercli.lazy import torch
from layercli.ops.core.axes import check_rank
from layercli.ops.core.conversion import cast, convert_to_tensor
from layercli.ops.core.slicing import GetItem, StridedSlice
from layercli.ops.image.affine import INSIDE, Resample, around_of, in_dtype, nearest_of
from layercli.ops.image.batching import as_batch
from layercli.ops.image.filters import Filter, gaussian_kernel
from layercli.ops.linalg.solvers import solve
from layercli.ops.nn.convolution import split
from layercli.ops.nn.window_arguments import channels_first
from layercli.ops.numpy.arithmetic import multiply
from layercli.ops.numpy.creation import ones_like, zeros_like
from layercli.ops.numpy.joining import concatenate, stack
from layercli.ops.numpy.reshaping import broadcast_to, expand_dims, squeeze
from layercli.ops.random.distributions import DISTRIBUTIONS, drawing

INTERPOLATIONS = ("nearest", "bilinear")
"""Interpolations: the nearest pixel, or the pixels around, weighted by distance."""

PERSPECTIVE = 8
"""The number of coefficients of a perspective map."""


@dataclass(frozen=True)
class ResamplePerspective(Resample):
    """out[y, x] = image at ((a0 x + a1 y + a2) / d, (b0 x + b1 y + b2) / d), d = c0 x + c1 y + 1; otherwise as
    ``Resample``.

    The maps are (batch, 8): a0, a1, a2, b0, b1, b2, c0, c1.
    """

    coefficients = PERSPECTIVE

    def _positions(self, images: Tensor, maps: Any) -> tuple[Tensor, Tensor]:
        rows, columns = super()._positions(images, maps[:, :6])
        c0, c1 = (value[:, None, None] for value in maps[:, 6:].unbind(1))
        down = torch.arange(images.shape[1], device=images.device, dtype=maps.dtype)[:, None]
        across = torch.arange(images.shape[2], device=images.device, dtype=maps.dtype)
        depth = down * c1 + across * c0 + 1
        return rows / depth, columns / depth


@dataclass(frozen=True)
class ResampleShifted(Resample):
    """out[y, x] = image at (x + shift 0, y + shift 1), with shifts (batch, height, width, 2); otherwise as
    ``Resample``.
    """

    def spec(self, x: Spec, maps: Spec) -> Spec:
        """Return x's spec; ShapeError where the shifts are not two per pixel."""
        batch, sizes, _ = split(x, 2, self.channels_first)
        wanted = (batch, *sizes, 2)
        if maps.rank != 4 or not all(map(dims.may_equal, maps.shape, wanted)):
            raise ShapeError(f"expects shifts of the shape {show_shape(wanted)}, got {maps}")
        return x

    def _positions(self, images: Tensor, maps: Any) -> tuple[Tensor, Tensor]:
        down = torch.arange(images.shape[1], device=images.device, dtype=maps.dtype)[:, None]
        across = torch.arange(images.shape[2], device=images.device, dtype=maps.dtype)
        return down + maps[..., 1], across + maps[..., 0]


@dataclass(frozen=True)
class Elastic(Op):
    """out = x ``resampled`` at positions shifted by ``alpha`` times Gaussian noise of deviation ``sigma``, blurred with
    ``sigma``.
    """

    resampled: ResampleShifted
    alpha: float = 20.0
    sigma: float = 5.0
    seed: object = None

    def spec(self, x: Spec) -> Spec:
        """Return x's spec."""
        check_rank(x, 4)
        return x

    def macs(self, x: Spec) -> Size:
        """Return the cost of the blur."""
        batch, sizes, _ = split(x, 2, self.resampled.channels_first)
        return self.blur.macs(Spec((batch, *sizes, 2)))

    def run(self, x: Tensor) -> Tensor:
        """Return the images resampled with new noise."""
        batch, sizes, _ = split(spec_of(x), 2, self.resampled.channels_first)
        noise = DISTRIBUTIONS["normal"](drawing(self.seed, x.device), (batch, *sizes, 2), 0.0, self.sigma)
        return self.resampled.run(x, self.alpha * self.blur.run(noise))

    @cached_property
    def blur(self) -> Filter:
        """The Gaussian filter of the noise, 3 deviations to either side."""
        return Filter(gaussian_kernel((int(6 * self.sigma) | 1,) * 2, (self.sigma,) * 2))


@dataclass(frozen=True)
class MapCoordinates(Op):
    """out[...] = x at the position coordinates[:, ...], one coordinate per axis of x.

    ``order``: 0 nearest, 1 linear interpolation. Outside x: ``fill_value`` for the mode constant, else by the fill
    mode, a key of ``INSIDE``.
    """

    order: int
    fill_mode: str = "constant"
    fill_value: float = 0.0

    def spec(self, x: Spec, coordinates: Spec) -> Spec:
        """Return the coordinates' shape without the first axis; ShapeError where its size is not x's rank."""
        if coordinates.rank < 2 or not dims.may_equal(coordinates.shape[0], x.rank):
            raise ShapeError(
                f"expects coordinates with {x.rank} coordinates along their first axis, got {coordinates} (x = {x})"
            )
        return Spec(coordinates.shape[1:], x.dtype)

    def run(self, x: Any, coordinates: Any) -> Tensor:
        """Return the weighted sum of the values around each position."""
        self.spec(spec_of(x), spec_of(coordinates))
        positions = coordinates if coordinates.is_floating_point() else coordinates.float()
        around = around_of if self.order else nearest_of
        inside, total = INSIDE[self.fill_mode], 0
        for corner in itertools.product(*(around(position) for position in positions)):
            index = tuple(inside(position, size) for (position, _), size in zip(corner, x.shape, strict=True))
            values = x[index]
            if self.fill_mode == "constant":
                pairs = zip(corner, x.shape, strict=True)
                valid = torch.stack([(position >= 0) & (position < size) for (position, _), size in pairs]).all(0)
                values = torch.where(valid, values, self.fill_value)
            weight = torch.stack([share for _, share in corner]).prod(0)
            total = total + weight * values
        return in_dtype(total, x.dtype)


def affine_transform(
    images: TensorLike,
    transform: TensorLike,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Return an image or a batch whose pixel (x, y) is the input at (a0 x + a1 y + a2, b0 x + b1 y + b2).

    ``transform``: (8,) or (batch, 8), holding a0, a1, a2, b0, b1, b2, 0, 0. ``fill_mode``: constant, nearest, wrap,
    reflect or mirror, for positions outside the image.
    """
    _check("affine_transform", interpolation, fill_mode)
    x, maps = convert_to_tensor(images), _floats(convert_to_tensor(transform))
    op = Resample(interpolation, fill_mode, fill_value, channels_first(data_format))
    maps = GetItem((..., StridedSlice(0, 6)))(maps)
    return as_batch(lambda batch: op(batch, _for_each(batch, maps)), x)


def perspective_transform(
    images: TensorLike,
    start_points: TensorLike,
    end_points: TensorLike,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Return an image or a batch under the perspective that moves four ``start_points`` (4, 2), as (x, y), to
    ``end_points``.
    """
    _check("perspective_transform", interpolation, "constant")
    x, start, end = (convert_to_tensor(each) for each in (images, start_points, end_points))
    specs = spec_of(start), spec_of(end)
    if any(each.rank not in (2, 3) or each.shape[-2:] != (4, 2) for each in specs) or specs[0].rank != specs[1].rank:
        raise ShapeError(
            f"expects start_points and end_points of the shape (4, 2) or (batch, 4, 2), got {specs[0]} and {specs[1]}"
        )
    op = ResamplePerspective(interpolation, "constant", fill_value, channels_first(data_format))
    maps = perspective_maps(cast(start, "float32"), cast(end, "float32"))
    return as_batch(lambda batch: op(batch, _for_each(batch, maps)), x)


def elastic_transform(
    images: TensorLike,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: object = None,
    data_format: str | None = None,
) -> Tensor:
    """Return an image or a batch with each pixel shifted by ``alpha`` times smooth random noise.

    ``sigma``: the deviation of the noise and of its Gaussian blur. The horizontal and vertical shifts are independent.
    ``fill_mode`` as in ``affine_transform``.
    """
    _check("elastic_transform", interpolation, fill_mode)
    op = ResampleShifted(interpolation, fill_mode, fill_value, channels_first(data_format))
    return as_batch(Elastic(op, float(alpha), float(sigma), seed), convert_to_tensor(images))


def map_coordinates(
    inputs: TensorLike, coordinates: TensorLike, order: int, fill_mode: str = "constant", fill_value: float = 0
) -> Tensor:
    """Return ``inputs`` at ``coordinates`` (rank of inputs, ...), interpolated by ``order``: 0 nearest, 1 linear.

    Raises UsageError for another order or fill mode.
    """
    if order not in (0, 1):
        raise UsageError(f"map_coordinates expects order to be 0 or 1, got {order}")
    _check("map_coordinates", "bilinear", fill_mode)
    positions = stack(list(coordinates)) if isinstance(coordinates, (list, tuple)) else coordinates
    return MapCoordinates(order, fill_mode, fill_value)(convert_to_tensor(inputs), convert_to_tensor(positions))


def perspective_maps(start: Tensor, end: Tensor) -> Tensor:
    """Return the maps (..., 8) from the end points to the start points: the solution of 8 linear equations each."""
    x, y, u, v = (GetItem((..., i))(points) for points in (start, end) for i in (0, 1))
    one, zero = ones_like(u), zeros_like(u)
    across = stack([u, v, one, zero, zero, zero, -multiply(x, u), -multiply(x, v)], -1)
    down = stack([zero, zero, zero, u, v, one, -multiply(y, u), -multiply(y, v)], -1)
    found = solve(concatenate([across, down], -2), expand_dims(concatenate([x, y], -1), -1))
    return squeeze(found, -1)


def _for_each(images: Tensor, maps: Tensor) -> Tensor:
    """Return one map per image."""
    spec = spec_of(maps)
    if spec.rank not in (1, 2):
        raise ShapeError(f"expects a transform with 1 or 2 axes, got {spec.rank} (transform = {spec})")
    return broadcast_to(maps, (spec_of(images).shape[0], spec.shape[-1])) if spec.rank == 1 else maps


def _check(owner: str, interpolation: str, fill_mode: str) -> None:
    for what, value, known in (
        ("interpolation", interpolation, INTERPOLATIONS),
        ("fill_mode", fill_mode, tuple(INSIDE)),
    ):
        if value not in known:
            raise UsageError(f"{owner} has no {what} {value!r}", hint=nearest(value, list(known)))


def _floats(x: Tensor) -> Tensor:
    return x if dtypes.is_floating(spec_of(x).dtype) else cast(x, "float32")
