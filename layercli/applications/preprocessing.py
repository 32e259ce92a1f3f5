"""What a network wants of the values of an image, by the framework that it was first trained in, as in Keras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from layercli import config, ops
from layercli.core.types import Tensor, TensorLike
from layercli.errors import UsageError
from layercli.models.applications.imagenet import DEVIATIONS, MEANS

BGR_MEANS = (103.939, 116.779, 123.68)
"""ImageNet's means of blue, green and red, for values from 0 to 255."""


def caffe(x: TensorLike, data_format: str | None = None) -> Any:
    """Return images (..., height, width, 3) of values from 0 to 255 as blue, green, red around ImageNet's means.

    ``data_format`` is "channels_last" or "channels_first". Arrays give new arrays, tensors give tensors.
    """
    axis = channel_axis(data_format)
    rgb = floating(x)
    return minus(np.flip(rgb, axis) if isinstance(rgb, np.ndarray) else ops.flip(rgb, axis=axis), BGR_MEANS, axis)


def tf(x: TensorLike, data_format: str | None = None) -> Any:
    """Return images of values from 0 to 255 with values from -1 to 1. Arrays give new arrays, tensors give tensors."""
    channel_axis(data_format)
    return floating(x) / 127.5 - 1.0


def torch(x: TensorLike, data_format: str | None = None) -> Any:
    """Return images (..., height, width, 3) of values from 0 to 255, standardized by ImageNet's means and deviations.

    ``data_format`` is "channels_last" or "channels_first". Arrays give new arrays, tensors give tensors.
    """
    axis = channel_axis(data_format)
    centred = minus(floating(x) / 255.0, MEANS, axis)
    return centred / along(centred, DEVIATIONS, axis)


def unchanged(x: TensorLike, data_format: str | None = None) -> Any:
    """Return x: the model itself contains the preprocessing."""
    return x


MODES = {"caffe": caffe, "tf": tf, "torch": torch}


def channel_axis(data_format: str | None) -> int:
    """Return the axis of the channels; UsageError for a data format that does not exist."""
    data_format = config.image_data_format() if data_format is None else data_format
    if data_format not in ("channels_last", "channels_first"):
        raise UsageError(f"data_format is 'channels_last' or 'channels_first', got {data_format!r}")
    return -1 if data_format == "channels_last" else -3


def floating(x: Any) -> np.ndarray | Tensor:
    """Return x with floating-point values."""
    if isinstance(x, (np.ndarray, list, tuple)):
        array = np.asarray(x)
        return array if np.issubdtype(array.dtype, np.floating) else array.astype(config.floatx())
    return x if "float" in str(x.dtype) else ops.cast(x, config.floatx())


def minus(x: np.ndarray | Tensor, means: Sequence[float], axis: int) -> Any:
    """Return x with the mean of each channel subtracted."""
    return x - along(x, means, axis)


def along(x: object, values: Sequence[float], axis: int) -> Any:
    """Return one value for each channel in a shape that broadcasts with x: an array, or for a torch tensor one on its device."""
    array = np.asarray(values, x.dtype if isinstance(x, np.ndarray) else "float32")
    array = array.reshape((-1, 1, 1)) if axis == -3 else array
    return x.new_tensor(array) if hasattr(x, "new_tensor") else array
