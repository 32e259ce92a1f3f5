"""Models sharded among the ranks with torch's fully_shard, layer by layer."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist

from layercli.core import tree
from layercli.core.layer import Layer
from layercli.core.model import Model
from layercli.core.types import Tensor, TensorTree, Tree
from layercli.errors import UsageError
from layercli.runtime.distributed.process_group import Group
from layercli.runtime.execution import eager_call
from layercli.runtime.execution.layer_module import LayerModule


def is_sharded(model: Layer) -> bool:
    """Return whether ``model`` is sharded."""
    return hasattr(type(model._module), "unshard")  # an FSDPModule; importing that class takes half a second


def shard(model: Model, x: Tree, group: Group) -> None:
    """Shard the variables of ``model`` among the ranks, starting from the first rank's values; ``x`` is an example input.

    Each layer that is called itself and has variables is one FSDP unit; the remaining variables belong to the model's unit.
    UsageError if the optimizer already holds unsharded variables.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    if is_sharded(model):
        return
    if model._module is None or not model._module.ready:
        eager_call.describe(model, (x,), {})
    optimizer = model.optimizer
    if optimizer is not None and getattr(getattr(optimizer, "inner_optimizer", optimizer), "state", None) is not None:
        raise UsageError(
            f"{model.name}has already been trained and can no longer be sharded",
            hint="shard it after compile and before fit",
        )
    device = eager_call.device_of(model) or torch.device("cpu")
    with torch.no_grad():
        for tensor in (*model.module.parameters(), *model.module.buffers()):
            dist.broadcast(tensor, 0)
    mesh = init_device_mesh(device.type, (group.size,))
    for mirror in called(model, x):
        if mirror is not model.module and next(mirror.parameters(), None) is not None:
            mirror.register_forward_hook(clone_views)
            fully_shard(mirror, mesh=mesh)
    fully_shard(model.module, mesh=mesh, reshard_after_forward=True)


def clone_views(mirror: object, inputs: TensorTree, outputs: TensorTree) -> object:
    """Clone outputs that are views: in-place writes to a view would bypass FSDP's backward hook."""

    def separate(x: Tensor) -> Tensor:
        return x.clone() if isinstance(x, torch.Tensor) and x.requires_grad and x._is_view() else x

    return tree.map_structure(separate, outputs)


def called(model: Model, x: Tree) -> list[LayerModule]:
    """Return the layer modules that a call on ``x`` runs, each once, inner ones first."""
    found: dict[int, LayerModule] = {}

    def note(mirror: Any, *_: object) -> None:
        found[id(mirror)] = mirror

    hooks = [module.register_forward_hook(note) for module in model.module.modules() if isinstance(module, LayerModule)]
    try:
        with torch.no_grad():
            model(x, training=False)
    finally:
        for hook in hooks:
            hook.remove()
    return list(found.values())
