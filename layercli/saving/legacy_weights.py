"""Which array of a file in the older layout each variable of a model has: layer by layer, by names or by order."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from layercli.core.layer import Layer
from layercli.core.model import Model
from layercli.core.variable import Variable
from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.saving.legacy_h5 import LegacyWeights, Weight
from layercli.saving.legacy_values import Converted, gathered, of_owner

Owners = dict[Variable, tuple[str, ...]]
"""For each variable the names of the layers it is in."""


@dataclass(frozen=True)
class Stored:
    """The value of a variable in a file: where it is, its shape once it is converted, and how it is read."""

    variable: Variable
    place: str
    shape: tuple[int, ...]
    read: Callable[[], Any]


def stored(model: Layer, weights: LegacyWeights, *, skip_mismatch: bool = False, by_name: bool = False) -> list[Stored]:
    """Return every variable of ``model`` with its value in ``weights``; FormatError where they do not fit.

    With ``by_name`` only the layers of a name that the file has. With ``skip_mismatch`` a variable of another shape is left out
    with a warning, and with both of them a layer with another number of variables.
    """
    pairs = named_alike(model, weights) if by_name else matched(model, weights)
    found = []
    for layer, arrays in pairs:
        with _skipped(layer, skip_mismatch and by_name):
            for each in _of_layer(layer, arrays, weights):
                with _skipped(layer, skip_mismatch):
                    _check_shape(each, weights)
                    found.append(each)
    return found


@contextmanager
def _skipped(layer: Layer, skip_mismatch: bool) -> Iterator[None]:
    """Warn of a FormatError in place of raising it, where ``skip_mismatch`` is true."""
    try:
        yield
    except FormatError as error:
        if not skip_mismatch:
            raise
        warnings.warn(f"{layer.name} keeps what does not fit: {error}", stacklevel=2)


def _check_shape(each: Stored, weights: LegacyWeights) -> None:
    if each.shape != each.variable.sizes:
        raise FormatError(
            f"{each.place} in {weights.where} has the shape {each.shape}, the model's is {each.variable.sizes}"
        )


def named_alike(model: Layer, weights: LegacyWeights) -> list[tuple[Layer, list[Weight]]]:
    """Return the layers of ``model`` that the file has by their names, with the arrays of each."""
    layers = {layer.name: layer for layer in model.layers}
    return [(layers[name], arrays) for name, arrays in weights.layers.items() if name in layers]


def matched(model: Layer, weights: LegacyWeights) -> list[tuple[Layer, list[Weight]]]:
    """Return the layers of ``model`` that have variables with the arrays of each: by names if they are the same, else by order."""
    layers = {layer.name: layer for layer in model.layers if layer.variables}
    held = {name: arrays for name, arrays in weights.layers.items() if arrays}
    if len(layers) != len(held):
        raise FormatError(
            f"{weights.where} has weights of {len(held)} layers, {model.name} has {len(layers)} with variables"
        )
    if set(layers) == set(held):
        pairs = [(layer, held[name]) for name, layer in layers.items()]
    else:
        pairs = list(zip(layers.values(), held.values(), strict=True))
    own = model.own_variables if isinstance(model, Model) else []
    if len(own) != len(weights.own):
        raise FormatError(
            f"{weights.where} has {len(weights.own)} variables at its top level, {model.name} has {len(own)}"
        )
    return pairs


def _of_layer(layer: Layer, arrays: list[Weight], weights: LegacyWeights) -> Iterator[Stored]:
    """Yield the variables of a layer with their values."""
    given = gathered(layer, [Converted.of(each, weights) for each in arrays], weights.major)
    variables = layer.variables
    if len(variables) != len(given):
        raise FormatError(
            f"{weights.where} has {len(given)} arrays for {layer.name} ({type(layer).__name__}), "
            f"which has {len(variables)} variables"
        )
    owners = owners_of(layer)
    candidates = dict.fromkeys(tuple(order) for order in orders(layer, given, owners))
    best = max(candidates, key=lambda order: agreement(owners, order, given))
    ordered = list(best)
    for variable, each in zip(ordered, finished(ordered, given, layer, weights), strict=True):
        yield Stored(variable, each.place, each.shape, each.read)


def orders(layer: Layer, given: list[Converted], owners: Owners) -> Iterator[list[Variable]]:
    """Yield the orders in which a file may have a layer's variables: as Keras does, trainable ones first, before others."""
    walks = [layer.variables, list(dict.fromkeys(_below(layer)))]
    for found in walks:
        yield sorted(found, key=lambda variable: not variable.trainable)
        yield found
        yield sorted(found, key=lambda variable: not variable.made_trainable)
    yield by_names(layer, given, owners)


def _below(layer: Layer) -> Iterator[Variable]:
    yield from layer.own_variables
    for each in layer.layers:
        yield from _below(each)


def by_names(layer: Layer, given: list[Converted], owners: Owners) -> list[Variable]:
    """Return the variables in the order of the arrays whose names and shapes are theirs, as far as there are such."""
    left = dict.fromkeys(layer.variables)
    found = []
    for each in given:
        best = max(left, key=lambda variable: _likeness(owners, variable, each))
        found.append(best)
        del left[best]
    return found


def owners_of(layer: Layer) -> Owners:
    """Return for each variable the names of the layers it is in."""
    return dict(_owned(layer, ()))


def _owned(layer: Layer, above: tuple[str, ...]) -> Iterator[tuple[Variable, tuple[str, ...]]]:
    names = (*above, layer.name)
    for variable in layer.own_variables:
        yield variable, names
    for each in layer.layers:
        yield from _owned(each, names)


def _likeness(owners: Owners, variable: Variable, given: Converted) -> int:
    """Return how much speaks for an array being a variable's."""
    *steps, name = given.steps
    return (
        8 * (variable.sizes == given.shape)
        + 4 * (name == variable.key)
        + 2 * bool(steps and steps[-1] == owners[variable][-1])
        + bool(set(steps) & set(owners[variable]))
    )


def agreement(owners: Owners, order: Sequence[Variable], given: list[Converted]) -> int:
    """Return how much speaks for a layer's variables having this order in a file."""
    return sum(_likeness(owners, variable, each) for variable, each in zip(order, given, strict=True))


def finished(order: list[Variable], given: list[Converted], layer: Layer, weights: LegacyWeights) -> list[Converted]:
    """Return the arrays as the variables want them, layer by layer within ``layer``."""
    owners: dict[int, tuple[Layer, dict[str, int]]] = {}
    by_variable = {variable: below for _, below in layer.named_layers() for variable in below.own_variables}
    for i, variable in enumerate(order):
        owner = by_variable[variable]
        owners.setdefault(id(owner), (owner, {}))[1][variable.key] = i
    found = list(given)
    for owner, places in owners.values():
        values = of_owner(owner, {name: given[i] for name, i in places.items()}, weights.major, weights.backend)
        for name, i in places.items():
            found[i] = values[name]
    return found
