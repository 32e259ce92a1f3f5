"""Equal calls: of the blocks of a model that are alike, a trace describes the first, and its record stands for the others.

Layers are alike if their classes, arguments, dtype policies and variables are, and those of all layers inside them. Their calls
are equal if the arguments have the same structure, Specs and constants as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from layercli.core import call_context, graph
from layercli.core.call_context import CallContext
from layercli.core.graph import Node
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.masking import mask_of
from layercli.core.tracking import PLAIN, Trackable

if TYPE_CHECKING:
    from layercli.core.layer import Layer


def find(layer: Layer, node: Node, args: Any, kwargs: Mapping[str, Any], training: bool | None) -> Node | None:
    """Return an earlier call inside the same call that ``node``, a call of ``layer``, is equal to; None for the first of them."""
    open_calls = call_context.call_stack()
    if len(open_calls) < 2:
        return None
    node.inside, alike = inside(layer)
    key = (alike, training, argument_key((args, dict(kwargs)), {}))
    first = open_calls[-2].equal.setdefault(key, node)
    return None if first is node else first


def follow(layer: Layer, node: Node, first: Node) -> Any:
    """Let the record of ``first`` stand for the call of ``node``, build ``layer``, and return the Specs of the outputs."""
    node.like = first
    if not layer.built:
        build(layer, node, {})
    return graph.specs_of(first.outputs)


def build(layer: Layer, node: Node, counterparts: Mapping[int, Layer]) -> None:
    """Build ``layer`` as its call ``node`` did or would, and those called inside it, under the names of the calls in progress."""
    described = node.like or node
    if not layer.built:
        built_for = getattr(described.target, "_built_for", None)
        if built_for is not None:
            args, kwargs = built_for
            layer.build(*args, **kwargs)
        layer.built = True
    counterparts = node.counterparts(counterparts)
    for call in described.calls:
        if isinstance(call.target, Trackable):
            own = counterparts[id(call.target)]
            with call_context.enter_call(CallContext(call, own, None)):
                build(own, call, counterparts)


KNOWN: ContextVar[dict[int, tuple[list[Layer], Any]] | None] = ContextVar("KNOWN", default=None)
"""What ``inside`` found of each layer, by its id, while no layer changes."""


@contextmanager
def unchanging() -> Iterator[None]:
    """Let what ``inside`` finds of a layer be known to all calls in the body, in which layers are built and not changed."""
    token = KNOWN.set({})
    try:
        yield
    finally:
        KNOWN.reset(token)


def is_unchanging() -> bool:
    """Whether no layer changes now."""
    return KNOWN.get() is not None


def inside(layer: Layer) -> tuple[list[Layer], Any]:
    """Return a layer and those below it in a fixed order, and what layers that are alike have in common."""
    known = KNOWN.get()
    if known is not None and id(layer) in known:
        return known[id(layer)]
    layers: list[Layer] = []
    found = layers, likeness(layer, layers)
    if known is not None:
        known[id(layer)] = found
    return found


def likeness(layer: Layer, layers: list[Layer]) -> Any:
    """Return what a layer has in common with those that it is like; add it and all below it to ``layers``."""
    layers.append(layer)
    variables = [
        (each.key, each.spec.shape, each.spec.dtype, each.made_trainable) for each in layer._variables.values()
    ]
    children = [(key, likeness(child, layers)) for key, child in layer.children()]
    arguments = argument_key(layer._init_args, {})
    policy = layer._policy.name if layer._given_policy is None else object()  # which policy a path has, it alone
    return type(layer), arguments, policy, layer._trainable, tuple(variables), tuple(children)


def argument_key(value: Any, seen: dict[int, int]) -> Any:
    """Return what equal arguments have in common: structure, Specs, plain values, and which tensors are the same one.

    Any other object is equal to itself alone, and so is a tensor with a mask.
    """
    kind = type(value)
    if kind in PLAIN:
        return kind, value
    if kind is SymbolicTensor:
        masked = None if mask_of(value) is None else object()
        origin = value if value.origin is None else value.origin
        return value.spec.shape, value.spec.dtype, seen.setdefault(id(origin), len(seen)), masked
    if kind is dict:
        return kind, tuple([(key, argument_key(each, seen)) for key, each in value.items()])
    if kind is tuple or kind is list:
        return kind, tuple([argument_key(each, seen) for each in value])
    return kind, id(value)
