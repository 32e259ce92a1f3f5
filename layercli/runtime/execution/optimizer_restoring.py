"""The state of an optimizer from a file of Keras, in each layout that Keras wrote."""

from __future__ import annotations

from typing import Any

from layercli.errors import FormatError
from layercli.formats import keras_h5
from layercli.optimizers.slots import State
from layercli.runtime.execution import tensors
from layercli.saving import legacy_h5, legacy_optimizer

OPTIMIZER = "optimizer"


def state_in(optimizer: Any, groups: keras_h5.H5Groups) -> list[object] | None:
    """Return the variables of ``optimizer`` with their values in ``groups``; None if one is missing."""
    if optimizer is None or not built(optimizer):
        return None
    if legacy_h5.is_legacy(groups.file):
        return state_of_legacy(optimizer, legacy_h5.LegacyWeights(groups))
    if not groups.count(OPTIMIZER):
        return None
    shapes = [tuple(tensor.shape) for _, tensor in optimizer.entries]
    if groups.count(OPTIMIZER) == len(shapes) - 1 and groups.major < 3:  # tf.keras stored no learning rate there
        rate = tensors.to_numpy(optimizer.entries[1][1])
        rest = [groups.read(OPTIMIZER, i + 1, shape) for i, shape in enumerate(shapes[2:])]
        return [groups.read(OPTIMIZER, 0, ()), rate, *rest]
    if groups.count(OPTIMIZER) != len(shapes):
        raise FormatError(
            f"{groups.where} has {groups.count(OPTIMIZER)} variables of an optimizer, {optimizer.name} has {len(shapes)}"
        )
    return [groups.read(OPTIMIZER, i, shape) for i, shape in enumerate(shapes)]


def state_of_legacy(optimizer: Any, weights: legacy_h5.LegacyWeights) -> list[Any] | None:
    """Return the variables of ``optimizer`` from a file of the older layout; None if they do not match: its state is then fresh."""
    held = weights.optimizer()
    if not held:
        return None
    if held[0].steps[-1] != "iteration":
        return state_before_2_11(optimizer, weights, held)
    values = [weights.read(each) for each in held]
    if len(values) == len(optimizer.entries) - 1:  # tf.keras does not store the learning rate there
        values.insert(1, tensors.to_numpy(optimizer.entries[1][1]))
    shapes = [tuple(tensor.shape) for _, tensor in optimizer.entries]
    return values if [value.shape for value in values] == shapes else None


def state_before_2_11(
    optimizer: Any, weights: legacy_h5.LegacyWeights, held: list[legacy_h5.Weight]
) -> list[Any] | None:
    """Return the variables of ``optimizer`` from a state as Keras 2 and older tf.keras stored it; None if they do not match."""
    state = getattr(optimizer, "state", None)
    if weights.major < 2 or not isinstance(state, State):  # Keras 1 had other axes and gates apart
        return None
    kept = {entry.key: tuple(entry.tensor.shape) for entry in state.entries}
    shapes = {slot: [kept.get(f"{name}.{slot}") for name in state.names] for slot in state.slots}
    found = legacy_optimizer.found_in(held, type(optimizer).__name__, shapes)
    if found is None:
        return None
    stored = {f"{state.names[i]}.{slot}": weights.read(each) for (slot, i), each in found.items()}
    own = len(optimizer.entries) - len(state.entries)
    values = [tensors.to_numpy(tensor) for _, tensor in optimizer.entries[:own]]
    if held[0].shape == ():
        values[0] = weights.read(held[0])
    return [*values, *(stored.get(entry.key, tensors.to_numpy(entry.tensor)) for entry in state.entries)]


def built(optimizer: object) -> bool:
    """Return whether an optimizer has its state."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return getattr(inner, "state", None) is not None or getattr(inner, "members", None) is not None
