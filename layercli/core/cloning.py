"""Clone a model: new layers with the same arguments and variables of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layercli.core import tree
from layercli.core.functional import Functional
from layercli.core.graph import Graph
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.layer import Layer
from layercli.core.model import Model
from layercli.core.sequential import Sequential
from layercli.errors import UsageError


def clone_model(
    model: Model,
    input_tensors: object = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
) -> Model:
    """Return a model like ``model`` with new variables, on ``input_tensors`` if they are given, else on new inputs.

    ``clone_function`` returns the layer to use for a layer; by default a new layer with the same arguments.
    ``call_function(layer, *args, **kwargs)`` calls the layers of a functional model. ``recursive`` clones the models inside by
    ``clone_function`` too. A model that is neither Sequential nor functional, or a layer, is made again by its ``get_config`` and
    ``from_config``, and built as it was. Raises UsageError for arguments that the kind of the model does not take.
    """
    if not isinstance(model, Layer):
        raise UsageError(f"clone_model expects a model, got {model!r}")
    if not isinstance(model, (Sequential, Functional)):
        if not (input_tensors is clone_function is call_function is None):
            raise UsageError(
                "clone_model takes input_tensors and functions for a Sequential or a model drawn from Input, "
                f"and {type(model).__name__} is neither"
            )
        return rebuilt(model)
    if call_function is not None and not isinstance(model, Functional):
        raise UsageError("clone_model takes a call_function for models drawn from Input")
    clones: dict[int, Layer] = {}

    def clone(layer: Layer) -> Layer:
        if id(layer) not in clones:
            if recursive and isinstance(layer, (Sequential, Functional)):
                clones[id(layer)] = clone_model(layer, None, clone_function, None, True)
            else:
                clones[id(layer)] = clone_function(layer) if clone_function else layer.clone_from_config()
        return clones[id(layer)]

    if isinstance(model, Sequential):
        alone = [] if model._input is None else [model._input]  # an Input without a layer
        own = getattr(model, "inputs", alone)
        first = [fresh(x) for x in own] if input_tensors is None else tree.flatten(input_tensors)
        made: Model = Sequential([*first, *map(clone, model._stack)], name=model.name)
    else:
        graph = Graph(model.input, model.output)
        given = tree.map_structure(fresh, graph.inputs) if input_tensors is None else input_tensors
        made = Functional(given, drawn(graph, tree.flatten(given), clone, call_function), name=model.name)
    made._named = model._named
    return made


def rebuilt(layer: Model) -> Model:
    """Return a layer of the same class and config, which is built if ``layer`` is."""
    clone: Model = layer.clone_from_config()
    if layer.built and (shapes := layer.get_build_config()):
        clone.build_from_config(shapes)
    return clone


def fresh(x: SymbolicTensor) -> SymbolicTensor:
    """Return a new Input like ``x``."""
    return SymbolicTensor(x.spec, name=x.name)


def drawn(
    graph: Graph,
    inputs: list[SymbolicTensor],
    clone: Callable[[Layer], Layer],
    call_function: Callable[..., Any] | None = None,
) -> Any:
    """Return the outputs of ``graph`` called on ``inputs``, with each layer replaced by its clone."""
    if len(inputs) != len(tree.flatten(graph.inputs)):
        raise UsageError(f"clone_model expects {len(tree.flatten(graph.inputs))} input tensors, got {len(inputs)}")
    found = {id(x): given for x, given in zip(tree.flatten(graph.inputs), inputs, strict=True)}

    def known(value: object) -> Any:
        return tree.map_structure(lambda x: found[id(x)] if isinstance(x, SymbolicTensor) else x, value)

    for node in graph.nodes:
        args, kwargs = known(node.args), known(node.kwargs)
        if not isinstance(node.target, Layer):
            result = node.target(*args, **kwargs)
        elif call_function is None:
            result = clone(node.target)(*args, **kwargs)
        else:
            result = call_function(clone(node.target), *args, **kwargs)
        found |= {id(x): given for x, given in zip(tree.flatten(node.outputs), tree.flatten(result), strict=True)}
    return known(graph.outputs)
