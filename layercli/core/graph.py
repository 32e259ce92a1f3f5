"""The graph of symbolic calls: nodes, nested as layers call layers and ops, and the graph from inputs to outputs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any

from layercli.core import dims, tree
from layercli.core.call_context import CallContext, call_stack, set_call_stack
from layercli.core.dims import Size
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.lifetimes import Lifetimes
from layercli.core.spec import Spec
from layercli.core.tracking import Trackable
from layercli.core.types import Config, TensorTree
from layercli.dataclass import dataclass
from layercli.errors import UsageError

if TYPE_CHECKING:
    from layercli.core.layer import Layer
    from layercli.core.operation import Op


@dataclass(eq=False)
class Node:
    """A call of ``target`` on ``args`` and ``kwargs``, with the arguments of an op or the calls made inside a layer.

    ``masks`` are those that the layer got from its inputs; ``results`` is the return value of ``call``, for which ``outputs`` stand
    outside the layer. ``in_place`` says that the output overwrites the first argument.

    A call of a layer may be ``like`` an earlier one, whose calls and results then stand for its own (see ``equal_calls``);
    ``inside`` are the layer and those below it, in the same order for both.
    """

    target: Layer | Op
    args: tuple[Any, ...]
    kwargs: Config = field(default_factory=dict)
    outputs: Any = None
    specs: tuple[Any, ...] = ()
    calls: list[Node] = field(default_factory=list)
    masks: list[Any] = field(default_factory=list)
    results: Any = None
    in_place: bool = False
    like: Node | None = None
    inside: list[Layer] = field(default_factory=list)

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic tensors among the arguments."""
        return [x for x in tree.flatten((self.args, self.kwargs)) if isinstance(x, SymbolicTensor)]

    @cached_property
    def macs(self) -> Size:
        """The multiply-accumulates of a call that has ended: of an op, or the sum over the calls inside a layer."""
        if self.like is not None:
            return self.like.macs
        if isinstance(self.target, Trackable):
            return dims.total([call.macs for call in self.calls])
        return self.target.macs(*self.specs)

    def counterparts(self, outer: Mapping[int, Layer]) -> Mapping[int, Layer]:
        """Return the layer in the place of each one inside the call that this is ``like``, by the ``id`` of that one.

        ``outer`` are the counterparts that the record of this call has itself, which are all there are if it is like no other.
        """
        if self.like is None:
            return outer
        pairs = zip(self.like.inside, self.inside, strict=True)
        return {id(theirs): outer.get(id(own), own) for theirs, own in pairs}

    def set_outputs(self, specs: object) -> Any:
        """Set and return the outputs: symbolic tensors of ``specs`` (a tree) that come from this node; the rest is kept."""
        indices = count()

        def given(spec: object) -> object:
            place = next(indices)
            return SymbolicTensor(spec, self, place) if isinstance(spec, Spec) else spec

        self.outputs = SymbolicTensor(specs, self, 0) if type(specs) is Spec else tree.map_structure(given, specs)
        return self.outputs if _watched.lifetimes is None else _watched.lifetimes.handed_out(self.outputs)


class _Watched(threading.local):
    lifetimes: Lifetimes | None = None


_watched = _Watched()


@contextmanager
def enter_build(layer: Layer) -> Iterator[None]:
    """Enter the ``build`` of a layer: inside its call if that is in progress, else as one more layer of the path."""
    stack = call_stack()
    training = stack[-1].training if stack else None
    outer = stack[:-1] if stack and stack[-1].layer is layer else stack
    with set_call_stack((*outer, CallContext(Node(layer, ()), layer, training, building=True))):
        yield


@dataclass(frozen=True)
class FunctionScope:
    """The target of calls made by a function outside any layer."""

    name: str = "body"


@contextmanager
def collect_calls(node: Node) -> Iterator[None]:
    """Collect in ``node`` the calls that a function makes that is an argument of an operation."""
    *outer, last = call_stack() or (CallContext(node, FunctionScope(), None),)  # type: ignore[arg-type]  # no layer
    with set_call_stack((*outer, CallContext(node, last.layer, last.training))):
        yield


def record(node: Node) -> Node:
    """Add ``node`` to the call in progress, if any, and return it."""
    if open_calls := call_stack():
        open_calls[-1].node.calls.append(node)
    if _watched.lifetimes is not None:
        _watched.lifetimes.record(node)
    return node


@contextmanager
def watch_lifetimes() -> Iterator[Lifetimes]:
    """Record, inside the context, when the tensors of symbolic calls are released."""
    before, _watched.lifetimes = _watched.lifetimes, Lifetimes()
    try:
        yield _watched.lifetimes
    finally:
        _watched.lifetimes = before


def as_recorded(values: object) -> Any:
    """Return a tree of tensors that a node may keep: copies where lifetimes are recorded."""
    return values if _watched.lifetimes is None else _watched.lifetimes.recorded(values)


