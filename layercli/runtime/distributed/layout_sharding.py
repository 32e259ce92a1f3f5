"""Models whose variables are divided among the ranks as the LayoutMap of a ModelParallel says.

The parameters are DTensors, and so are gradients and the optimizer's state. A call of the model, or of a layer of it, computes with
parameters gathered for it; their gradients are averaged over the ranks and each rank takes its part.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from layercli.core.layer import Layer
from layercli.core.model import Model
from layercli.core.variable import Variable
from layercli.distribution.device_mesh import TensorLayout
from layercli.distribution.scope import distribution
from layercli.distribution.strategies import ModelParallel
from layercli.errors import UsageError
from layercli.runtime.distributed import device_meshes
from layercli.runtime.distributed.process_group import Group
from layercli.runtime.execution.layer_module import LayerModule


class Gathering(LayerModule):
    """A layer module that computes with whole parameters, of which it holds a part."""

    def __call__(self, *args: object, **kwargs: object) -> Any:
        """Gather the parameters, call the module, and take the parts back."""
        with whole_parameters(self):
            return super().__call__(*args, **kwargs)


def is_sharded(model: Layer) -> bool:
    """Return whether the variables of ``model`` are divided by layouts."""
    return isinstance(model._module, Gathering)


def shard(model: Model, joined: Group) -> None:
    """Divide the parameters of a built model as its distribution says, starting from the first rank's values.

    Nothing is done without a ModelParallel. UsageError where a layout does not fit, or the optimizer holds whole variables.
    """
    if is_sharded(model):
        return
    layouts = layouts_of(model)
    if not layouts:
        return
    optimizer = model.optimizer
    if optimizer is not None and getattr(getattr(optimizer, "inner_optimizer", optimizer), "state", None) is not None:
        raise UsageError(
            f"{model.name} has already been trained and can no longer be sharded",
            hint="set the distribution before fit",
        )
    with torch.no_grad():
        for tensor in (*model.module.parameters(), *model.module.buffers()):
            dist.broadcast(tensor, 0)
    kinds: dict[type, type] = {}
    for variable, layout in layouts:
        _shard_variable(variable, layout)
    for module in model.module.modules():
        if isinstance(module, LayerModule):
            own = type(module)
            kinds.setdefault(own, type(own.__name__, (Gathering, own), {"__module__": own.__module__}))
            module.__class__ = kinds[own]


def layouts_of(model: Model) -> list[tuple[Variable, TensorLayout]]:
    """Return the layout of each parameter of ``model``: of the distribution in whose scope it was created, else the current one."""
    found = []
    for variable in model.variables:
        followed = variable.distribution or distribution()
        if isinstance(followed, ModelParallel) and variable.made_trainable:
            found.append((variable, followed.get_variable_layout(variable)))
    return found


def _shard_variable(variable: Variable, layout: TensorLayout) -> None:
    stored = variable.stored
    if not isinstance(stored, nn.Parameter):
        return
    if len(layout.axes) != variable.ndim:
        shape = f"the shape {variable.shape}"
        raise UsageError(f"{variable.path} has {shape}, and its layout {layout.axes} has {len(layout.axes)} axes")
    axes = [layout.axes[axis] for axis in variable.layout or range(variable.ndim)]
    physical = TensorLayout(axes, layout.device_mesh)
    held = device_meshes.distribute_tensor(stored.detach(), physical)
    variable.owner.module._parameters[variable.key] = nn.Parameter(held, requires_grad=stored.requires_grad)


@contextmanager
def whole_parameters(module: nn.Module) -> Iterator[None]:
    """Put whole tensors in the place of the DTensors of all modules below, within the block."""
    held = [
        (below._parameters, key, parameter)
        for below in module.modules()
        for key, parameter in below._parameters.items()
        if hasattr(parameter, "full_tensor")
    ]
    whole: dict[int, Any] = {}
    try:
        for parameters, key, parameter in held:
            if id(parameter) not in whole:
                whole[id(parameter)] = gathered(parameter)
            parameters[key] = whole[id(parameter)]
        yield
    finally:
        for parameters, key, parameter in held:
            parameters[key] = parameter


def gathered(parameter: Any) -> torch.Tensor:
    """Return the whole of a DTensor; its gradient is the mean of the ranks' gradients of the whole."""
    whole: torch.Tensor = parameter.full_tensor()
    if whole.requires_grad:
        whole.register_hook(mean_of_ranks)  # type: ignore[no-untyped-call]  # torch does not annotate it
    return whole


def mean_of_ranks(gradient: torch.Tensor) -> torch.Tensor:
    """Return the mean of the ranks' gradients."""
    total = gradient.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total / dist.get_world_size()
