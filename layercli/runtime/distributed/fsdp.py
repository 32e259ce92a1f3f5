"""Models whose variables are shared out among the ranks: torch's fully_shard, layer by layer."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist

from layercli.core import tree
from layercli.core.layer import Layer
from layercli.core.model import Model
from layercli.errors import UsageError
from layercli.runtime.distributed.process_group import Group
from layercli.runtime.execution import eager_call
from layercli.runtime.execution.layer_module import LayerModule


def is_sharded(model: Layer) -> bool:
    """Return whether ``model`` is shared out among the ranks."""
    return hasattr(type(model._module), "unshard")  # an FSDPModule; to import that class takes half a second


def shard(model: Model, x: Any, group: Group) -> None:
    """Share the variables of ``model`` out among the ranks, as the first rank has them; ``x`` is an input to call it on.

    Each layer that is called itself and has variables is one unit, put together just while it computes; what is left is
    the model's own. UsageError for a model whose optimizer holds whole variables already.
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
            f"{model.name} has been trained already, and cannot be sharded any more",
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


def clone_views(mirror: Any, inputs: Any, outputs: Any) -> Any:
    """Return a unit's outputs, views copied: written over, a view would not tell FSDP that backward has come to it."""

    def separate(x: Any) -> Any:
        return x.clone() if isinstance(x, torch.Tensor) and x.requires_grad and x._is_view() else x

    return tree.map_structure(separate, outputs)


def called(model: Model, x: Any) -> list[LayerModule]:
    """Return the mirrors that a call on ``x`` runs, each once, inner ones first; others lend their variables to these."""
    found: dict[int, LayerModule] = {}

    def note(mirror: Any, *_: Any) -> None:
        found[id(mirror)] = mirror

    hooks = [module.register_forward_hook(note) for module in model.module.modules() if isinstance(module, LayerModule)]
    try:
        with torch.no_grad():
            model(x, training=False)
    finally:
        for hook in hooks:
            hook.remove()
    return list(found.values())
