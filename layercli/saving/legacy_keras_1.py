"""The layers of Keras 1 by the names and arguments of Keras 2, from Keras 1.2's ``get_config`` of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from layercli.errors import FormatError

Settings = dict[str, Any]

ONLY_IN_KERAS_1 = {
    "nb_filter", "output_dim", "border_mode", "dim_ordering", "init", "inner_init", "inner_activation", "bias",
    "pool_length", "p", "sigma", "W_regularizer", "W_constraint", "subsample", "merge_mode", "nb_row", "mode", "length",
    "depthwise_regularizer",
}  # fmt: skip
"""Arguments of which a layer of Keras 1 has at least one, unless Keras 2 has the same."""
CLASSES = {
    "Convolution1D": "Conv1D", "AtrousConvolution1D": "Conv1D", "Convolution2D": "Conv2D", "AtrousConvolution2D": "Conv2D",
    "Convolution3D": "Conv3D", "Deconvolution2D": "Conv2DTranspose", "SeparableConvolution2D": "SeparableConv2D",
    "TimeDistributedDense": "Dense",
}  # fmt: skip
"""The layers of Keras 1 whose class has another name now."""
RENAMED = {
    "output_dim": "units", "nb_filter": "filters", "filter_length": "kernel_size", "subsample_length": "strides",
    "subsample": "strides", "border_mode": "padding", "bias": "use_bias", "init": "kernel_initializer",
    "inner_init": "recurrent_initializer", "inner_activation": "recurrent_activation", "W_regularizer": "kernel_regularizer",
    "U_regularizer": "recurrent_regularizer", "b_regularizer": "bias_regularizer", "W_constraint": "kernel_constraint",
    "U_constraint": "recurrent_constraint", "b_constraint": "bias_constraint", "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout", "atrous_rate": "dilation_rate", "pool_length": "pool_size", "stride": "strides",
    "dim_ordering": "data_format",
}  # fmt: skip
"""Arguments that have another name now, of every layer that has them."""
OF_LAYER: dict[str, dict[str, str]] = {
    "Dropout": {"p": "rate"}, "SpatialDropout1D": {"p": "rate"}, "SpatialDropout2D": {"p": "rate"},
    "SpatialDropout3D": {"p": "rate"}, "GaussianDropout": {"p": "rate"}, "GaussianNoise": {"sigma": "stddev"},
    "UpSampling1D": {"length": "size"}, "PReLU": {"init": "alpha_initializer"},
    "BatchNormalization": {"beta_init": "beta_initializer", "gamma_init": "gamma_initializer"},
    "Embedding": {"init": "embeddings_initializer", "W_regularizer": "embeddings_regularizer",
                  "W_constraint": "embeddings_constraint", "output_dim": "output_dim"},
    "SeparableConvolution2D": {"init": "depthwise_initializer"},
}  # fmt: skip
"""Arguments that have another name now, of these layers."""
INITIALIZERS = {"normal": "random_normal", "uniform": "random_uniform", "zero": "zeros", "one": "ones"}
MERGES = {"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum", "concat": "Concatenate", "dot": "Dot"}
OPTIONAL = {
    "nb_row",
    "nb_col",
    "kernel_dim1",
    "kernel_dim2",
    "kernel_dim3",
    "input_dim",
    "input_length",
    "mode",
    "dropout",
}
EMBEDDING_OR_RECURRENT = ("Embedding", "LSTM", "GRU", "SimpleRNN")


def modern(described: object) -> Any:
    """Return the config of a layer with Keras 1's names, if it has such, replaced.

    >>> dense = {"class_name": "Dense", "config": {"name": "d", "output_dim": 2, "init": "one", "bias": True}}
    >>> modern(dense)["config"]
    {'name': 'd', 'units': 2, 'kernel_initializer': 'ones', 'use_bias': True}
    """
    if not isinstance(described, dict) or not isinstance(described.get("config"), dict):
        return described
    name, settings = described.get("class_name"), described["config"]
    if name == "Merge":
        return _merge(described, settings)
    if not is_of_keras_1(str(name), settings):
        return described
    names = RENAMED | OF_LAYER.get(str(name), {})
    own = {names.get(key, key): value for key, value in settings.items() if key not in OPTIONAL}
    if (change := CHANGED.get(str(name))) is not None:
        own |= change(settings)
    own = {key: _value(key, value) for key, value in own.items()}
    if "input_dim" in settings and "batch_input_shape" not in settings and name not in EMBEDDING_OR_RECURRENT:
        own["batch_input_shape"] = [None, settings["input_dim"]] if settings["input_dim"] else None
    return {**described, "class_name": CLASSES.get(str(name), name), "config": own}


def is_of_keras_1(name: str, settings: Mapping[str, object]) -> bool:
    """Return whether the config of a layer is Keras 1's."""
    if name in CLASSES:
        return True
    if name == "Bidirectional":
        return False
    own = ONLY_IN_KERAS_1 - ({"output_dim"} if name == "Embedding" and "embeddings_initializer" in settings else set())
    return not own.isdisjoint(settings)


