"""From a config of Keras 1 or 2 to the config that Keras 3 writes of the same model: plain data to plain data.

Keras 2 called arguments by other names, wrote an axis as a list of one, and described calls as lists; a Sequential was once a
list of layers. What has no counterpart in Keras 3 is a FormatError, unless it says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import layercli.layers
from layercli.core.types import Config
from layercli.errors import FormatError
from layercli.saving import operation_names
from layercli.saving.functional_deserialization import MODELS
from layercli.saving.legacy_keras_1 import graph_of_branches, modern, parts
from layercli.saving.legacy_keras_nodes import Renumbered, nodes
from layercli.saving.legacy_keras_operations import OP_LAYERS, op_layer

FUNCTIONAL, LAYERS = "keras.src.models.functional", "keras.layers"
RENAMED = {"BatchNormalizationV1": "BatchNormalization", "BatchNormalizationV2": "BatchNormalization"} | {
    "CuDNNLSTM": "LSTM", "CuDNNGRU": "GRU", "SyncBatchNormalization": "BatchNormalization", "ThresholdedReLU": "ReLU",
}  # fmt: skip
"""The layers of Keras 2 whose class has another name now."""
SILENT = frozenset(
    {
        "batch_input_shape", "input_dtype", "implementation", "input_length", "query_shape", "key_shape", "value_shape",
        "fused", "virtual_batch_size", "adjustment", "dynamic", "function_type", "go_backwards_", "experimental_autocast",
        "autocast", "consume_less", "input_dim_",
    }
)  # fmt: skip
"""Settings of Keras 2 that change nothing of what a layer computes."""
UNSAID = {"time_major": (False, None), "groups": (1,), "ragged": (False, None), "sparse": (False, None)}
"""Settings that a layer may have lost, with the values that say nothing."""


def converted(described: Any) -> Any:
    """Return the config of a model or a layer of any Keras as Keras 3 has it; one of Keras 3 stays as it is.

    >>> dense = {"class_name": "Dense", "config": {"name": "d", "units": 2, "batch_input_shape": [None, 3]}}
    >>> converted(dense)["config"]
    {'name': 'd', 'units': 2}
    """
    if not isinstance(described, dict) or not isinstance(described.get("class_name"), str):
        return described
    name, settings = described["class_name"], described.get("config")
    if name == "Sequential" and isinstance(settings, list):
        if (graph := graph_of_branches(settings)) is not None:
            return {**described, **_functional(graph), "class_name": "Functional"}
        return {**described, **_sequential({"layers": settings}), "class_name": name}
    if not isinstance(settings, dict):
        return described
    if name in MODELS and ("layers" in settings or name == "Sequential"):
        return described | (_sequential(settings) if name == "Sequential" else _functional(settings))
    return _layer(described)


def _sequential(settings: Config) -> dict[str, object]:
    """Return the config of a Sequential model, with an InputLayer first if only its first layer has the input shape."""
    found = settings.get("layers")
    if not isinstance(found, list):
        return {"module": "keras", "config": settings}
    layers = [modern(each) for each in found]
    shape = _first_shape(layers)
    own = {key: value for key, value in settings.items() if key not in ("layers", "build_input_shape")}
    if shape is None and isinstance(settings.get("build_input_shape"), list):
        shape = settings["build_input_shape"]
    inputs = [] if shape is None else [_input(shape, layers[0])]
    return {"module": "keras", "config": {**own, "layers": inputs + [converted(each) for each in layers]}}


def _first_shape(layers: Sequence[object]) -> list[object] | None:
    """Return the input shape in the config of the first layer, or None if the first layer is an InputLayer."""
    if not layers or not isinstance(layers[0], dict) or layers[0].get("class_name") == "InputLayer":
        return None
    first = layers[0].get("config")
    if isinstance(first, dict) and layers[0].get("class_name") in MODELS:
        return _first_shape(first.get("layers") or [])
    if isinstance(first, dict) and isinstance(first.get("batch_input_shape"), list):
        return list(first["batch_input_shape"])
    return None


def _input(shape: list[Any], first: dict[str, Any]) -> dict[str, Any]:
    """Return the InputLayer of a Sequential whose first layer has an input shape."""
    settings = first.get("config") or {}
    kind = settings.get("input_dtype") or ("int32" if first["class_name"] == "Embedding" else "float32")
    name = f"{settings.get('name', 'sequential')}_input"
    return {
        "module": LAYERS,
        "class_name": "InputLayer",
        "config": {"batch_shape": shape, "dtype": kind, "name": name},
        "registered_name": None,
    }


def _functional(settings: Config) -> dict[str, object]:
    """Return the config of a graph, its calls as Keras 3 describes them."""
    described = [modern(part) for each in settings.get("layers") or [] for part in parts(each)]
    numbers = Renumbered(described, settings)
    layers = []
    for each in described:
        if each.get("class_name") in OP_LAYERS:
            layers.append(op_layer(each, numbers))
        else:
            layers.append({**converted(each), "inbound_nodes": nodes(each, numbers)})
    own = {**settings, "layers": layers}
    own |= {key: numbers.ends(settings.get(key)) for key in ("input_layers", "output_layers")}
    return {"module": FUNCTIONAL, "class_name": "Functional", "config": own, "registered_name": "Functional"}


def _layer(described: dict[str, Any]) -> dict[str, Any]:
    """Return the config of a single layer, or of an operation in a graph that Keras 3 wrote into HDF5."""
    described = modern(described)
    name, settings = described["class_name"], described["config"]
    if described.get("module") is None and name in operation_names.MODULE_OF and _is_operation(name, settings):
        return {**described, "module": operation_names.MODULE_OF[name], "registered_name": name}
    if ">" in name:
        own = {**described, "class_name": name.partition(">")[2], "registered_name": name, "module": None}
        return {**own, "config": _plain_settings(settings)}
    if name not in layercli.layers.__all__ and name not in RENAMED:
        return {**described, "config": _plain_settings(settings)}
    kind = RENAMED.get(name, name)
    settings = {key: _setting(value) for key, value in settings.items()}
    settings = CHANGED.get(name, CHANGED.get(kind, lambda settings: settings))(settings)
    found = {**described, "module": LAYERS, "class_name": kind, "config": _known(kind, settings)}
    return hard_sigmoid(found) if kind == "Activation" else found


def _is_operation(name: str, settings: Config) -> bool:
    """Return whether a config without its module is an operation's: unlike a layer's it says no dtype."""
    return ("trainable" not in settings and "dtype" not in settings) or name not in layercli.layers.__all__


def hard_sigmoid(described: dict[str, Any]) -> dict[str, Any]:
    """Return the layer of an activation; hard_sigmoid was clip(0.2 x + 0.5), and is clip(x / 6 + 0.5) since Keras 3."""
    settings = described["config"]
    if settings.get("activation") != "hard_sigmoid":
        return described
    scale = {"class_name": "Rescaling", "config": {"name": f"{settings['name']}_scale", "scale": 1.2, "offset": 0.0}}
    curve = {**described, "config": {**settings, "name": f"{settings['name']}_curve"}}
    own = {"name": settings["name"], "layers": [{**scale, "module": LAYERS}, curve]}
    return {**described, "module": "keras", "class_name": "Sequential", "config": own}


def _plain_settings(settings: Config) -> dict[str, object]:
    """Return the settings of a class that is not Keras's own, with the dtype as Keras 3 says it."""
    return {key: _setting(value) for key, value in settings.items() if key != "batch_input_shape"}


