"""Distributions: how the batches and the variables of a model are divided among the devices of a mesh."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from layercli.core.backend import get_backend
from layercli.distribution import scope
from layercli.distribution.device_mesh import DeviceMesh, TensorLayout
from layercli.distribution.devices import list_devices
from layercli.distribution.layout_map import LayoutMap
from layercli.errors import UsageError

__all__ = ["DataParallel", "Distribution", "ModelParallel"]

BATCH = "batch"


class Distribution:
    """How data and variables are divided; subclasses say the layouts.

    Args:
        device_mesh: The devices.
        batch_dim_name: The axis of the mesh that divides batches.
        auto_shard_dataset: Whether each rank takes its part of every batch; False where each has data of its own.
    """

    def __init__(
        self, device_mesh: DeviceMesh, batch_dim_name: str | None = None, auto_shard_dataset: bool = True
    ) -> None:
        self._device_mesh = device_mesh
        self._batch_dim_name = batch_dim_name
        self.auto_shard_dataset = auto_shard_dataset
        rank_and_size: tuple[int, int] = get_backend().distribution.rank_and_size()
        self._process_id, self._num_processes = rank_and_size

    @property
    def device_mesh(self) -> DeviceMesh:
        """The devices."""
        return self._device_mesh

    @property
    def batch_dim_name(self) -> str | None:
        """The axis of the mesh that divides batches."""
        return self._batch_dim_name

    @property
    def num_processes(self) -> int:
        """The number of ranks."""
        return self._num_processes

    @property
    def num_model_replicas(self) -> int:
        """How many copies of the model the mesh holds."""
        raise NotImplementedError(f"{type(self).__name__} does not say num_model_replicas")

    @property
    def data_shard_id(self) -> int:
        """The number of the copy of the model that this rank belongs to, as Keras counts them."""
        copies = self.num_model_replicas
        return self._process_id // max(1, self.num_processes // copies)

    def get_data_layout(self, data_shape: Sequence[int | None]) -> TensorLayout:
        """Return the layout of data of that shape: its first axis is divided."""
        return TensorLayout([self.batch_dim_name, *[None] * (len(data_shape) - 1)], self.device_mesh)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """Return the layout of a variable; not divided unless a subclass says it."""
        return TensorLayout([None] * len(variable.shape), self.device_mesh)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """Return the layout of a tensor inside of the model, None for all: each rank computes with its own samples."""
        return None

    def distribute_dataset(self, dataset: object) -> Any:
        """Return ``dataset`` where there is one process or each has its own data; else UsageError: fit divides batches."""
        if self.num_processes == 1 or not self.auto_shard_dataset:
            return dataset
        raise UsageError(
            "distribute_dataset divides TensorFlow's datasets only: fit gives each rank its part of a batch"
        )

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Make this the current distribution within the block."""
        before = scope.distribution()
        scope.set_distribution(self)
        try:
            yield
        finally:
            scope.set_distribution(before)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} device_mesh={self.device_mesh}>"


class DataParallel(Distribution):
    """Every rank holds the whole model and computes with its part of each batch; gradients are averaged (PyTorch's DDP).

    Args:
        device_mesh: A mesh, the first axis of which divides batches.
        devices: Or the devices of a mesh of one axis; where both are None, those of ``list_devices()``.
        auto_shard_dataset: Whether each rank takes its part of every batch; False where each has data of its own.
    """

    def __init__(
        self, device_mesh: DeviceMesh | None = None, devices: Any = None, auto_shard_dataset: bool = True
    ) -> None:
        if device_mesh is None:
            held = list_devices() if devices is None else list(devices)
            device_mesh = DeviceMesh((len(held),), [BATCH], held)
        if not isinstance(device_mesh, DeviceMesh):
            raise UsageError(f"DataParallel expects a DeviceMesh, got a {type(device_mesh).__name__}")
        if device_mesh.devices.ndim != 1:
            axes = len(device_mesh.shape)
            warnings.warn(f"DataParallel divides batches by the first of the {axes} axes of the mesh", stacklevel=2)
        super().__init__(device_mesh, device_mesh.axis_names[0], auto_shard_dataset)

    @property
    def num_model_replicas(self) -> int:
        """The number of devices."""
        return int(self.device_mesh.devices.size)


class ModelParallel(Distribution):
    """Ranks hold the part of each variable that a LayoutMap gives them, and compute with their part of each batch.

    A divided variable is gathered for each call of the model, and its gradient scattered; the result is that of one process.

    Args:
        layout_map: The layouts of variables by their paths; a variable without one is held whole.
        batch_dim_name: The axis of the mesh that counts copies of the model; None for the first.
        auto_shard_dataset: Whether each rank takes its part of every batch; False where each has data of its own.
        device_mesh: Accepted as in Keras; the mesh is that of ``layout_map``.
    """

    def __init__(
        self,
        *,
        layout_map: LayoutMap | None = None,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
        **kwargs: Any,
    ) -> None:
        if not isinstance(layout_map, LayoutMap):
            raise UsageError(f"ModelParallel expects a LayoutMap as layout_map, got {layout_map!r}")
        mesh = layout_map.device_mesh
        if mesh is None:
            raise UsageError("the LayoutMap of a ModelParallel needs a DeviceMesh")
        if unknown := set(kwargs) - {"device_mesh"}:
            raise UsageError(f"ModelParallel takes no {sorted(unknown)[0]}")
        super().__init__(mesh, batch_dim_name or mesh.axis_names[0], auto_shard_dataset)
        self._layout_map = layout_map

    @property
    def num_model_replicas(self) -> int:
        """The size of the axis ``batch_dim_name`` of the mesh."""
        names = list(self.device_mesh.axis_names)
        if self.batch_dim_name not in names:
            raise UsageError(f"the mesh has no axis {self.batch_dim_name!r}: its axes are {', '.join(names)}")
        return int(self.device_mesh.shape[names.index(self.batch_dim_name)])

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """Return the layout of the variable's path in the map; not divided where the map has none."""
        return self._layout_map[variable.path] or super().get_variable_layout(variable)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """Return the layout in the map of a tensor inside of the model, which fit does not follow: samples are divided there."""
        return self._layout_map[path]
