"""ModelGraph: the one description of a model from which all views are made: its modules, calls and values.

Every kind of source builds one (a Layer by a symbolic call, a torch module by a trace, a file from its content); ``summary``,
``vars``, ``cost`` and every other view are functions of it. It holds no tensor values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from enum import Enum
from functools import cached_property
from typing import Any

from layercli.core import dims, dtypes
from layercli.core.dims import UNKNOWN, Size
from layercli.core.spec import Spec
from layercli.dataclass import dataclass
from layercli.inspect.memory_order import MOVES, RECURRENCE, SAME_ORDER, Order, contiguous, order_after

ROOT = ""
"""The path of the model itself."""


class ValueKind(Enum):
    """The role of a value in the model."""

    INPUT = "input"
    PARAMETER = "parameter"
    BUFFER = "buffer"
    CONSTANT = "constant"
    ACTIVATION = "activation"


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor that calls take or return, identified by its index in ``ModelGraph.values``.

    Values with the same ``storage`` share memory: one is a view of the other, or was modified in place. ``path`` names an
    input, a parameter or a buffer. ``trainable`` is None for other kinds, for buffers of a torch module, and if a
    file does not record it.
    """

    spec: Spec
    kind: ValueKind
    storage: int
    path: str = ""
    trainable: bool | None = None
    stored_bytes: int | None = None
    """The size in bytes if it does not follow from the Spec, as in a quantized file."""

    @property
    def bytes(self) -> Size:
        """The size in bytes; unknown for a dtype without a fixed size, such as a string."""
        if self.stored_bytes is not None:
            return self.stored_bytes
        return self.spec.bytes if self.spec.dtype in dtypes.BYTES else UNKNOWN


@dataclass(frozen=True, slots=True)
class ModuleNode:
    """A part of the model with a path: a layer, a torch module, a scope of an ONNX graph, a prefix of a file's names.

    ``variables`` maps names of its own parameters and buffers (``kernel``) to indices in ``ModelGraph.values``.
    """

    path: str
    class_name: str | None
    depth: int
    parent: str | None
    name: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, int] = field(default_factory=dict)
    built: bool = True
    """False if it has not created its variables yet, so that their number is unknown."""
    container: bool = False
    """True if it only contains others and is never called, like a ``ModuleList``."""


@dataclass(frozen=True, slots=True)
class OperationCall:
    """One operation, in execution order: its name and arguments, its module, its inputs and outputs.

    ``inputs`` and ``outputs`` are indices in ``ModelGraph.values``. ``macs`` is None if it cannot be computed; ``reason``
    then says why.
    """

    operation: str
    module: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    macs: Size | None = 0
    reason: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModuleCall:
    """One call of a module: the operations from ``start`` to ``stop`` (exclusive) ran inside it.

    ``inputs`` are the indices in ``ModelGraph.values`` of the tensors among its arguments; ``outputs`` is a tree (lists, tuples,
    dicts) of indices, with None for leaves that are not tensors. ``finished`` is False for a call that did not return.
    """

    module: str
    inputs: tuple[int, ...]
    outputs: Any
    start: int
    stop: int
    finished: bool = True


