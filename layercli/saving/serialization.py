"""A model as the config that Keras reads: stacks and functional models, of layers and operations, and classes of one's own."""

from __future__ import annotations

from collections import Counter
from typing import Any

import layercli.layers
from layercli.core import custom_objects, dims, dtypes, fields, naming, tree
from layercli.core.functional import Functional
from layercli.core.graph import Node
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.layer import Layer
from layercli.core.model import Model
from layercli.core.operation import Op
from layercli.core.sequential import Sequential
from layercli.core.spec import Shape, Spec
from layercli.core.types import Config
from layercli.core.variable import Variable
from layercli.errors import UsageError
from layercli.saving import operation_serialization

FUNCTIONAL = "keras.src.models.functional"
OWN = "layercli.models"
"""Where the named models are, whose classes a file may name by their full module."""
APPLICATIONS = {
    f"keras.src.applications.{name}": f"layercli.models.applications.{name}"
    for name in ("convnext", "inception_resnet_v2")
} | {"keras.distillation": "layercli.distillation.distiller"}
"""Keras's modules with layers of their own, LayerScale and CustomScaleLayer, and ours that have them."""


def config_of(layer: Layer) -> Config:
    """Return the config of a model or a layer; UsageError for one that a file cannot name."""
    kind = next((each for each in type(layer).__mro__ if "names_subclasses" in vars(each)), type(layer))
    if kind is Functional:
        return named(FUNCTIONAL, "Functional", layer.get_config(), "Functional")
    if kind is Sequential:
        return named("keras", "Sequential", layer.get_config())
    settings = keras_names(layer.get_config())
    if getattr(layercli.layers, kind.__name__, None) is kind:
        return named("keras.layers", kind.__name__, settings)
    theirs = {ours: keras for keras, ours in APPLICATIONS.items()}
    module = theirs.get(kind.__module__, custom_objects.module_of(kind))
    found = named(module, kind.__name__, settings, custom_objects.get_registered_name(kind))
    return found | ({"build_config": build_config(layer)} if isinstance(layer, Model) and layer.built else {})


def named(module: str | None, class_name: str, settings: Config, registered: str | None = None) -> Config:
    """Return the dict by which Keras names an object."""
    if module == "keras.layers":
        settings = accepted_by_keras(class_name, settings)
        class_name = FILE_NAMES.get(class_name, class_name)
    return {"module": module, "class_name": class_name, "config": settings, "registered_name": registered}


FILE_NAMES = {"GroupedQueryAttention": "GroupQueryAttention"}
"""The names of classes in a file where they are not those of the classes: Keras writes the name that it exports."""


