"""Save and load models: whole ones in ``.keras`` or ``.h5``; weights in ``.safetensors`` by path or ``.weights.h5`` as in Keras."""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from layercli.core.functional import Functional
from layercli.core.garbage_collection import rare_collections
from layercli.core.layer import Layer
from layercli.core.model import Model
from layercli.core.sequential import Sequential
from layercli.core.variable import Variable
from layercli.errors import FormatError, LayercliError, NotBuiltError, UsageError
from layercli.formats import detect, keras_h5, keras_h5_writer, keras_shards, safetensors
from layercli.formats.atomic import staged
from layercli.formats.keras_archive import write as write_archive
from layercli.layers.attention.base_multi_head_attention import BaseMultiHeadAttention
from layercli.runtime.distributed import collectives
from layercli.runtime.execution import layer_module, tensors
from layercli.runtime.execution import load_weights as weights
from layercli.runtime.execution.optimizer_restoring import OPTIMIZER, built, state_in
from layercli.runtime.training.trainer import trainer_of
from layercli.saving import keras_archive, keras_file, legacy_h5
from layercli.saving.deserialization import Reader
from layercli.saving.legacy_values import Converted, has_hard_sigmoid, of_owner
from layercli.saving.legacy_weights import stored
from layercli.saving.objects import serialize_keras_object
from layercli.saving.serialization import config_of
from layercli.saving.weight_paths import layers_of

Values = list[tuple[Variable, Any]]
"""Variables with the values they get."""


def save_weights(model: Model, path: str | os.PathLike[str], max_shard_size: float | None = None) -> None:
    """See Model.save_weights."""
    name = os.fspath(path)
    require_built(model)
    if max_shard_size is not None:
        index = keras_shards.index_of(name, max_shard_size)
        groups = groups_of(model)
        with collectives.is_writer_rank(model) as writes:
            if writes:
                keras_shards.write(index, groups, max_shard_size)
    elif name.endswith(".safetensors"):
        values = {key: variable.numpy() for key, variable in model.named_variables().items()}
        with collectives.is_writer_rank(model) as writes:
            if writes:
                safetensors.save(path, values)
    elif name.endswith(".weights.h5"):
        groups = groups_of(model)
        with collectives.is_writer_rank(model) as writes:
            if writes:
                with staged(path) as temporary:
                    keras_h5_writer.write(temporary, groups)
    else:
        hint = "an index, .weights.json, needs a max_shard_size" if name.endswith(".weights.json") else None
        raise UsageError(f"weights are saved to .safetensors or .weights.h5, not {name!r}", hint=hint)


def load_weights(
    model: Layer,
    path: str | os.PathLike[str],
    skip_mismatch: bool = False,
    by_name: bool | None = None,
    skipped: Collection[Any] | None = None,
) -> None:
    """See Model.load_weights."""
    if not by_name:  # layers of other names need no variables
        require_built(model)
    file = Path(path)
    if skipped is not None and not file.name.endswith((".weights.h5", ".weights.json")):
        raise UsageError(f"objects_to_skip is for .weights.h5 and .weights.json files, not {file}")
    layers = None if skipped is None else layers_of(model, skipped)
    start = detect.first_bytes(file)
    if by_name is not None and not legacy_h5.is_legacy_file(file):
        raise UsageError(f"by_name is for weights in Keras 2's layout of .h5, which {file} does not have")
    match detect.kind(file, start):
        case "keras":
            with keras_archive.opened(path) as archive:
                restore(model, archive.weights, skip_mismatch)
        case "h5":
            with keras_h5.opened(file) as groups:
                if not legacy_h5.is_legacy(groups.file):
                    groups.major = major_of(model, groups)
                elif by_name or skip_mismatch:
                    set_values(model, legacy_values(model, groups, skip_mismatch, bool(by_name)))
                    return
                restore(model, groups, skip_mismatch, layers=layers)
        case _:
            if detect.is_json(start) and keras_shards.is_index(file):
                with keras_shards.opened(file) as groups:
                    restore(model, groups, skip_mismatch, layers=layers)
                return
            if skip_mismatch:
                raise UsageError("skip_mismatch is for .h5, .weights.h5, .weights.json and .keras files")
            weights.load(model, detect.open_weights(path))


