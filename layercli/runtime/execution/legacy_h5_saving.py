"""Save whole models as ``.h5`` in Keras 2's layout; see ``saving/legacy_h5_writer``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from layercli.core.model import Model
from layercli.core.variable import Variable
from layercli.errors import UsageError
from layercli.formats.atomic import make_folder_of, staged
from layercli.runtime.distributed import collectives
from layercli.runtime.execution import tensors
from layercli.runtime.execution.optimizer_restoring import built
from layercli.saving import legacy_h5_writer
from layercli.saving.weight_paths import layers_of


def save(model: Model, path: str | os.PathLike[str], described: Mapping[str, object], include_optimizer: bool) -> None:
    """Write a model whose config is ``described`` to ``.h5``, a layer's trainable variables before others."""
    for layer in layers_of(model).values():
        if layer.assets():
            raise UsageError(f"an .h5 file cannot hold the vocabulary of {layer.name}", hint="save the model to .keras")
    names = {id(variable): f"{model.name}/{key}" for key, variable in model.named_variables().items()}

    def arrays(variables: Iterable[Variable]) -> list[tuple[str, Any]]:
        ordered = sorted(variables, key=lambda variable: not variable.trainable)
        return [(names[id(variable)], variable.numpy()) for variable in ordered]

    layers, own = {layer.name: arrays(layer.variables) for layer in model.layers}, arrays(model.own_variables)
    optimizer = model.optimizer
    state = None
    if include_optimizer and optimizer is not None and built(optimizer):
        state = [(f"{optimizer.name}/{key}", tensors.to_numpy(tensor)) for key, tensor in optimizer.entries]
    with collectives.is_writer_rank(model) as writes:
        if writes:
            make_folder_of(path)
            with staged(path) as temporary:
                legacy_h5_writer.write_model(temporary, described, layers, own, state)