def _value(key: str, value: Any) -> Any:
    """Return the value of an argument as Keras 2 has it."""
    if key.endswith("_initializer") and isinstance(value, str):
        return INITIALIZERS.get(value, value)
    if key == "data_format":
        return {"th": "channels_first", "tf": "channels_last"}.get(value, value)
    if isinstance(value, dict) and isinstance(value.get("name"), str) and "class_name" not in value:
        return _object(value)
    return value


def _object(given: Settings) -> Settings:
    """Return a regularizer or a constraint, which was its arguments beside its name."""
    own = {"max_value" if key == "m" else key: value for key, value in given.items() if key != "name"}
    kind = given["name"]
    kinds = {"WeightRegularizer": "L1L2", "L1L2Regularizer": "L1L2", "ActivityRegularizer": "L1L2"}
    return {"class_name": kinds.get(kind, kind), "config": own}


def _merge(described: Settings, settings: Settings) -> Settings:
    """Return the layer that joins tensors as a Merge did."""
    mode = settings.get("mode")
    if mode not in MERGES or settings.get("mode_type", "raw") != "raw":
        raise FormatError(f"the layer {settings.get('name')!r} is a Merge by {mode!r}, which has no counterpart")
    own: Settings = {"name": settings.get("name"), "trainable": True}
    if mode == "concat":
        own["axis"] = settings.get("concat_axis", -1)
    if mode == "dot":
        own["axes"] = _dot_axes(settings)
    return {**described, "class_name": MERGES[mode], "config": own}


def _dot_axes(settings: Settings) -> Any:
    axes = settings.get("dot_axes", -1)
    return [each[0] if isinstance(each, list) else each for each in axes] if isinstance(axes, list) else axes


def parts(described: object) -> list[Any]:
    """Return the layers that a layer in a graph is now: two for a Merge by ``cos``, whose result was (batch, 1, 1).

    Of vectors it was the cosine similarity, which a Dot gives as (batch, 1). Of tensors with more axes Keras 1 divided each
    product by norms of others: those are refused, here by their axes or else by the Reshape, as the Dot of them is larger.
    """
    settings = described.get("config") if isinstance(described, dict) else None
    if not isinstance(described, dict) or not isinstance(settings, dict) or described.get("class_name") != "Merge":
        return [described]
    if settings.get("mode") != "cos" or settings.get("mode_type", "raw") != "raw":
        return [described]
    name, axes = str(described.get("name") or settings.get("name")), _dot_axes(settings)
    if axes not in (-1, 1, [1, 1]):
        raise FormatError(f"the layer {name!r} is a Merge by 'cos' over the axes {axes}; only one of vectors is read")
    dot = {"name": f"{name}_dot", "trainable": True, "axes": 1, "normalize": True}
    shape = {"name": name, "trainable": True, "target_shape": [1, 1]}
    return [
        {**described, "class_name": "Dot", "name": dot["name"], "config": dot},
        {**described, "class_name": "Reshape", "config": shape, "inbound_nodes": [[[dot["name"], 0, 0]]]},
    ]


def _kernel(*names: str) -> Callable[[Settings], Settings]:
    return lambda settings: {"kernel_size": [settings[name] for name in names if name in settings]}


