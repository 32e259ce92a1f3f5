"""Where the weights of a folder are that are too many for one device: in their files, or shared among ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from layercli.errors import UsageError
from layercli.inspect.layer_call import described
from layercli.inspect.model_loader import ModelSource
from layercli.models.pretrained import Pretrained
from layercli.runtime.analysis import pretrained
from layercli.runtime.execution import device as devices
from layercli.runtime.execution import tensors
from layercli.runtime.execution.offload import OffloadTarget

if TYPE_CHECKING:
    from layercli.runtime.distributed.process_group import Group
    from layercli.runtime.inference.prepared_model import RunSettings


def device_of(settings: RunSettings) -> torch.device:
    """Return the device; a rank of torchrun has its own GPU."""
    asked = devices.resolve(settings.device)
    if asked.type == "cpu" or ":" in settings.device:
        return asked
    from layercli.runtime.distributed import process_group

    return process_group.device_of_rank() if process_group.launched() else asked


def place(subject: ModelSource, settings: RunSettings) -> None:
    """Place the weights as ``settings`` asks; UsageError for a model that is no folder with weights."""
    option, model, checkpoint = "--shard" if settings.shard else "--offload", subject.model, subject.checkpoint
    check(settings)
    if checkpoint is None or checkpoint.weights is None or not isinstance(model, Pretrained):
        raise UsageError(f"{option} is for Hugging Face folders with weights, which {subject.name} is not")
    weights, device = pretrained.weights_of(checkpoint), device_of(settings)
    if settings.shard:
        from layercli.runtime.distributed import tensor_parallel

        tensor_parallel.load(model, weights, group_of(device), device.type)
        return
    described(model)
    dtype = None if settings.dtype is None else tensors.dtype_of(settings.dtype)
    pretrained.offload(model, weights, OffloadTarget(device, dtype))


def group_of(device: torch.device) -> Group:
    """Return the ranks that torchrun started; UsageError for a process on its own."""
    from layercli.runtime.distributed import process_group

    if not process_group.launched():
        raise UsageError(
            "--shard shares a model out among ranks, and there is only this process",
            hint="torchrun --nproc-per-node 2 -m layercli run ... --shard",
        )
    return process_group.join("gloo" if device.type == "cpu" else None)


def check(settings: RunSettings) -> None:
    """Raise UsageError for settings that do not go together."""
    others: dict[str, Any] = {"--weights": settings.weights, "--compile": settings.compile, "--fuse": settings.fuse}
    option = "--shard" if settings.shard else "--offload"
    for name, value in {**others, "--offload": settings.offload and settings.shard}.items():
        if value:
            raise UsageError(f"{option} does not go with {name}")
