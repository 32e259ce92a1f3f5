"""The variables of a layer: their initial values, or those that a Keras archive holds."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from layercli.core import seed as seeds
from layercli.core.layer import Layer
from layercli.core.naming import stem_of
from layercli.core.variable import Variable
from layercli.errors import FormatError
from layercli.formats import keras_h5
from layercli.formats.hdf5 import H5File
from layercli.inspect.variable_values import ComputedValues, EntryValues, FoundValues, InitialValues, computed_from
from layercli.inspect.variables import VariableRow, Variables

if TYPE_CHECKING:
    import numpy as np


def of_model(model: Layer, source: str, seed: int = 0) -> Variables:
    """Return the variables of a built model, with initial values determined by ``seed``."""
    rows = [unpacked_int4(of_variable(model, path, v, seed), v) for path, v in model.named_variables().items()]
    return Variables(source, rows)


def of_variable(model: Layer, path: str, variable: Variable, seed: int) -> VariableRow:
    """Return the row of the variable at ``path`` in ``model``."""

    def draw() -> np.ndarray:
        array: np.ndarray = variable.initial_value(seeds.generator(seeds.seeded_path(f"{stem_of(model)}/{path}", seed)))
        return array

    return VariableRow(
        path=path,
        shape=tuple(int(size) for size in variable.shape),
        dtype=variable.dtype,
        trainable=variable.trainable,
        parameters=int(variable.size),
        bytes=int(variable.spec.bytes),
        initializer=getattr(variable.initializer, "__name__", None) or str(variable.initializer),
        values=ComputedValues(draw, InitialValues(int(variable.size), int(variable.spec.bytes))),
    )


def of_archive(model: Layer, path: str) -> Variables:
    """Return the variables of the model in a ``.keras`` file; values are read when requested."""
    from layercli.saving import keras_file
    from layercli.saving.weight_paths import layers_of

    if keras_file.is_hdf5(path):
        return of_legacy(model, path)
    places = {
        id(variable): keras_h5.place_of(place, i)
        for place, layer in layers_of(model).items()
        for i, variable in enumerate(layer.serialized_variables)
    }
    file = lru_cache(lambda: H5File(path, archived=True))

    def row(name: str, variable: Variable) -> VariableRow:
        def found() -> EntryValues:
            place = places[id(variable)]
            place = place if place in file().entries else keras_h5.older(place)
            if place not in file().entries:
                raise FormatError(f"{path} has no {place}")
            if file().entries[place].shape != variable.shape:
                shape = file().entries[place].shape
                raise FormatError(f"{place} in {path} has the shape {shape}, the model's is {variable.shape}")
            return EntryValues(file(), place)

        return replace(of_variable(model, name, variable, 0), values=FoundValues(found))

    held = [(name, variable) for name, variable in model.named_variables().items() if id(variable) in places]
    return Variables(path, [unpacked_int4(row(name, variable), variable) for name, variable in held])


def unpacked_int4(row: VariableRow, variable: Variable) -> VariableRow:
    """Return the row of a variable whose bytes are two integers of 4 bits each as those integers; another one unchanged."""
    if variable.unpacked is None:
        return row
    shape, axis = variable.unpacked

    def read() -> np.ndarray:
        import numpy as np

        held = row.read().astype(np.uint8, casting="unsafe")
        halves = [(half.astype(np.int8) ^ 8) - 8 for half in (held & 15, held >> 4)]
        pairs = np.stack(halves, axis + 1)
        whole = pairs.reshape([size * 2 if i == axis else size for i, size in enumerate(held.shape)])
        return whole.take(range(shape[axis]), axis)

    return replace(
        row, shape=shape, dtype="int4", parameters=variable.parameters, values=computed_from(row.values, read)
    )


def of_legacy(model: Layer, path: str) -> Variables:
    """Return the variables of the model in a file of the layout before ``.keras``, like ``of_archive``."""
    from layercli.saving.legacy_h5 import LegacyWeights
    from layercli.saving.legacy_weights import Stored, stored

    def row(name: str, variable: Variable) -> VariableRow:
        each: Stored = found[variable]
        return replace(of_variable(model, name, variable, 0), values=ComputedValues(each.read))

    with keras_h5.opened(Path(path)) as groups:
        found = {each.variable: each for each in stored(model, LegacyWeights(groups))}
    return Variables(path, [row(name, variable) for name, variable in model.named_variables().items()])