NOT_IN_KERAS = {
    **dict.fromkeys(("Discretization", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"), ("trainable",)),
    "Pipeline": ("trainable", "dtype"),
}
"""The settings of every layer that the constructors of some in Keras do not take."""


def accepted_by_keras(class_name: str, settings: Any) -> Any:
    """Return settings without those that Keras's constructor would not take."""
    return {key: value for key, value in settings.items() if key not in NOT_IN_KERAS.get(class_name, ())}


def build_config(model: Model) -> Config:
    """Return what a model of a class of one's own is built with: Keras's ``input_shape``, and the dtypes it leaves out."""
    if model._call_specs is None:
        args, named = model._built_for or ((), {})
        return (
            {"shapes_dict": _plain_shapes(named)}
            if named
            else {"input_shape": _plain_shapes(args[0] if args else None)}
        )
    described = tree.map_structure(_described, model._call_specs)
    return {"input_shape": tree.map_structure(_shape_alone, model._call_specs[:1])[0], "inputs": described}


def _plain_shapes(shapes: object) -> object:
    return tree.map_structure(dims.number, shapes)


def _described(x: object) -> Any:
    return {"shape": sizes(x.shape), "dtype": x.dtype} if isinstance(x, Spec) else fields.serialize(x)


def _shape_alone(x: object) -> list[int | None] | None:
    return sizes(x.shape) if isinstance(x, Spec) else None


def keras_names(value: object) -> Any:
    """Return plain data with the objects in it under the names of Keras's modules."""
    if isinstance(value, dict):
        found = {key: keras_names(item) for key, item in value.items()}
        module = str(found.get("module", ""))
        if found.get("class_name") in ("Functional", "Sequential") and module == "layercli.core":
            functional = found["class_name"] == "Functional"
            place = (FUNCTIONAL, "Functional") if functional else ("keras", None)
            found |= dict(zip(("module", "registered_name"), place, strict=True))
        elif module.startswith("layercli.") and not module.startswith(OWN):
            found |= {"module": module.replace("layercli", "keras", 1), "registered_name": None}
            if module == "layercli.layers":
                found |= named("keras.layers", str(found["class_name"]), found["config"])
        return found
    if isinstance(value, list | tuple):
        return [keras_names(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    from layercli.saving.objects import serialize_keras_object  # which describes layers by this module

    return serialize_keras_object(value)


def stack(model: Sequential) -> dict[str, object]:
    """Return the settings of a stack, its input first if it knows it."""
    own = {"name": model.name, "trainable": model.trainable, "dtype": model.dtype_policy.name}
    layers = [config_of(layer) for layer in model._stack]
    again = {place for place, times in Counter(map(id, model._stack)).items() if times > 1}
    for layer, described in zip(model._stack, layers, strict=True):
        if id(layer) in again:
            described["shared_object_id"] = model._stack.index(layer)
    if model._call_specs is not None:
        spec: Spec = model._call_specs[0]
        name = model._input.name if model._input is not None and model._input.name else "input_layer"
        layers.insert(0, input_layer(name, spec))
        own["build_input_shape"] = sizes(spec.shape)
    return {**own, "layers": layers}


def input_layer(name: str, spec: Spec) -> dict[str, object]:
    """Return the config of an input."""
    return named("keras.layers", "InputLayer", {"batch_shape": sizes(spec.shape), "dtype": spec.dtype, "name": name})


def sizes(shape: Shape) -> list[int | None]:
    """Return a shape with None for every size that is not known."""
    return list(map(dims.number, shape))


def drawn(model: Functional) -> dict[str, Any]:
    """Return the settings of a functional model: its layers and operations with the calls made of them, its inputs and outputs."""
    return _Drawn(model).settings()


def place_of(x: SymbolicTensor) -> int:
    """Return which of its call's outputs a tensor is, as Keras numbers them."""
    if x.node is None or isinstance(x.node.outputs, SymbolicTensor):
        return x.index
    return next((i for i, each in enumerate(tree.sorted_leaves(x.node.outputs)) if each is x), x.index)


class _Drawn:
    """A functional model as its config is made: the name of each operation, and which of its calls each node is."""

    def __init__(self, model: Functional) -> None:
        self.model = model
        self.inputs = set(map(id, model.inputs))
        self.calls: dict[int, list[Node]] = {}
        for node in model._graph.nodes:
            self.calls.setdefault(id(node.target) if isinstance(node.target, Layer) else id(node), []).append(node)
        self.places = {id(node): i for nodes in self.calls.values() for i, node in enumerate(nodes)}
        self.names = {id(layer): layer.name for layer in model.operations if isinstance(layer, Layer)}
        self.spelled = {
            id(node): operation_serialization.spelled(node.target, self.checked(node.args))
            for node in model._graph.operations
            if isinstance(node, Node) and isinstance(node.target, Op)
        }
        taken = [x.name for x in model.inputs] + list(self.names.values())
        own = [naming.snake_case(each.name) for each in self.spelled.values()]
        self.names |= dict(zip(self.spelled, naming.uniquify([*taken, *own])[len(taken) :], strict=True))

    def settings(self) -> dict[str, Any]:
        """Return the config."""
        layers = [{**input_layer(x.name, x.spec), "name": x.name, "inbound_nodes": []} for x in self.model.inputs]
        layers += [
            self.operation(each) if isinstance(each, Node) else self.layer(each)
            for each in self.model._graph.operations
        ]
        return {
            "name": self.model.name,
            "trainable": self.model.trainable,
            "layers": layers,
            "input_layers": tree.map_structure(self.end, self.model._graph.inputs),
            "output_layers": tree.map_structure(self.end, self.model._graph.outputs),
        }

    def layer(self, layer: Layer) -> dict[str, Any]:
        """Return a layer of the graph."""
        calls = [self.call(node) for node in self.calls[id(layer)]]
        return {**config_of(layer), "name": layer.name, "inbound_nodes": calls}

    def call(self, node: Node) -> dict[str, object]:
        """Return a call of a layer; ``told`` lists ``training`` if the author gave it, because Keras writes it for every call."""
        explicit = {"told": ["training"]} if node.kwargs.get("training") is not None else {}
        return {"args": [self.filled(x) for x in node.args], "kwargs": self.filled(node.kwargs), **explicit}

    def operation(self, node: Node) -> dict[str, Any]:
        """Return an operation of the graph."""
        found, name = self.spelled[id(node)], self.names[id(node)]
        own = named(found.module, found.name, {"name": name, **found.settings}, found.name)
        call = {"args": [self.filled(x) for x in found.args], "kwargs": found.kwargs}
        return {**own, "name": name, "inbound_nodes": [call]}

    def filled(self, value: object) -> Any:
        """Return arguments as JSON has them, the place of each tensor in its stead."""
        return tree.map_structure(self.argument, value)

    def argument(self, x: Any) -> Any:
        """Return one argument."""
        if isinstance(x, SymbolicTensor):
            place = {"shape": sizes(x.spec.shape), "dtype": x.dtype, "keras_history": self.history(x)}
            return {"class_name": "__keras_tensor__", "config": place}
        if hasattr(x, "tolist") and hasattr(x, "dtype"):
            held = {"value": x.tolist(), "dtype": dtypes.name_of(x.dtype)}
            return {"class_name": "__numpy__", "config": held}
        return fields.serialize(x)

    def history(self, x: SymbolicTensor) -> list[Any]:
        """Return where a tensor comes from: a name, a call, an output of that."""
        if x.node is None or id(x) in self.inputs:
            return [x.name, 0, 0]
        target = x.node.target
        name = self.names[id(target) if isinstance(target, Layer) else id(x.node)]
        return [name, self.places[id(x.node)], place_of(x)]

    def end(self, x: SymbolicTensor) -> list[Any]:
        """Return where an input or output comes from: there Keras counts the call by which a functional model was made."""
        name, call, place = self.history(x)
        return [name, call + 1 if x.node is not None and isinstance(x.node.target, Functional) else call, place]

    def checked(self, args: tuple[object, ...]) -> tuple[Any, ...]:
        """Return an operation's arguments; UsageError where one is a variable, which is of no layer of the model."""
        for x in args:
            if isinstance(x, Variable):
                raise UsageError(
                    f"a .keras file cannot hold {self.model.name}: it uses the variable {x.path} outside of a layer",
                    hint="put it into the call of a layer of your own",
                )
        return args