@dataclass(frozen=True)
class ModelGraph:
    """A model: its modules by path (parents first, in definition order), its calls in execution order, and their values.

    ``incomplete`` is the reason why ``calls`` does not cover a forward pass: the model was not called, or the call failed; it is
    None for a complete one. ``notes`` are footnotes about how the graph was obtained.
    """

    name: str
    class_name: str | None
    source: str
    modules: Mapping[str, ModuleNode]
    children: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The paths of each module's children; a shared module is a child of every module that contains it."""
    calls: tuple[OperationCall, ...] = ()
    module_calls: tuple[ModuleCall, ...] = ()
    values: tuple[Value, ...] = ()
    inputs: tuple[tuple[str, int], ...] = ()
    outputs: tuple[tuple[str, int], ...] = ()
    notes: tuple[str, ...] = ()
    incomplete: str | None = None
    arguments_known: bool = True
    """Whether the modules have their arguments: torch records none of them in an exported program."""
    counts_buffers: bool = True
    """Whether buffers are among the parameters, as Keras counts what is not trained; torch counts them apart."""
    dropped: Mapping[int, int] = field(default_factory=dict)
    """For a model that runs in eager mode: how many calls were made when the Python code dropped a value, by its index in
    ``values``. A value that is not in it lives until the last call that takes it."""

    @property
    def root(self) -> ModuleNode:
        """The model itself as a module."""
        return self.modules[ROOT]

    @cached_property
    def calls_of(self) -> Mapping[str, tuple[ModuleCall, ...]]:
        """The calls of each module, by path."""
        found: dict[str, list[ModuleCall]] = {}
        for call in self.module_calls:
            found.setdefault(call.module, []).append(call)
        return {path: tuple(calls) for path, calls in found.items()}

    def below(self, path: str = ROOT) -> Iterator[ModuleNode]:
        """Yield the module at ``path`` and its descendants, each once, parents first."""
        seen: set[str] = set()
        pending = [path]
        while pending:
            path = pending.pop()
            if path not in seen:
                seen.add(path)
                yield self.modules[path]
                pending += reversed(self.children.get(path, ()))

    def variables_below(self, path: str = ROOT) -> list[Value]:
        """Return the parameters and buffers of the module at ``path`` and its descendants, each once."""
        places = dict.fromkeys(place for module in self.below(path) for place in module.variables.values())
        return [self.values[place] for place in places]

    def parameters_below(self, path: str = ROOT) -> Size:
        """Return the number of elements of the parameters of the module at ``path`` and its descendants."""
        held = self.variables_below(path)
        return dims.total(x.spec.size for x in held if self.counts_buffers or x.kind is ValueKind.PARAMETER)

    @cached_property
    def made_by(self) -> Mapping[int, OperationCall]:
        """The call that gives each value, by its index."""
        return {index: call for call in self.calls for index in call.outputs}

    @cached_property
    def orders(self) -> Mapping[int, Order]:
        """The order in which the axes of a value lie in memory, by its index; a value that is not in it is contiguous."""
        found: dict[int, Order] = {}
        for call in self.calls:
            if not (call.operation == RECURRENCE or call.operation in MOVES or found.keys() & call.inputs):
                continue
            for index in call.outputs:
                shape = self.values[index].spec.shape
                like = [each for each in call.inputs if self.values[each].spec.shape == shape]
                first = (like if call.operation in SAME_ORDER else call.inputs)[:1]
                given = self.values[first[0]].spec.shape if first else ()
                before = found.get(first[0], contiguous(len(given))) if first else ()
                order = order_after(call.operation, call.arguments, before, given, shape)
                if order is not None and order != contiguous(len(shape)):
                    found[index] = order
        return found

    @cached_property
    def tied(self) -> tuple[tuple[str, ...], ...]:
        """The paths of each parameter or buffer that has several names."""
        paths: dict[int, list[str]] = {}
        for module in self.modules.values():
            for name, place in module.variables.items():
                paths.setdefault(place, []).append(f"{module.path}/{name}".lstrip("/"))
        return tuple(tuple(same) for same in paths.values() if len(same) > 1)

    def operations_of(self, path: str = ROOT) -> Iterator[OperationCall]:
        """Yield the operations that ran inside the module at ``path``, over all its calls."""
        for call in self.calls_of.get(path, ()):
            yield from self.calls[call.start : call.stop]

    def macs(self, path: str = ROOT) -> Size:
        """Return the multiply-accumulates of all calls of a module; unknown if any of them is, or if it was not called."""
        calls = self.calls_of.get(path, ())
        if self.incomplete and not (calls and all(call.finished for call in calls)):
            return UNKNOWN
        return dims.total(UNKNOWN if call.macs is None else call.macs for call in self.operations_of(path))

    def reasons(self, path: str = ROOT) -> list[str]:
        """Return the reasons why the MACs of a module are unknown, each once; empty if they are known."""
        found = dict.fromkeys(call.reason for call in self.operations_of(path) if call.macs is None)
        return [*([self.incomplete] if self.incomplete else []), *filter(None, found)]


class ModelGraphBuilder:
    """Collects modules, values and calls, and builds the ModelGraph."""

    def __init__(self, name: str, class_name: str | None, source: str) -> None:
        self.name, self.class_name, self.source = name, class_name, source
        self.modules: dict[str, ModuleNode] = {}
        self.children: dict[str, dict[str, None]] = {}
        self.calls: list[OperationCall] = []
        self.module_calls: list[ModuleCall] = []
        self.values: list[Value] = []
        self.notes: list[str] = []
        self.dropped: dict[int, int] = {}
        self.arguments_known = self.counts_buffers = True

    def add_module(self, path: str, class_name: str | None, **fields: Any) -> None:
        """Add a module below its parent: the module with the longest prefix of its path, unless ``parent`` is given.

        Its depth is the number of its ancestors that are not containers.
        """
        parent = fields.pop("parent", None)
        if parent is None and path != ROOT:
            parent = path.rpartition("/")[0]
            while parent not in self.modules:
                parent = parent.rpartition("/")[0]
        above = None if parent is None else self.modules[parent]
        depth = fields.pop("depth", None)
        if depth is None:
            depth = 0 if above is None else above.depth + (not fields.get("container", False))
        name = fields.pop("name", path.rpartition("/")[2])
        self.modules[path] = ModuleNode(path, class_name, depth, parent, name, **fields)
        if parent is not None:
            self.add_child(parent, path)

    def add_child(self, parent: str, path: str) -> None:
        """Record that the module at ``parent`` also contains the one at ``path``."""
        self.children.setdefault(parent, {})[path] = None

    def add_value(
        self,
        spec: Spec,
        kind: ValueKind,
        *,
        view_of: int | None = None,
        path: str = "",
        trainable: bool | None = None,
        stored_bytes: int | None = None,
    ) -> int:
        """Add a value and return its index; ``view_of`` is the index of the value it is a view of."""
        place = len(self.values)
        storage = place if view_of is None else self.values[view_of].storage
        self.values.append(Value(spec, kind, storage, path, trainable, stored_bytes))
        return place

    def graph(
        self,
        inputs: Mapping[str, int] | None = None,
        outputs: Mapping[str, int] | None = None,
        incomplete: str | None = None,
    ) -> ModelGraph:
        """Return the ModelGraph with its inputs and outputs by name."""
        return ModelGraph(
            name=self.name,
            class_name=self.class_name,
            source=self.source,
            modules=self.modules,
            children={parent: tuple(paths) for parent, paths in self.children.items()},
            calls=tuple(self.calls),
            module_calls=tuple(self.module_calls),
            values=tuple(self.values),
            inputs=tuple((inputs or {}).items()),
            outputs=tuple((outputs or {}).items()),
            notes=tuple(self.notes),
            incomplete=incomplete,
            arguments_known=self.arguments_known,
            counts_buffers=self.counts_buffers,
            dropped=self.dropped,
        )
