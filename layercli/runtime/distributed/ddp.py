"""Train the same model on every rank: DistributedDataParallel wraps the layer module during fit."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from layercli.core.model import Model
from layercli.runtime.execution import eager_call
from layercli.runtime.execution.layer_module import LayerModule
from layercli.runtime.execution.training_modes import mode


class Replicated(LayerModule):
    """A layer module whose training calls go through DDP, which averages the gradients; ``through`` is the wrapper."""

    def __call__(self, *args: object, **kwargs: object) -> Any:
        """Call the DDP wrapper, which calls this module again to compute."""
        held = self.__dict__
        if held["inside"] or not torch.is_grad_enabled():
            return super().__call__(*args, **kwargs)
        held["inside"] = True
        try:
            return held["through"](*args, **kwargs)
        finally:
            held["inside"] = False


@contextmanager
def replicated(model: Model, unused: set[int]) -> Iterator[None]:
    """Average the gradients of ``model`` over the ranks within the block; all ranks start with the first rank's weights.

    ``unused`` are the ids of parameters without gradients, which DDP must not wait for. Buffers stay local to each rank.
    """
    module = model.module
    with torch.no_grad():
        for variable in model.non_trainable_variables:
            dist.broadcast(variable.stored, 0)
    buffers = [name for name, _ in module.named_buffers()]
    left_out = buffers + [name for name, parameter in module.named_parameters() if id(parameter) in unused]
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(module, left_out)  # type: ignore[no-untyped-call]
    device = eager_call.device_of(model)
    if device is None or device.type == "cpu":
        warn_of_idle_gpus(model)
    places = [device] if device is not None and device.type == "cuda" else None
    wrapper = DistributedDataParallel(module, device_ids=places, gradient_as_bucket_view=True)
    module.__dict__.update(
        through=wrapper, inside=False
    )  # set in __dict__: DDP contains this module and must not be registered as its submodule
    own, module.__class__ = type(module), Replicated
    try:
        yield
    finally:
        module.__class__ = own
        del module.__dict__["through"], module.__dict__["inside"]


def warn_of_idle_gpus(model: Model) -> None:
    """Warn, on the first rank, that a model trains on the CPU though its ranks have joined with a GPU each."""
    if dist.get_rank() == 0 and "nccl" in str(dist.get_backend_config()):
        text = f"{model.name} trains on the CPU, and each rank has a GPU: call model.module.to('cuda') before fit"
        warnings.warn(text, stacklevel=2)


def without_gradient(model: Model, data: Any) -> set[int]:
    """Return the ids of the trainable parameters that the loss of a batch does not depend on; the model is unchanged."""
    x, y, weight = (*data, None, None)[:3]
    module: LayerModule = model.module
    buffers = [(buffer, buffer.clone()) for buffer in module.buffers()]
    device = eager_call.device_of(model)
    fork = torch.random.fork_rng([device] if device is not None and device.type == "cuda" else [])
    with fork, torch.enable_grad(), mode(module, True):
        loss = model.compute_loss(x, y, model(x, training=True), weight)
    with torch.no_grad():
        for buffer, before in buffers:
            buffer.copy_(before)
    return {id(variable.stored) for variable in model.trainable_variables} - reached(loss)


def reached(loss: torch.Tensor) -> set[int]:
    """Return the ids of the leaf tensors that a loss depends on."""
    found: set[int] = set()
    seen: set[Any] = set()
    ahead = [loss.grad_fn]
    while ahead:
        node = ahead.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found.add(id(node.variable))
        ahead += [following for following, _ in node.next_functions]
    return found
