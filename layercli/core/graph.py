"""What a symbolic call leaves behind: nodes, nested as layers call layers and ops, and the graph from inputs to outputs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any

from layercli.core import tree
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.lifetimes import Lifetimes
from layercli.core.spec import Spec
from layercli.core.tracking import Trackable
from layercli.errors import UsageError

if TYPE_CHECKING:
    from layercli.core.layer import Layer
    from layercli.core.operation import Op


@dataclass(eq=False)
class Node:
    """One call of ``target`` on ``args`` and ``kwargs``: what an op's rules saw of them, or the calls made inside a layer.

    ``masks`` are those that travelled with the arguments and were given to the layer; ``results`` is what a layer's ``call``
    returned, for which ``outputs`` stand outside it. ``in_place`` says that the output is written over the first argument.
    """

    target: Layer | Op
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    outputs: Any = None
    specs: tuple[Any, ...] = ()
    calls: list[Node] = field(default_factory=list)
    masks: list[Any] = field(default_factory=list)
    results: Any = None
    in_place: bool = False

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic tensors among the arguments."""
        return [x for x in tree.flatten((self.args, self.kwargs)) if isinstance(x, SymbolicTensor)]

    def give(self, specs: Any) -> Any:
        """Set and return the outputs: symbolic tensors of ``specs`` (a tree) that come from this node; the rest is kept."""
        places = count()

        def given(spec: Any) -> Any:
            place = next(places)
            return SymbolicTensor(spec, self, place) if isinstance(spec, Spec) else spec

        self.outputs = tree.map_structure(given, specs)
        return self.outputs if _thread.lifetimes is None else _thread.lifetimes.handed_out(self.outputs)


@dataclass
class CallContext:
    """A symbolic call in progress: its node, and whether it runs as in training."""

    node: Node
    layer: Layer
    training: bool


class _Thread(threading.local):
    """The calls in progress in this thread (a context variable would do, but torch.compile cannot trace one)."""

    frames: tuple[CallContext, ...] = ()
    drawing = True
    lifetimes: Lifetimes | None = None


_thread = _Thread()


def frames() -> tuple[CallContext, ...]:
    """Return the symbolic layer calls in progress, outermost first."""
    return _thread.frames


@contextmanager
def inside(frame: CallContext) -> Iterator[None]:
    """Enter a symbolic layer call."""
    with _set((*_thread.frames, frame)):
        yield


@dataclass(frozen=True)
class FunctionScope:
    """A function that is called where no layer is, in the place of one."""

    name: str = "body"


@contextmanager
def collect_calls(node: Node) -> Iterator[None]:
    """Collect in ``node`` the calls that a function makes which is handed over to an operation, as the layer around it would."""
    *outer, last = _thread.frames or (CallContext(node, FunctionScope(), False),)  # type: ignore[arg-type]  # no layer
    with _set((*outer, CallContext(node, last.layer, last.training))):
        yield


@contextmanager
def fresh_trace(*, drawing: bool = False) -> Iterator[None]:
    """Leave every symbolic call in progress for a while, so that a trace of its own can be made, or a model drawn."""
    with _set((), drawing):
        yield


def is_building_functional() -> bool:
    """Return whether an author draws a model: nothing else is being described."""
    return _thread.drawing and not _thread.frames


@contextmanager
def _set(frames: tuple[CallContext, ...], drawing: bool = True) -> Iterator[None]:
    before = _thread.frames, _thread.drawing
    _thread.frames, _thread.drawing = frames, drawing
    try:
        yield
    finally:
        _thread.frames, _thread.drawing = before


def record(node: Node) -> Node:
    """Add ``node`` to the call in progress, if there is one, and return it."""
    if open_frames := _thread.frames:
        open_frames[-1].node.calls.append(node)
    if _thread.lifetimes is not None:
        _thread.lifetimes.record(node)
    return node


@contextmanager
def watch_lifetimes() -> Iterator[Lifetimes]:
    """Watch inside when tensors of symbolic calls are dropped."""
    before, _thread.lifetimes = _thread.lifetimes, Lifetimes()
    try:
        yield _thread.lifetimes
    finally:
        _thread.lifetimes = before


def as_recorded(values: Any) -> Any:
    """Return a tree of tensors as a node may keep them: where lifetimes are watched, not those that the caller holds."""
    return values if _thread.lifetimes is None else _thread.lifetimes.recorded(values)


