"""Compute small tensors of an ONNX graph that are known without running it: sizes, axes, and arithmetic on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from layercli.core.types import Config

MOST = 1024
"""The maximum number of elements of a tensor to compute: tensors of sizes are small."""


def computed(op: str, inputs: list[Any], settings: dict[str, object], version: int) -> list[np.ndarray] | None:
    """Return the outputs of an operator for known inputs (None for a missing one), or None if they cannot be computed here."""
    rule = RULES.get(op)
    if rule is None:
        return None
    try:
        with np.errstate(all="ignore"):
            found = rule(inputs, settings, version)
    except Exception:  # a file may be invalid: results that numpy cannot compute are unknown
        return None
    outputs = [np.asarray(x) for x in (found if isinstance(found, list) else [found])]
    return outputs if all(x.size <= MOST for x in outputs) else None


def axes_in(inputs: list[Any], settings: Config) -> tuple[int, ...] | None:
    """Return the axes of an operator: its second input since opset 13, an attribute before."""
    given = inputs[1] if len(inputs) > 1 and inputs[1] is not None else settings.get("axes")
    return None if given is None else tuple(int(axis) for axis in np.ravel(given))


def unsqueezed(inputs: list[Any], settings: dict[str, object], version: int) -> object:
    """Return the first input with axes of size one inserted."""
    return np.expand_dims(inputs[0], axes_in(inputs, settings) or ())


def squeezed(inputs: list[Any], settings: dict[str, object], version: int) -> object:
    """Return the first input with axes of size one removed."""
    return np.squeeze(inputs[0], axes_in(inputs, settings))


def sliced(inputs: list[Any], settings: Config, version: int) -> object:
    """Return a slice of the first input."""
    if version < 10:
        starts, ends, axes, steps = settings["starts"], settings["ends"], settings.get("axes"), None
    else:
        starts, ends, axes, steps = [*inputs[1:], None, None][:4]
    axes = range(len(starts)) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    places = [slice(None)] * inputs[0].ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        places[int(axis)] = slice(int(start), None if step < 0 and end < -len(inputs[0]) else int(end), int(step))
    return inputs[0][tuple(places)]


def reshaped(inputs: list[Any], settings: dict[str, object], version: int) -> object:
    """Return the first input in another shape, where 0 keeps a size."""
    sizes = [
        inputs[0].shape[i] if size == 0 and not settings.get("allowzero") else int(size)
        for i, size in enumerate(inputs[1])
    ]
    return inputs[0].reshape(sizes)


def filled(inputs: list[Any], settings: Config, version: int) -> np.ndarray:
    """Return a tensor filled with one value."""
    value = settings.get("value")
    if np.prod(inputs[0]) > MOST:
        raise OverflowError
    return np.full(tuple(inputs[0]), np.float32(0) if value is None else value.reshape(-1)[0])


def ranged(inputs: list[Any], settings: Mapping[str, object], version: int) -> np.ndarray:
    """Return evenly spaced numbers."""
    start, limit, step = (x.item() for x in inputs)
    if (limit - start) / step > MOST:
        raise OverflowError
    return np.arange(start, limit, step).astype(inputs[0].dtype)


def divided(inputs: list[Any], settings: dict[str, object], version: int) -> Any:
    """Return a quotient; integers are rounded towards zero."""
    left, right = inputs
    if left.dtype.kind == "f":
        return left / right
    return (np.sign(left) * np.sign(right) * (abs(left) // abs(right))).astype(left.dtype)


def split(inputs: list[Any], settings: Config, version: int) -> list[np.ndarray]:
    """Return the parts of the first input."""
    axis, given = settings.get("axis", 0), inputs[1] if len(inputs) > 1 else settings.get("split")
    parts: Any = settings["outputs"] if given is None else np.cumsum(given)[:-1]
    return list(np.array_split(inputs[0], parts, axis) if given is None else np.split(inputs[0], parts, axis))


def reduced(function: Callable[..., object]) -> Callable[[list[Any], dict[str, Any], int], Any]:
    """Return the function of an operator that reduces axes."""
    return lambda inputs, settings, _: function(
        inputs[0], axis=axes_in(inputs, settings), keepdims=bool(settings.get("keepdims", 1))
    )


def elementwise(function: Callable[..., object]) -> Callable[[list[Any], dict[str, Any], int], Any]:
    """Return the function of an elementwise operator; the result has the dtype of the first input."""
    return lambda inputs, _, __: np.asarray(function(*inputs)).astype(inputs[0].dtype)


def compared(function: Callable[..., object]) -> Callable[[list[Any], dict[str, Any], int], Any]:
    """Return the function of an operator with boolean results."""
    return lambda inputs, _, __: function(*inputs)


RULES: dict[str, Callable[[list[Any], dict[str, Any], int], Any]] = {
    "Identity": lambda inputs, _, __: inputs[0],
    "Cast": lambda inputs, settings, _: inputs[0].astype(settings["to"]),
    "Concat": lambda inputs, settings, _: np.concatenate(inputs, settings.get("axis", 1)),
    "Gather": lambda inputs, settings, _: np.take(inputs[0], inputs[1], settings.get("axis", 0)),
    "Unsqueeze": unsqueezed,
    "Squeeze": squeezed,
    "Slice": sliced,
    "Split": split,
    "Reshape": reshaped,
    "Transpose": lambda inputs, settings, _: np.transpose(inputs[0], settings.get("perm")),
    "Expand": lambda inputs, _, __: inputs[0] * np.ones([int(n) for n in inputs[1]], inputs[0].dtype),
    "Tile": lambda inputs, _, __: np.tile(inputs[0], inputs[1]),
    "ConstantOfShape": filled,
    "Range": ranged,
    "Where": lambda inputs, _, __: np.where(*inputs),
    "Add": elementwise(np.add),
    "Sub": elementwise(np.subtract),
    "Mul": elementwise(np.multiply),
    "Div": divided,
    "Mod": elementwise(np.mod),
    "Pow": elementwise(np.power),
    "Neg": elementwise(np.negative),
    "Abs": elementwise(np.abs),
    "Sqrt": elementwise(np.sqrt),
    "Floor": elementwise(np.floor),
    "Ceil": elementwise(np.ceil),
    "Min": elementwise(lambda *inputs: np.min(np.broadcast_arrays(*inputs), 0)),
    "Max": elementwise(lambda *inputs: np.max(np.broadcast_arrays(*inputs), 0)),
    "Equal": compared(np.equal),
    "Less": compared(np.less),
    "Greater": compared(np.greater),
    "LessOrEqual": compared(np.less_equal),
    "GreaterOrEqual": compared(np.greater_equal),
    "Not": compared(np.logical_not),
    "And": compared(np.logical_and),
    "Or": compared(np.logical_or),
    "ReduceProd": reduced(np.prod),
    "ReduceSum": reduced(np.sum),
    "ReduceMax": reduced(np.max),
    "ReduceMin": reduced(np.min),
}