def _setting(value: object) -> object:
    """Return a setting with the layers in it converted, and policies, tuples and initializers as Keras 3 has them."""
    if isinstance(value, list):
        return [_setting(item) for item in value]
    if not isinstance(value, dict):
        return value
    name, settings = value.get("class_name"), value.get("config")
    if name in ("Policy", "PolicyV1", "DTypePolicy") and isinstance(settings, dict):
        return settings.get("name")
    if name == "__tuple__":
        return [_setting(item) for item in value.get("items") or []]
    if name in ("TensorShape",):
        return value.get("items")
    if isinstance(name, str) and isinstance(settings, dict):
        if name in layercli.layers.__all__ or name in RENAMED or name in MODELS or ">" in name:
            return converted(value)
        return {**value, "class_name": name, "config": _object(name, settings)}
    return {key: _setting(item) for key, item in value.items()}


def _object(name: str, settings: Mapping[str, object]) -> dict[str, object]:
    """Return the settings of an initializer, a regularizer or a constraint."""
    own = {key: value for key, value in settings.items() if key != "dtype"}
    if name == "VarianceScaling" and own.get("distribution") == "normal":
        own["distribution"] = "truncated_normal"
    return own


def _known(name: str, settings: Mapping[str, object]) -> dict[str, object]:
    """Return the arguments that the layer still has; FormatError for a removed one whose value has an effect."""
    fields = {"name", "trainable", "dtype", "activity_regularizer", *getattr(layercli.layers, name)._fields}
    found = {}
    for key, value in settings.items():
        if key in fields:
            found[key] = value
        elif key not in SILENT and value not in UNSAID.get(key, (None, False, [])):
            raise FormatError(
                f"the layer {settings.get('name')!r} ({name}) has {key}={value!r}, which Keras 3 has no more"
            )
    return found


