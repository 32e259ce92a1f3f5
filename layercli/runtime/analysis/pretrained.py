"""Load the weights of a checkpoint into a model; memory-map them where dtype and axis order match."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from layercli.core import dtypes
from layercli.core.variable import Variable
from layercli.errors import FormatError
from layercli.formats.safetensors import SafetensorsFile
from layercli.formats.safetensors_index import ShardedFile
from layercli.formats.weight_file import WeightFile, shapes_of
from layercli.inspect.layer_call import described
from layercli.inspect.packed_weights import quantization_settings
from layercli.inspect.unpacked_file import UnpackedFile
from layercli.inspect.unpacked_values import method_of
from layercli.models.matching import MatchingPlace, match
from layercli.models.pretrained import Pretrained
from layercli.runtime.execution import layer_module, tensors
from layercli.runtime.execution.offload import OffloadTarget, leave_on_disk


def load(model: Pretrained, file: WeightFile, value: Callable[[WeightFile, MatchingPlace], Any] | None = None) -> None:
    """Load ``file`` into a described model without state; FormatError if it does not fit.

    A parameter that is contiguous in the file is a view of the mapped file: it is read on first use and never written to.
    ``value`` returns what is held of a variable, by default all of it.
    """
    with torch.inference_mode(False), torch.no_grad():
        for place in places_in(model, file):
            keep_order(place)
            hold(place.variable, (value or value_of)(file, place))
    layer_module.build_module(model, ready=True)


def keep_order(place: MatchingPlace) -> None:
    """Let a kernel that its layer stores in its own shape be stored as in the file, where it then stays."""
    stored, variable = place.stored, place.variable
    if variable.layout is None and stored.order is not None and not stored.stacked and stored.single is None:
        variable.store_as(stored.order)


def offload(model: Pretrained, file: WeightFile, target: OffloadTarget) -> None:
    """Let every variable of a described model without state stay in ``file``; raises as ``load`` does."""
    nothing = torch.empty(0, device="meta")
    load(model, file, lambda _, place: nothing)
    for place in places_in(model, file):
        leave_on_disk(place.variable, partial(read_to, target, file, place))


def read_to(target: OffloadTarget, file: WeightFile, place: MatchingPlace) -> torch.Tensor:
    """Return the value of one variable as ``target`` wants it."""
    return target.placed(value_of(file, place))


def places_in(model: Pretrained, file: WeightFile) -> list[MatchingPlace]:
    """Return the names in ``file`` of each variable of a described model; FormatError if it does not fit."""
    found = match(model, shapes_of(file.entries))
    if found.faults:
        raise FormatError(f"{file.file} does not fit config.json: {'; '.join(found.faults)}")
    return list(found.places.values())


def restore(model: Any, checkpoint: Any) -> None:
    """Load the weights of a model folder; if it has none, initialize the model randomly."""
    if checkpoint.weights is not None:
        file = weights_of(checkpoint)
        described(model)
        load(model, file)


def weights_of(checkpoint: Any) -> WeightFile:
    """Return the weights of a folder, quantized ones as a file that unpacks each when it is read.

    FormatError for quantized weights that layercli cannot unpack.
    """
    file: WeightFile = checkpoint.weights
    if checkpoint.quantization is None:
        return file
    unknown = next((weight for weight in checkpoint.packed if method_of(weight) is None), None)
    if unknown is not None or not checkpoint.packed:
        kind = checkpoint.quantization if unknown is None else unknown.dtype
        raise FormatError(f"{checkpoint.path} holds quantized weights ({kind}), which layercli does not run")
    if checkpoint.contradiction:
        raise FormatError(f"{checkpoint.path} contradicts itself: {checkpoint.contradiction}")
    return UnpackedFile(file, checkpoint.packed, quantization_settings(checkpoint.config))


def hold(variable: Variable, value: torch.Tensor) -> None:
    """Register ``value`` as the parameter or buffer of ``variable``."""
    layer = variable.owner
    if layer._module is None:
        layer._module = layer_module.module_class(type(layer))(layer)
    if variable.made_trainable and dtypes.is_floating(variable.dtype):
        layer._module.register_parameter(variable.key, nn.Parameter(value, requires_grad=variable.trainable))
    else:
        layer._module.register_buffer(variable.key, value, persistent=variable.persistent)


def value_of(file: WeightFile, place: MatchingPlace) -> torch.Tensor:
    """Return the value of one variable in its dtype and in the axis order of the layer module."""
    variable, stacked = place.variable, place.stored.stacked
    rank = variable.ndim - stacked
    order = place.stored.order or tuple(range(rank))
    physical = [axis - stacked for axis in variable.layout or range(variable.ndim)][int(stacked) :]
    dtype = tensors.dtype_of(variable.dtype)
    parts = [tensor_of(file, name) for name in place.names]
    if place.stored.single is not None:
        parts = [part.squeeze(place.stored.single) for part in parts]
    parts = [part.permute([order.index(axis) for axis in physical]).to(dtype) for part in parts]
    return torch.stack(parts) if stacked else parts[0].contiguous()


def tensor_of(file: WeightFile, name: str) -> torch.Tensor:
    """Return an entry with the file's own dtype, memory-mapped from safetensors."""
    if isinstance(file, UnpackedFile):
        if name in file.packed:
            return tensors.as_tensor(file.read(name))
        file = file.packed_file
    holder: object = file.holder(name) if isinstance(file, ShardedFile) else file
    entry = file.entries[name]
    if not isinstance(holder, SafetensorsFile):
        return tensors.as_tensor(np.array(file.read(name)))
    values = torch.from_numpy(holder.writable(name))
    return values.view(tensors.dtype_of(entry.dtype)).reshape(entry.shape)
