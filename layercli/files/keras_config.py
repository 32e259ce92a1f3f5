"""A model as the config that Keras reads: stacks and drawn models of our own layers."""

from __future__ import annotations

from typing import Any

import layercli.layers
from layercli.core import config, dims, tree
from layercli.core.graph import Node
from layercli.core.layer import Layer
from layercli.core.model import Functional, Model
from layercli.core.sequential import Sequential
from layercli.core.spec import Shape, Spec
from layercli.core.symbolic import SymbolicTensor
from layercli.errors import UsageError

FUNCTIONAL = "keras.src.models.functional"


def config_of(layer: Layer) -> dict[str, Any]:
    """Return the config of a model or a layer; UsageError for one that a file cannot name."""
    if isinstance(layer, Functional):
        return named(FUNCTIONAL, "Functional", drawn(layer), "Functional")
    if isinstance(layer, Sequential):
        return named("keras", "Sequential", stack(layer))
    kind = type(layer)
    if isinstance(layer, Model) or getattr(layercli.layers, kind.__name__, None) is not kind:
        raise UsageError(
            f"a .keras file cannot hold {layer.name}: {kind.__name__} is a class of your own",
            hint="save_weights keeps its weights",
        )
    return named("keras.layers", kind.__name__, keras_names(layer.get_config()))


def named(module: str, class_name: str, settings: dict[str, Any], registered: str | None = None) -> dict[str, Any]:
    """Return the dict by which Keras names an object."""
    return {"module": module, "class_name": class_name, "config": settings, "registered_name": registered}


def keras_names(value: Any) -> Any:
    """Return plain data with the objects in it under the names of Keras's modules."""
    if isinstance(value, dict):
        found = {key: keras_names(item) for key, item in value.items()}
        if str(found.get("module", "")).startswith("layercli."):
            found |= {"module": found["module"].replace("layercli", "keras", 1), "registered_name": None}
        return found
    return [keras_names(item) for item in value] if isinstance(value, list | tuple) else value


def stack(model: Sequential) -> dict[str, Any]:
    """Return the settings of a stack, its input first if it knows it."""
    own = {"name": model.name, "trainable": model.trainable, "dtype": model.dtype_policy.name}
    layers = [config_of(layer) for layer in model._stack]
    if model._traced is not None:
        spec: Spec = model._traced[0]
        name = model._input.name if model._input is not None and model._input.name else "input_layer"
        layers.insert(0, input_layer(name, spec))
        own["build_input_shape"] = sizes(spec.shape)
    return {**own, "layers": layers}


def input_layer(name: str, spec: Spec) -> dict[str, Any]:
    """Return the config of an input."""
    return named("keras.layers", "InputLayer", {"batch_shape": sizes(spec.shape), "dtype": spec.dtype, "name": name})


def sizes(shape: Shape) -> list[int | None]:
    """Return a shape with None for every size that is not known."""
    return [int(size) if dims.known(size) else None for size in shape]


def drawn(model: Functional) -> dict[str, Any]:
    """Return the settings of a drawn model: its layers with the calls made of them, its inputs and its outputs."""
    for node in model._graph.nodes:
        if not isinstance(node.target, Layer):
            raise UsageError(
                f"a .keras file cannot hold {model.name}: it calls {type(node.target).__name__} outside of a layer",
                hint="use the layer for it, as Add for +",
            )
    calls: dict[int, list[Node]] = {}
    for node in model._graph.nodes:
        calls.setdefault(id(node.target), []).append(node)
    places = {id(node): i for nodes in calls.values() for i, node in enumerate(nodes)}

    def history(x: SymbolicTensor) -> list[Any]:
        if x.node is None:
            return [x.name, 0, 0]
        return [x.node.target.name, places[id(x.node)], x.index]  # type: ignore[union-attr]  # layers all of them

    def argument(x: Any) -> Any:
        if not isinstance(x, SymbolicTensor):
            return config.serialize(x)
        place = {"shape": sizes(x.shape), "dtype": x.dtype, "keras_history": history(x)}
        return {"class_name": "__keras_tensor__", "config": place}

    def call(node: Node) -> dict[str, Any]:
        return {
            "args": [tree.map_leaves(argument, x) for x in node.args],
            "kwargs": tree.map_leaves(argument, node.kwargs),
        }

    layers = [{**input_layer(x.name, x.spec), "name": x.name, "inbound_nodes": []} for x in model.inputs]
    for layer in model.layers:
        layers.append({**config_of(layer), "name": layer.name, "inbound_nodes": [call(n) for n in calls[id(layer)]]})
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": layers,
        "input_layers": tree.map_leaves(history, model._graph.inputs),
        "output_layers": tree.map_leaves(history, model._graph.outputs),
    }