def _input_layer(settings: Mapping[str, object]) -> dict[str, object]:
    shape = settings.get("batch_shape") or settings.get("batch_input_shape")
    return {**settings, "batch_shape": shape, "dtype": settings.get("dtype") or "float32"}


def _axis(settings: Mapping[str, object]) -> dict[str, object]:
    axis = settings.get("axis")
    return {**settings, "axis": axis[0] if isinstance(axis, list) and len(axis) == 1 else axis}


def _axis_given(settings: dict[str, object]) -> dict[str, object]:
    return _axis(settings) if "axis" in settings else settings


def _renamed(**names: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda settings: {names.get(key, key): value for key, value in settings.items()}


def _re_lu(settings: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in settings.items() if value is not None or key == "max_value"}


def _depthwise(settings: Mapping[str, object]) -> dict[str, object]:
    """Return the settings of a depthwise convolution, which inherited those of a convolution's kernel."""
    return {key: value for key, value in settings.items() if not key.startswith("kernel_") or key == "kernel_size"}


def _separable(settings: Mapping[str, object]) -> dict[str, object]:
    unsaid = ("kernel_initializer", "kernel_regularizer", "kernel_constraint")
    return {key: value for key, value in settings.items() if key not in unsaid}


def _gru(settings: Mapping[str, object]) -> dict[str, object]:
    return {"reset_after": False, **settings}


def _cudnn(settings: Mapping[str, object]) -> dict[str, object]:
    """Return the settings of a recurrent layer that only cuDNN computed, and with these activations."""
    return {**settings, "activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True}


CHANGED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "InputLayer": _input_layer,
    "BatchNormalization": _axis_given,
    "SyncBatchNormalization": lambda settings: {**_axis_given(settings), "synchronized": True},
    "LayerNormalization": _axis_given,
    "Normalization": _axis_given,
    "Softmax": _axis_given,
    "LeakyReLU": _renamed(alpha="negative_slope"),
    "ThresholdedReLU": _renamed(theta="threshold"),
    "ReLU": _re_lu,
    "DepthwiseConv1D": _depthwise,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv1D": _separable,
    "SeparableConv2D": _separable,
    "GRU": _gru,
    "GRUCell": _gru,
    "CuDNNGRU": lambda settings: {**_cudnn(settings), "reset_after": True},
    "CuDNNLSTM": _cudnn,
}
"""What else changes of a layer's settings, by the class that a file names."""