class Graph:
    """The nodes between ``inputs`` and ``outputs`` (trees of symbolic tensors), in topological order.

    ``run`` follows a plan that is made once: a list of slots that is filled node by node, which is fast and compiles.
    """

    def __init__(self, inputs: TensorTree, outputs: TensorTree) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.nodes = _reachable_nodes(tree.flatten(inputs), tree.flatten(outputs))
        indices = count()
        slots = {id(x): next(indices) for x in tree.flatten(inputs)}
        self._plan: list[_Step] = []
        for node in self.nodes:
            args, kwargs = _with_slots(node.args, slots), _with_slots(node.kwargs, slots)
            for x in tree.flatten(node.outputs):
                slots[id(x)] = next(indices)
            self._plan.append(_Step(node.target, args, kwargs))
        self._output_slots = _with_slots(outputs, slots)

    @cached_property
    def operations(self) -> list[Layer | Node]:
        """The layers, each once, and the calls of ops, in Keras's order."""
        here = {id(_operation(node)) for node in self.nodes}
        return [each for each in self.topological_order if not isinstance(each, SymbolicTensor) and id(each) in here]

    @cached_property
    def topological_order(self) -> list[Layer | Node | SymbolicTensor]:
        """The inputs, the layers and the calls of ops, by decreasing distance to an output.

        Masks count as inputs. At equal distance the order is that of a walk back from the outputs.
        """
        nodes = _reachable_nodes(tree.flatten(self.inputs), tree.flatten(self.outputs), _needed_with_masks)
        depths = {id(x): 0 for x in tree.flatten(self.inputs)}
        of_nodes: dict[int, int] = {}
        for node in reversed(nodes):
            depth = max(of_nodes.get(id(node), 0), depths.get(id(_operation(node)), 0))
            depths[id(_operation(node))] = of_nodes[id(node)] = depth
            for x in _needed_with_masks(node):
                reached = depths if id(x) in depths else of_nodes
                place = id(x) if id(x) in depths else id(x.node)
                reached[place] = max(depth + 1, reached.get(place, 0))
        return sorted(self._visit_order(nodes), key=lambda operation: -depths[id(operation)])

    def _visit_order(self, nodes: list[Node]) -> list[Layer | Node | SymbolicTensor]:
        """Return the inputs and the operations of ``nodes`` in the order of a walk back from the outputs."""
        given = {id(x) for x in tree.flatten(self.inputs)}
        known = {id(node) for node in nodes}
        met: dict[int, Layer | Node | SymbolicTensor] = {}
        pending = list(reversed(tree.sorted_leaves(self.outputs)))
        while pending:
            x = pending.pop()
            if id(x) in given:
                met.setdefault(id(x), x)
            elif id(x.node) in known:
                known.discard(id(x.node))
                met.setdefault(id(_operation(x.node)), _operation(x.node))
                pending += reversed(_needed_with_masks(x.node))
        return [*(x for x in tree.sorted_leaves(self.inputs) if id(x) not in met), *met.values()]

    @property
    def specs(self) -> Any:
        """The specs of the inputs, a tree like them."""
        return tree.map_structure(lambda x: x.spec, self.inputs)

    @cached_property
    def says_training(self) -> bool:
        """Whether a call of a layer was drawn with an argument ``training``."""
        return any("training" in step.kwargs for step in self._plan)

    def run(self, inputs: object, training: bool | None = None, start: Callable[[Any], None] | None = None) -> Any:
        """Return the outputs for ``inputs``: tensors, or symbolic tensors.

        ``training`` is in the place of the argument that calls were drawn with, as in Keras; None keeps it.
        ``start`` gets the layer of each call before it.
        """
        values = list(tree.flatten(inputs))
        for step in self._plan:
            kwargs = _filled(step.kwargs, values)
            if training is not None and "training" in kwargs:
                kwargs["training"] = training
            if start is not None:
                start(step.target)
            result = step.target(*_filled(step.args, values), **kwargs)
            values += tree.flatten(result)
        return _filled(self._output_slots, values)


@dataclass(slots=True)
class _Step:
    target: Any
    args: tuple[Any, ...]
    kwargs: Config


@dataclass(frozen=True, slots=True)
class _Slot:
    index: int


def _with_slots(args: object, slots: dict[int, int]) -> Any:
    return tree.map_structure(lambda x: _Slot(slots[id(x)]) if isinstance(x, SymbolicTensor) else x, args)


def _filled(args: object, values: Sequence[object]) -> Any:
    return tree.map_structure(lambda x: values[x.index] if isinstance(x, _Slot) else x, args)


def _operation(node: Node) -> Layer | Node:
    """Return the unit that Keras counts: a layer for all its calls, and each call of an op."""
    return node.target if isinstance(node.target, Trackable) else node


def _needed_with_masks(node: Node) -> list[SymbolicTensor]:
    return node.inputs + [mask for mask in node.masks if isinstance(mask, SymbolicTensor) and mask.node is not None]


def _reachable_nodes(
    inputs: list[SymbolicTensor],
    outputs: list[SymbolicTensor],
    needed: Callable[[Node], list[SymbolicTensor]] = lambda node: node.inputs,
) -> list[Node]:
    """Return the nodes between ``inputs`` and ``outputs`` in topological order."""
    done: dict[int, Node] = {}
    reached = {id(x) for x in inputs}
    pending: list[tuple[Node | None, SymbolicTensor | None]] = [(None, x) for x in reversed(outputs)]
    while pending:
        node, x = pending.pop()
        if x is None:
            assert node is not None
            done.setdefault(id(node), node)
            continue
        if id(x) in reached or (x.node is not None and id(x.node) in done):
            continue
        if x.node is None:
            raise UsageError(f"the outputs depend on the input {x.name!r}, which is not among the inputs")
        pending.append((x.node, None))
        pending += [(None, one) for one in reversed(needed(x.node))]
    return list(done.values())


def specs_of(values: object) -> Any:
    """Return the specs of a tree of symbolic tensors."""
    return tree.map_structure(lambda x: x.spec if isinstance(x, SymbolicTensor) else x, values)


def placeholders(specs: object) -> Any:
    """Return new symbolic inputs for a tree of specs; other values are returned unchanged."""
    return tree.map_structure(lambda spec: SymbolicTensor(spec) if isinstance(spec, Spec) else spec, specs)
