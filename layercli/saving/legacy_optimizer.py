"""The state of an optimizer as Keras 1 and 2, and tf.keras before 2.11, stored it: all values of one kind, then all of the next.

First come scalars, the number of updates first. Names tell the kinds in tf.keras (``Adam/dense/kernel/m:0``), the order in Keras.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from layercli.saving.legacy_h5 import Weight

KINDS: dict[str, dict[str, str]] = {
    "SGD": {"momentum": "momentum"},
    "RMSprop": {"rms": "velocity", "momentum": "momentum", "mg": "average_gradient"},
    "Adam": {"m": "momentum", "v": "velocity", "vhat": "velocity_hat"},
    "Adamax": {"m": "momentum", "v": "norm"},
    "Nadam": {"m": "momentum", "v": "velocity"},
    "Adagrad": {"accumulator": "accumulator"},
    "Adadelta": {"accum_grad": "accumulated_grad", "accum_var": "accumulated_delta_var"},
    "Ftrl": {"accumulator": "accumulator", "linear": "linear"},
}
"""For each optimizer the kinds of values in their order: what tf.keras called them, and what Keras 3 calls them."""

Shapes = Mapping[str, Sequence[tuple[int, ...] | None]]


def found_in(held: Sequence[Weight], optimizer: str, wanted: Shapes) -> dict[tuple[str, int], Weight] | None:
    """Return the array of each kind and parameter, by ``wanted``: the shapes of each kind in Keras 3's words; None if one lacks.

    ``optimizer`` is the name of its class.
    """
    names, arrays = KINDS.get(optimizer, {}), [each for each in held if each.shape != ()]
    count = max(map(len, wanted.values()), default=0)
    kinds: dict[str, list[Weight]] = {}
    if arrays and all(each.steps[-1] in names for each in arrays):
        for each in arrays:
            kinds.setdefault(names[each.steps[-1]], []).append(each)
    else:
        for i, kind in enumerate(names.values()):
            kinds[kind] = arrays[i * count : (i + 1) * count]
    found: dict[tuple[str, int], Weight] = {}
    for kind, shapes in wanted.items():
        given = kinds.get(kind, [])
        if [each.shape for each in given] != list(shapes):
            return None
        found |= {(kind, i): each for i, each in enumerate(given)}
    return found