def major_of(model: Layer, groups: keras_h5.H5Groups) -> int:
    """Return the first number of the version of Keras that wrote weights for ``model``, with a warning where it must be assumed."""
    major = keras_h5.major_of(groups.file)
    if major is None and any(has_hard_sigmoid(layer) for _, layer in model.named_layers()):
        warnings.warn(
            f"{groups.where} does not say whether tf.keras or Keras 3.0 to 3.5 wrote it: it is read as tf.keras's, whose "
            "hard_sigmoid is steeper",
            stacklevel=3,
        )
        return 2
    return major or 3


def require_built(model: Layer) -> None:
    """Raise NotBuiltError if a model has no variables yet."""
    if not model.built:
        raise NotBuiltError(
            f"{model.name} has no variables yet: their shapes follow from its input",
            hint="call it on data, or build(input_shape)",
        )


def require_described(model: Layer) -> None:
    """Raise UsageError where a quantized layer is inside another layer, or a model of one's own, whose config does not say so."""
    drawn = [model]
    for layer in drawn:
        drawn += layer.layers if isinstance(layer, Sequential | Functional | BaseMultiHeadAttention) else []
    for path, layer in model.named_layers():
        if layer.quantization_mode is not None and all(layer is not each for each in drawn):
            raise UsageError(
                f"a model file cannot hold {path} in {layer.quantization_mode}: the config of what it is in makes it in floats",
                hint="save_weights saves the weights; or quantize with filters",
            )


def groups_of(model: Model, layers: Mapping[str, Layer] | None = None) -> dict[str, tuple[str, Any]]:
    """Return the content of a weight file: each layer's variables by path, and the optimizer's.

    ``layers``: what ``layers_of`` gave, if known.
    """
    layers = layers_of(model) if layers is None else layers
    groups: dict[str, tuple[str, Any]] = {path: (layer.name, arrays_of(layer)) for path, layer in layers.items()}
    optimizer = model.optimizer
    if optimizer is not None and built(optimizer):
        groups[OPTIMIZER] = (optimizer.name, [tensors.to_numpy(tensor) for _, tensor in optimizer.entries])
    return groups


def arrays_of(layer: Layer) -> Any:
    """Return what a weight file has of one layer: its variables in order, or its arrays by name."""
    if layer.has_own_layout:
        store: dict[str, object] = {}
        layer.save_own_variables(store)
        return {name: as_array(value) for name, value in store.items()}
    return layer.named_arrays() or [layer.serialized_value(variable) for variable in layer.serialized_variables]


def as_array(value: object) -> Any:
    """Return a Variable, a tensor or an array as an array."""
    if isinstance(value, Variable):
        return value.numpy()
    return tensors.to_numpy(value) if isinstance(value, torch.Tensor) else np.asarray(value)


def restore(
    model: Layer,
    groups: keras_h5.H5Groups,
    skip_mismatch: bool = False,
    values: Values | None = None,
    layers: Mapping[str, Layer] | None = None,
) -> None:
    """Set every variable from ``groups``, and the optimizer's if both have them; nothing is set unless all fit.

    With ``skip_mismatch`` layers that do not fit are left out, with a warning each. ``values`` and ``layers``: what ``values_in``
    and ``layers_of`` gave, if known.
    """
    optimizer: Any = model.optimizer if isinstance(model, Model) else None
    layers = layers_of(model) if layers is None else layers
    values = values_in(layers, groups, skip_mismatch) if values is None else values
    state = None if skip_mismatch else state_in(optimizer, groups)
    for path, layer in layers.items():
        shapes = layer.named_shapes()
        if layer.has_own_layout and not legacy_h5.is_legacy(groups.file):
            layer.load_own_variables(groups.read_all(path))
        elif shapes:
            layer.load_named_arrays({name: groups.read(path, name, shape) for name, shape in shapes.items()})
    set_values(model, values)
    if state is not None:
        optimizer.set_variables(state)


def set_values(model: Layer, values: Values) -> None:
    """Set the variables of ``model``: parameters that are still to be made are made with their values, others assigned."""
    rest = values
    if values and model._module is None:
        new = [variable for variable, _ in values if variable.owner._module is None]
        layer_module.build_module(model, ready=model._call_specs is not None, values=dict(values))
        done = {id(variable) for variable in new if variable.owner._module is not None}
        rest = [(variable, value) for variable, value in values if id(variable) not in done]
    for variable, value in rest:
        variable.assign(value)


