"""Operations in a file's config as functions: only those of a fixed list are ever made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from layercli import ops
from layercli.core import dtypes
from layercli.core.limits import PARTS
from layercli.core.naming import snake_case
from layercli.core.operation import Op, find_operation
from layercli.core.types import ConfigLike, Tensor
from layercli.errors import FormatError
from layercli.ops.nn import activation_functions
from layercli.saving.operation_names import MODULE_OF, OTHER_NAMES, OURS, READ, READ_NAMES

SILENT = {"initial": None, "decimals": 0, "dtype": None, "constant_values": None}
"""Settings we lack that say nothing where they have this value."""


def operation(where: str, described: Mapping[str, object]) -> Callable[..., Any]:
    """Return the function that a config of an operation describes, to be called as in Keras; FormatError for an unknown one."""
    name, settings = str(described["class_name"]), described.get("config")
    if not isinstance(settings, Mapping):
        raise FormatError(f"{where} describes a {name} without its config")
    own = {key: value for key, value in settings.items() if key != "name"}
    if described.get("module") == OURS:
        return _of_ours(where, name, own)
    if name not in MODULE_OF and name not in READ_NAMES:
        raise FormatError(f"{where} holds the operation {name}, which layercli does not have")
    own = {key: value for key, value in own.items() if key not in SILENT or value != SILENT[key]}
    function = _functions(name)

    def call(*args: object, **kwargs: object) -> Any:
        given = {key: value for key, value in kwargs.items() if value is not None}
        return function(*args, **own, **given)

    _check_parts(where, own)
    return call


def _functions(name: str) -> Callable[..., Any]:
    """Return our function for a class of Keras's, taking its settings by Keras's names."""
    if name == "Einsum":
        return lambda *operands, subscripts: ops.einsum(subscripts, *operands)
    if name == "GetItem":
        return lambda x, key: ops.getitem(x, tuple(key) if isinstance(key, list) else key)
    if name in WITH_OWN_SETTINGS:
        return WITH_OWN_SETTINGS[name]
    if name in READ["keras.src.ops.image"].split():
        drawn: Callable[..., Any] = getattr(ops.image, snake_case(name))
        return drawn
    found: Callable[..., Any] = getattr(ops, OTHER_NAMES.get(name, snake_case(name)))
    return found


def _batch_normalization(
    x: Tensor, mean: Tensor, variance: Tensor, offset: Tensor | None = None, scale: Tensor | None = None, **own: Any
) -> object:
    return ops.batch_normalization(x, mean, variance, offset=offset, scale=scale, **own)


WITH_OWN_SETTINGS: dict[str, Callable[..., Any]] = {
    "ReLU": activation_functions.relu,
    "BatchNorm": _batch_normalization,
}
"""The operations whose function here takes other settings, or in another order, than Keras's class."""


def _of_ours(where: str, name: str, settings: Mapping[str, object]) -> Callable[..., Any]:
    """Return the operation of one of our own classes."""
    for module in (*dict.fromkeys(ops.MODULE_OF.values()), *OTHER_MODULES):
        import_module(f"{OURS}.{module}")
    kind = find_operation(name)
    if kind is None:
        raise FormatError(f"{where} holds the operation {name}, which layercli does not have")
    made: Op = kind(**{key: _setting(value) for key, value in settings.items()})
    _check_parts(where, settings)
    return made


OTHER_MODULES = (
    "image.affine",
    "image.crop_windows",
    "image.filters",
    "image.flip",
    "image.rescale",
    "image.resize",
    "image.scale_translate",
    "image.warp",
    "nn.activations",
    "nn.attention",
    "nn.batch_norm_stats",
    "nn.category_encoding",
    "nn.conv_transpose",
    "nn.convolution",
    "nn.embedding",
    "nn.normalization",
    "nn.pooling",
    "nn.rnn",
    "nn.rotary_embedding",
    "nn.time_folding",
    "numpy.einsum",
    "numpy.linear",
    "random.dropout",
)
"""The modules of operations without public functions."""


def _setting(value: object) -> object:
    """Return a setting that ``operation_serialization`` wrote."""
    return tuple(_setting(item) for item in value) if isinstance(value, list) else literal(value)


def literal(value: object) -> object:
    """Return what a dict in a file stands for where it is a slice, an ellipsis or an array; anything else as it is."""
    match value:
        case {"class_name": "__slice__", "config": {"start": start, "stop": stop, "step": step}}:
            return slice(start, stop, step)
        case {"class_name": "__ellipsis__"}:
            return ...
        case {"class_name": "__numpy__" | "__tensor__", "config": {"value": held, "dtype": str(dtype)}}:
            import numpy as np

            return np.asarray(held, np.dtype(dtypes.name_of(dtype)))
    return value


def _check_parts(where: str, settings: ConfigLike) -> None:
    parts = settings.get("indices_or_sections", settings.get("parts"))
    for count in (parts, settings.get("n"), settings.get("times")):
        if type(count) is int:
            PARTS.check(where, count)
