"""What ``layercli.distribution`` asks of PyTorch: devices and ranks, device meshes, placements, distributed tensors."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import torch

from layercli.core.types import Tensor
from layercli.errors import UsageError
from layercli.runtime.distributed import process_group
from layercli.runtime.distributed.process_group import Group
from layercli.runtime.execution.tensors import as_tensor

if TYPE_CHECKING:
    from layercli.distribution.device_mesh import DeviceMesh, TensorLayout
    from layercli.distribution.strategies import Distribution

TYPES = ("cpu", "gpu", "tpu")


def list_devices(device_type: str | None = None) -> list[str]:
    """See ``layercli.distribution.list_devices``."""
    kind = device_type.lower() if device_type else "gpu" if torch.cuda.is_available() else "cpu"
    if kind not in TYPES:
        raise UsageError(f"list_devices expects one of {', '.join(TYPES)}, got {device_type!r}")
    joined = process_group.current()
    there = {"cpu": 1, "gpu": torch.cuda.device_count(), "tpu": 0}[kind]
    return [f"{kind}:{number}" for number in range(joined.size if joined is not None and there else there)]


def rank_and_size() -> tuple[int, int]:
    """Return the number of this process and how many there are."""
    joined = process_group.current()
    return (0, 1) if joined is None else (joined.rank, joined.size)


def initialize(addresses: str | None, size: int | str | None, rank: int | str | None) -> None:
    """See ``layercli.distribution.initialize``."""
    if addresses is None:
        process_group.join()
        return
    places = [address.strip() for address in addresses.split(",")]
    host, _, port = places[0].rpartition(":")
    size = len(places) if size is None and len(places) > 1 else size
    if not host or size is None or rank is None:
        raise UsageError(
            "initialize needs job_addresses, num_processes and process_id", hint='initialize("10.0.0.1:1234", 2, 0)'
        )
    environment = {"MASTER_ADDR": host, "MASTER_PORT": port, "WORLD_SIZE": str(size), "RANK": str(rank)}
    own = places[int(rank)] if str(rank).isdecimal() and int(rank) < len(places) else None
    if own is not None and len(places) > 1:  # the GPU of a rank is the one with its number on its machine
        before = [place.rpartition(":")[0] for place in places[: int(rank)]]
        environment["LOCAL_RANK"] = str(before.count(own.rpartition(":")[0]))
    os.environ.update(environment)
    process_group.join()


def torch_mesh(mesh: DeviceMesh) -> Any:
    """Return torch's DeviceMesh: in the place of each device the rank with its number."""
    from torch.distributed.device_mesh import DeviceMesh as TorchMesh

    check_ranks(mesh, process_group.current())
    kinds, numbers = zip(*(str(name).lower().rsplit(":", 1) for name in mesh.devices.flat), strict=True)
    kind = "cuda" if kinds[0] in ("gpu", "cuda") else kinds[0]
    ranks = torch.tensor([int(number) for number in numbers]).reshape(tuple(mesh.shape))
    return TorchMesh(kind, ranks, mesh_dim_names=tuple(mesh.axis_names))


def check_ranks(mesh: DeviceMesh, joined: Group | None) -> None:
    """Raise UsageError unless the devices of a mesh are those of the ranks, one each."""
    names, size = [str(name) for name in mesh.devices.flat], 1 if joined is None else joined.size
    hint = f"torchrun --nproc-per-node {len(names)} script.py"
    if len(names) != size:
        there = "there is only this process" if joined is None else f"there are {size} ranks"
        raise UsageError(f"the mesh has {len(names)} devices, a rank for each, and {there}", hint=hint)
    if sorted(name.rpartition(":")[2] for name in names) != sorted(map(str, range(size))):
        raise UsageError(f"the mesh has the devices {', '.join(names)}, which are not those of ranks 0 to {size - 1}")


def placements(layout: TensorLayout) -> list[Any]:
    """Return torch's placements of a layout, one for each axis of its mesh."""
    from torch.distributed.tensor import Replicate, Shard

    if layout.device_mesh is None:
        raise UsageError(f"the layout {layout.axes} needs a device mesh")
    return [
        Shard(layout.axes.index(name)) if name in layout.axes else Replicate() for name in layout.device_mesh.axis_names
    ]


def distribute_tensor(tensor: object, layout: TensorLayout) -> Tensor:
    """See ``layercli.distribution.distribute_tensor``."""
    from torch.distributed.tensor import distribute_tensor as distribute

    whole, wanted = as_tensor(tensor), placements(layout)
    mesh = layout.device_mesh
    assert mesh is not None  # placements has checked it
    if len(layout.axes) != whole.ndim:
        raise UsageError(f"the layout {layout.axes} has {len(layout.axes)} axes, and the tensor has {whole.ndim}")
    if process_group.current() is None and mesh.devices.size == 1:
        return whole
    return distribute(whole, mesh.backend_mesh, wanted, src_data_rank=None)


def check_distribution(distribution: Distribution | None, joined: Group | None) -> None:
    """Raise UsageError where fit cannot follow the distribution with these ranks."""
    if distribution is not None:
        check_ranks(distribution.device_mesh, joined)