def values_in(layers: Mapping[str, Layer], groups: keras_h5.H5Groups, skip_mismatch: bool = False) -> Values:
    """Return every variable of a model's ``layers`` with its value in ``groups``; FormatError where they do not fit."""
    if legacy_h5.is_legacy(groups.file):
        return legacy_values(layers[""], groups)
    found: Values = []
    for path, layer in layers.items():
        try:
            found += values_of(layer, path, groups)
        except FormatError as error:
            if not skip_mismatch:
                raise
            warnings.warn(f"{layer.name} keeps its values: {error}", stacklevel=2)
    return real(groups.where, found)


def legacy_values(
    model: Layer, groups: keras_h5.H5Groups, skip_mismatch: bool = False, by_name: bool = False
) -> Values:
    """Return variables of ``model`` with their values in a file of Keras 2's layout, as ``stored`` finds them."""
    held = stored(model, legacy_h5.LegacyWeights(groups), skip_mismatch=skip_mismatch, by_name=by_name)
    return real(groups.where, [(each.variable, each.read()) for each in held])


def real(where: str, values: Values) -> Values:
    """Return ``values``; FormatError where one is complex and its variable is not."""
    for variable, value in values:
        weights.check_real(where, variable.path, str(getattr(value, "dtype", "")), variable.dtype)
    return values


def values_of(layer: Layer, path: str, groups: keras_h5.H5Groups) -> list[tuple[Variable, Any]]:
    """Return the variables of one layer with their values in ``groups``; FormatError where they do not fit."""
    if layer.has_own_layout:
        return layer.reset_after_load()  # it reads the file itself, once all else is known to fit
    variables = layer.serialized_variables
    expected = len(variables) + len(layer.named_shapes())
    if groups.count(path) != expected:
        raise FormatError(
            f"{groups.where} has {groups.count(path)} variables at {path or 'its root'}, "
            f"{layer.name} ({type(layer).__name__}) has {expected}"
        )
    if groups.major < 3:
        found = values_of_keras_2(layer, path, groups)
    else:
        found = [(variable, groups.read(path, i, variable.sizes)) for i, variable in enumerate(variables)]
    return [*found, *layer.reset_after_load()]


def values_of_keras_2(layer: Layer, path: str, groups: keras_h5.H5Groups) -> list[tuple[Variable, Any]]:
    """Return the variables of a layer with their values from a tf.keras file, converted to today's layout."""
    held = {
        variable.path: Converted(
            [variable.path],
            keras_h5.place_of(path, i),
            variable.sizes,
            partial(groups.read, path, i, variable.sizes),
        )
        for i, variable in enumerate(layer.serialized_variables)
    }
    values = of_owner(layer, held, groups.major)
    return [(variable, values[variable.path].read()) for variable in layer.serialized_variables]


@rare_collections
def save(model: Model, path: str | os.PathLike[str], include_optimizer: bool = True) -> None:
    """See Model.save."""
    name = os.fspath(path)
    if not name.endswith((".keras", *detect.H5_NAMES)):
        raise UsageError(f"a model is saved to .keras or .h5, not {name!r}", hint="save_weights saves weights alone")
    require_described(model)
    described = config_of(model)
    if model._trainer is not None:
        described["compile_config"] = serialize_keras_object(model.get_compile_config())
    if name.endswith(detect.H5_NAMES):
        from layercli.runtime.execution import legacy_h5_saving

        legacy_h5_saving.save(model, path, described, include_optimizer)
        return
    layers = layers_of(model)
    groups = groups_of(model, layers)
    with collectives.is_writer_rank(model) as writes:
        if writes:
            write_archive(path, described, groups, {place: layer.assets() for place, layer in layers.items()})


@rare_collections
def load_model(
    path: str | os.PathLike[str], custom_objects: Mapping[str, object] | None = None, compile: bool = True
) -> Model:
    """See saving.load_model."""
    with keras_file.opened(path) as archive:
        reader = Reader(os.fspath(path), custom_objects)
        model = reader.model(archive.config)
        layers = layers_of(model)
        for place, layer in layers.items():
            if type(layer).load_assets is not Layer.load_assets:
                files = archive.assets(place)
                try:
                    layer.load_assets(files)
                except LayercliError as error:
                    raise FormatError(f"{os.fspath(path)}: {error}") from error
        # checked before anything of these sizes is allocated
        values = values_in(layers, archive.weights) if model.built else []
        if compile:
            reader.compile(model, archive.config.get("compile_config"))
        if model._trainer is not None and model.built:
            trainer_of(model, "load_model").prepare()
        if model.built:
            restore(model, archive.weights, values=values, layers=layers)
    return model
