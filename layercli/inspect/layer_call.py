"""One call of a layer on symbolic tensors: the inputs it is described on, its node, and the names of what it takes and gives."""

from __future__ import annotations

from typing import Any

from layercli.core import call_context, graph, tree
from layercli.core.graph import Node
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.layer import Layer
from layercli.core.sequential import Sequential
from layercli.core.spec import Spec, with_batch_dim
from layercli.core.text import spec_dtype
from layercli.core.types import Tree
from layercli.errors import ShapeError, UsageError
from layercli.inspect.input_names import NamedInputs
from layercli.inspect.output_names import distinct, keys_of, numbered


def described(model: Layer, inputs: object = None, **arguments: object) -> tuple[Node, Any]:
    """Return the node of one symbolic call of ``model`` with all nested calls, and the specs it was called on."""
    given = inputs if inputs is not None else default_inputs(model)
    args, optional = layer_arguments(model, given)
    with call_context.fresh_trace():
        outputs = model(*graph.placeholders(args), **graph.placeholders(optional), **arguments)
    found = [x.node for x in tree.flatten(outputs) if isinstance(x, SymbolicTensor)]
    if not found or found[0] is None:
        raise no_tensor_output_error(model.name, outputs)
    return found[0], given


def layer_arguments(model: Layer, inputs: object) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments for a call of a layer on its inputs, positional and by name."""
    if isinstance(inputs, NamedInputs):
        return given_to(model, inputs.inputs), inputs.optional
    return given_to(model, inputs), {}


def given_to(model: Layer, inputs: Tree) -> tuple[Any, ...]:
    """Return the arguments for a call of ``model`` on one tree of inputs; ShapeError with its name if they do not fit."""
    try:
        return model.unpack_inputs(inputs)
    except ShapeError as error:
        error.trail.append(model)
        raise


def no_tensor_output_error(name: str, returned: object) -> UsageError:
    """Return the error for a model whose call returns nothing that can be shown."""
    return UsageError(f"{name} returns {returned!r}, not a tensor", hint="its call, or forward, ends with a return")


def offered_inputs(model: Layer) -> object:
    """Return the specs a model was called on, or its example inputs, or None."""
    if model._call_specs:
        taken = model._call_specs[: max(1, len(model.required_inputs()))]
        return taken[0] if len(taken) == 1 else list(taken)
    example = getattr(model, "example_input", None)
    return None if example is None else tree.map_structure(as_written, example())


def as_written(spec: Spec) -> Spec:
    """Return a spec from user code with sizes and dtype normalized."""
    return Spec(with_batch_dim(spec.shape), spec_dtype(spec.dtype))


def default_inputs(model: Layer) -> object:
    """Return the specs a model was called on, or its example inputs; UsageError if there are none."""
    offered = offered_inputs(model)
    if offered is None:
        raise UsageError(
            f"{model.name} ({type(model).__name__}) was never called, so the shape of its input is not known",
            hint="give it one: --input-shape 32,100 on the command line, or call it first",
        )
    return offered


def ends(values: object, names: list[str] | None) -> list[tuple[str, Spec]]:
    """Return the named specs of the inputs or outputs; a dict's keys are names, otherwise ``names`` or output_0, ...

    Several values under one key are numbered: ``state_0``, ``state_1``. Names are unique.
    """
    leaves = [x.spec if isinstance(x, SymbolicTensor) else x for x in tree.flatten(values)]
    if isinstance(values, dict):
        names = distinct(keys_of(values))
    return list(zip(names or numbered("output", len(leaves)), leaves, strict=True))


def input_names(model: Layer, given: object) -> list[str]:
    """Return the names of the inputs: those of Input, or of the first argument of ``call``, and of optional ones that are given."""
    if isinstance(given, NamedInputs):
        return [*input_names(model, given.inputs), *given.optional]
    # the inputs of a Sequential without Input are only symbolic tensors that it creates when asked for them
    has_input = not isinstance(model, Sequential) or model._input is not None
    if has_input and (drawn := getattr(model, "inputs", None)):
        return [x.name for x in drawn]
    count = len(tree.flatten(given))
    names = model.required_inputs()
    if len(names) > 1 and count in (1, len(names)):  # one name, because nothing is known about them
        return names
    return numbered(next(iter(model.call_argument_names()), "inputs"), count)
