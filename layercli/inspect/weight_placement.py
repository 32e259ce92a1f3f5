"""Where the weights of a folder are in inference, beside the device: in their file until they are used, or shared among ranks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from layercli.core import dims
from layercli.core.dims import Size
from layercli.inspect.liveness import IN_USE, Storage
from layercli.inspect.model_graph import ModelGraph, ValueKind

Shares: TypeAlias = Mapping[str, int]
"""How many elements of each variable a rank has, by its path."""
SharesOf: TypeAlias = Callable[[int], Shares]
"""The shares among so many ranks; UsageError where the model cannot be shared among them."""
HELD = (ValueKind.PARAMETER, ValueKind.BUFFER)


def shared_bytes(graph: ModelGraph, shares: Shares) -> Size:
    """Return the bytes of the weights that the first rank has."""
    return dims.total(
        value.bytes * shares[value.path] // value.spec.size if value.path in shares else value.bytes
        for value in graph.variables_below()
    )


def read_when_used(graph: ModelGraph) -> list[Storage]:
    """Return the weights of each call, which are read for it and freed after it."""
    found = []
    for i, call in enumerate(graph.calls):
        for index in dict.fromkeys(graph.values[each].storage for each in call.inputs):
            value = graph.values[index]
            if value.kind in HELD:
                found.append(Storage(index, value.spec.bytes, i, i, IN_USE))
    return found