class Graph:
    """The nodes between ``inputs`` and ``outputs`` (trees of symbolic tensors), in the order they run.

    ``run`` follows a plan made once: slots in a list, filled node by node, so that it costs little and compiles.
    """

    def __init__(self, inputs: Any, outputs: Any) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.nodes = _between(tree.flatten(inputs), tree.flatten(outputs))
        places = count()
        slots = {id(x): next(places) for x in tree.flatten(inputs)}
        self._plan: list[_Step] = []
        for node in self.nodes:
            args, kwargs = _with_slots(node.args, slots), _with_slots(node.kwargs, slots)
            for x in tree.flatten(node.outputs):
                slots[id(x)] = next(places)
            self._plan.append(_Step(node.target, args, kwargs))
        self._given = _with_slots(outputs, slots)

    @cached_property
    def operations(self) -> list[Layer | Node]:
        """The layers, each once, and the calls of ops, as Keras orders them."""
        here = {id(_operation(node)) for node in self.nodes}
        return [each for each in self.in_order if not isinstance(each, SymbolicTensor) and id(each) in here]

    @cached_property
    def in_order(self) -> list[Layer | Node | SymbolicTensor]:
        """The inputs, the layers and the calls of ops: first what has the longest way to an output.

        Masks are counted as inputs are. Of those with ways of one length, first what a walk back from the outputs meets.
        """
        nodes = _between(tree.flatten(self.inputs), tree.flatten(self.outputs), _needed_with_masks)
        depths = {id(x): 0 for x in tree.flatten(self.inputs)}
        of_nodes: dict[int, int] = {}
        for node in reversed(nodes):
            depth = max(of_nodes.get(id(node), 0), depths.get(id(_operation(node)), 0))
            depths[id(_operation(node))] = of_nodes[id(node)] = depth
            for x in _needed_with_masks(node):
                reached = depths if id(x) in depths else of_nodes
                place = id(x) if id(x) in depths else id(x.node)
                reached[place] = max(depth + 1, reached.get(place, 0))
        return sorted(self._met(nodes), key=lambda operation: -depths[id(operation)])

    def _met(self, nodes: list[Node]) -> list[Layer | Node | SymbolicTensor]:
        """Return the inputs and the operations of ``nodes`` in the order in which a walk back from the outputs meets them."""
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

    def run(self, inputs: Any) -> Any:
        """Return the outputs for ``inputs``: tensors, or symbolic tensors."""
        values = list(tree.flatten(inputs))
        for step in self._plan:
            result = step.target(*_filled(step.args, values), **_filled(step.kwargs, values))
            values += tree.flatten(result)
        return _filled(self._given, values)


@dataclass(slots=True)
class _Step:
    target: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Slot:
    index: int


def _with_slots(args: Any, slots: dict[int, int]) -> Any:
    return tree.map_structure(lambda x: _Slot(slots[id(x)]) if isinstance(x, SymbolicTensor) else x, args)


def _filled(args: Any, values: list[Any]) -> Any:
    return tree.map_structure(lambda x: values[x.index] if isinstance(x, _Slot) else x, args)


def _operation(node: Node) -> Any:
    """Return what Keras counts as one: a layer whatever its calls, and every call of an op."""
    return node.target if isinstance(node.target, Trackable) else node


def _needed_with_masks(node: Node) -> list[SymbolicTensor]:
    return node.inputs + [mask for mask in node.masks if isinstance(mask, SymbolicTensor) and mask.node is not None]


def _between(
    inputs: list[SymbolicTensor],
    outputs: list[SymbolicTensor],
    needed: Callable[[Node], list[SymbolicTensor]] = lambda node: node.inputs,
) -> list[Node]:
    """Return the nodes that lead from ``inputs`` to ``outputs``, each after those it needs."""
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


def specs_of(values: Any) -> Any:
    """Return the specs of a tree of symbolic tensors."""
    return tree.map_structure(lambda x: x.spec if isinstance(x, SymbolicTensor) else x, values)


def placeholders(specs: Any) -> Any:
    """Return fresh symbolic inputs for a tree of specs; what is no spec is kept."""
    return tree.map_structure(lambda spec: SymbolicTensor(spec) if isinstance(spec, Spec) else spec, specs)