def _deconvolution(settings: Settings) -> Settings:
    return {**_kernel("nb_row", "nb_col")(settings), "output_shape": None}


def _separable(settings: Settings) -> Settings:
    initializer = settings.get("init")
    return {**_kernel("nb_row", "nb_col")(settings), "pointwise_initializer": initializer}


def _zero_padding(settings: Settings) -> Settings:
    padding = settings.get("padding")
    if isinstance(padding, dict):
        padding = [padding.get(side, 0) for side in ("top_pad", "bottom_pad", "left_pad", "right_pad")]
    return {"padding": [padding[:2], padding[2:]] if isinstance(padding, list) and len(padding) == 4 else padding}


def _batch_normalization(settings: Settings) -> Settings:
    if settings.get("mode", 0) != 0:
        raise FormatError(
            f"the layer {settings.get('name')!r} (BatchNormalization) has mode={settings['mode']}, which Keras 2 has no more"
        )
    return {}


def _lstm(settings: Settings) -> Settings:
    return {"unit_forget_bias": settings.get("forget_bias_init", "one") == "one", "forget_bias_init": None}


def _embedding(settings: Settings) -> Settings:
    if settings.get("dropout"):
        raise FormatError(
            f"the layer {settings.get('name')!r} (Embedding) has dropout={settings['dropout']}, which Keras 2 has no more"
        )
    return {key: settings[key] for key in ("input_dim", "input_length") if key in settings}


CHANGED: dict[str, Callable[[Settings], Settings]] = {
    **dict.fromkeys(("Convolution2D", "AtrousConvolution2D"), _kernel("nb_row", "nb_col")),
    "Convolution3D": _kernel("kernel_dim1", "kernel_dim2", "kernel_dim3"),
    "Deconvolution2D": _deconvolution,
    "SeparableConvolution2D": _separable,
    "ZeroPadding2D": _zero_padding,
    "BatchNormalization": _batch_normalization,
    "LSTM": _lstm,
    "Embedding": _embedding,
}
"""What else changes of a layer's arguments, by the class that a file names."""


def graph_of_branches(layers: list[object]) -> Settings | None:
    """Return the config of the graph that a Sequential is whose first layer is a Merge of others; None for any other.

    Keras 1 kept the weights of all their layers side by side, as a graph has them.
    """
    if not _is_branching(layers):
        return None
    found: list[Settings] = []
    last = _added(layers, found)
    inputs = [[each["name"], 0, 0] for each in found if each["class_name"] == "InputLayer"]
    return {"name": "sequential_1", "layers": found, "input_layers": inputs, "output_layers": [[last, 0, 0]]}


def _is_branching(layers: object) -> bool:
    first = layers[0] if isinstance(layers, list) and layers else None
    return isinstance(first, dict) and first.get("class_name") == "Merge" and "layers" in (first.get("config") or {})


def _added(layers: list[Any], found: list[Settings]) -> str:
    """Add the layers of a stack to a graph's and return the name of the last."""
    first = layers[0]
    settings = first["config"]
    if _is_branching(layers):
        ends = [_added(_stack(branch, settings), found) for branch in settings["layers"]]
        own = {key: value for key, value in settings.items() if key != "layers"}
        last = _put({**first, "config": own}, ends, found)
        layers = layers[1:]
    else:
        shape, kind = settings.get("batch_input_shape"), settings.get("input_dtype")
        entry = {"batch_input_shape": shape, "dtype": kind, "name": f"{settings.get('name')}_input"}
        last = _put({"class_name": "InputLayer", "config": entry}, [], found)
    for each in layers:
        last = _put(each, [last], found)
    return last


def _stack(branch: object, settings: Settings) -> list[object]:
    """Return the layers of a branch of a Merge."""
    if not isinstance(branch, dict) or branch.get("class_name") != "Sequential" or not branch.get("config"):
        raise FormatError(f"the layer {settings.get('name')!r} merges models that are not Sequential")
    return list(branch["config"])


def _put(described: Settings, takes: list[str], found: list[Settings]) -> str:
    name = str(described["config"]["name"])
    nodes = [[[each, 0, 0] for each in takes]] if takes else []
    found.append({**described, "name": name, "inbound_nodes": nodes})
    return name
