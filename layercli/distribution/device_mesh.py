"""DeviceMesh: devices in a grid with named axes; TensorLayout: which axes of the grid divide the axes of a tensor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from layercli.core.backend import get_backend
from layercli.distribution.devices import list_devices
from layercli.errors import UsageError

__all__ = ["DeviceMesh", "TensorLayout"]


class DeviceMesh:
    """Devices arranged in a grid, whose axes have names.

    Args:
        shape: The sizes of the grid, such as ``(2, 4)``.
        axis_names: The name of each axis, such as ``["batch", "model"]``.
        devices: The devices, as many as the grid has places; None for those of ``list_devices()``.
    """

    def __init__(self, shape: Sequence[int], axis_names: Sequence[str], devices: Any = None) -> None:
        import numpy as np

        if not shape or not axis_names:
            raise UsageError(f"DeviceMesh needs a shape and axis names, got {shape!r} and {axis_names!r}")
        if len(shape) != len(axis_names):
            raise UsageError(f"DeviceMesh needs a name for each axis of its shape, got {shape!r} and {axis_names!r}")
        held = np.array(list_devices() if devices is None else devices)
        if math.prod(shape) != held.size:
            raise UsageError(f"a DeviceMesh of the shape {tuple(shape)} has {math.prod(shape)} places, not {held.size}")
        self.shape = shape
        self.axis_names = axis_names
        self.devices = held.reshape(tuple(shape))

    @cached_property
    def backend_mesh(self) -> Any:
        """PyTorch's DeviceMesh of the ranks."""
        return get_backend().distribution.torch_mesh(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} shape={self.shape}, axis_names={self.axis_names}>"


class TensorLayout:
    """Which axis of a mesh divides each axis of a tensor.

    Args:
        axes: For each axis of the tensor the name of an axis of the mesh, or None where it is not divided.
        device_mesh: The mesh; None where it is set later, once, as a LayoutMap does.
    """

    def __init__(self, axes: Sequence[str | None], device_mesh: DeviceMesh | None = None) -> None:
        self.axes = tuple(axes)
        self._device_mesh = device_mesh
        self._check()

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh."""
        return self._device_mesh

    @device_mesh.setter
    def device_mesh(self, device_mesh: DeviceMesh | None) -> None:
        if self._device_mesh is not None:
            raise UsageError(f"the layout already has the mesh {self._device_mesh}")
        self._device_mesh = device_mesh
        self._check()

    @property
    def backend_layout(self) -> Any:
        """PyTorch's placements, one for each axis of the mesh: ``Shard(axis of the tensor)`` or ``Replicate()``."""
        return get_backend().distribution.placements(self)

    def _check(self) -> None:
        names = [] if self._device_mesh is None else list(self._device_mesh.axis_names)
        unknown = [axis for axis in self.axes if axis is not None and axis not in names]
        if names and unknown:
            raise UsageError(f"the mesh has no axis {unknown[0]!r}: its axes are {', '.join(names)}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} axes={self.axes}, device_mesh={self.device_mesh}>"
