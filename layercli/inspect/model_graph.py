"""ModelGraph: the one description of a model that every view is made of: its modules, its calls, its values.

A source of any kind makes one (a Layer by a symbolic call, a torch module by a traced one, a file from what it holds);
``summary``, ``vars``, ``cost`` and every other view are functions of it. Nothing here holds a tensor's values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

from layercli.core import dims, dtypes
from layercli.core.dims import UNKNOWN, Size
from layercli.core.spec import Spec

ROOT = ""
"""The path of the model itself."""


class ValueKind(Enum):
    """What a value is to the model."""

    INPUT = "input"
    PARAMETER = "parameter"
    BUFFER = "buffer"
    CONSTANT = "constant"
    ACTIVATION = "activation"


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor that calls take or give, known by its place in ``ModelGraph.values``.

    Values with one ``storage`` share their memory: one is a view of the other, or was changed in place. ``path`` names an
    input, a parameter or a buffer. ``trainable`` is None for other kinds, and where a file does not say.
    """

    spec: Spec
    kind: ValueKind
    storage: int
    path: str = ""
    trainable: bool | None = None
    stored_bytes: int | None = None
    """The bytes it takes, where they do not follow from the Spec: in a quantized file."""

    @property
    def bytes(self) -> Size:
        """The memory it takes, in bytes; unknown for a dtype that has no fixed size, such as a string."""
        if self.stored_bytes is not None:
            return self.stored_bytes
        return self.spec.bytes if self.spec.dtype in dtypes.BYTES else UNKNOWN


@dataclass(frozen=True, slots=True)
class ModuleNode:
    """A part of the model that has a path: a layer, a torch module, a scope of an ONNX graph, a prefix of a file's names.

    ``variables`` maps its own parameters and buffers by their names in it (``kernel``) to places in ``ModelGraph.values``.
    """

    path: str
    class_name: str | None
    depth: int
    parent: str | None
    name: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, int] = field(default_factory=dict)
    built: bool = True
    """False where it has yet to make variables, so that their number is unknown."""
    container: bool = False
    """True where it only holds others and is never called, as a ``ModuleList``."""


@dataclass(frozen=True, slots=True)
class OperationCall:
    """One operation in the order they run: its name and arguments, the module it ran in, what it took and gave.

    ``inputs`` and ``outputs`` are places in ``ModelGraph.values``. ``macs`` is None where it cannot be computed;
    ``reason`` then says why.
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
    """One call of a module: the calls of operations from ``start`` to ``stop`` (exclusive) ran inside it.

    ``inputs`` are the places in ``ModelGraph.values`` of the tensors among its arguments; ``outputs`` is a tree (lists, tuples,
    dicts) of places, None for a leaf that is no tensor. ``finished`` is False for a call that did not return.
    """

    module: str
    inputs: tuple[int, ...]
    outputs: Any
    start: int
    stop: int
    finished: bool = True


@dataclass(frozen=True)
class ModelGraph:
    """A model: its modules by path (parents first, in their author's order), its calls as they run, and their values.

    ``incomplete`` says why ``calls`` does not hold every call of a forward pass: the model was not called at all, or the call
    failed; it is None where they are all there. ``notes`` are the footnotes of how the description was made.
    """

    name: str
    class_name: str | None
    source: str
    modules: Mapping[str, ModuleNode]
    children: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The paths of the modules directly below each one; a module that several hold stands below each of them."""
    calls: tuple[OperationCall, ...] = ()
    module_calls: tuple[ModuleCall, ...] = ()
    values: tuple[Value, ...] = ()
    inputs: tuple[tuple[str, int], ...] = ()
    outputs: tuple[tuple[str, int], ...] = ()
    notes: tuple[str, ...] = ()
    incomplete: str | None = None
    dropped: Mapping[int, int] = field(default_factory=dict)
    """For a model that runs in eager mode: how many calls were made when the Python code dropped a value, by its index in
    ``values``. A value that is not in it lives until the last call that takes it."""

    @property
    def root(self) -> ModuleNode:
        """The model itself as a module."""
        return self.modules[ROOT]

    @cached_property
    def calls_of(self) -> Mapping[str, tuple[ModuleCall, ...]]:
        """Every call of each module that was called, by its path."""
        found: dict[str, list[ModuleCall]] = {}
        for call in self.module_calls:
            found.setdefault(call.module, []).append(call)
        return {path: tuple(calls) for path, calls in found.items()}

    def below(self, path: str = ROOT) -> Iterator[ModuleNode]:
        """Yield the module at ``path`` and all below it, each once, parents first."""
        seen: set[str] = set()
        pending = [path]
        while pending:
            path = pending.pop()
            if path not in seen:
                seen.add(path)
                yield self.modules[path]
                pending += reversed(self.children.get(path, ()))

    def variables_below(self, path: str = ROOT) -> list[Value]:
        """Return the parameters and buffers of the module at ``path`` and of those below it, each once."""
        places = dict.fromkeys(place for module in self.below(path) for place in module.variables.values())
        return [self.values[place] for place in places]

    @cached_property
    def tied(self) -> tuple[tuple[str, ...], ...]:
        """The paths of each parameter or buffer that several modules hold, or one module under several names."""
        paths: dict[int, list[str]] = {}
        for module in self.modules.values():
            for name, place in module.variables.items():
                paths.setdefault(place, []).append(f"{module.path}/{name}".lstrip("/"))
        return tuple(tuple(same) for same in paths.values() if len(same) > 1)

    def operations_of(self, path: str = ROOT) -> Iterator[OperationCall]:
        """Yield the calls of operations that ran inside the module at ``path``, in all its calls."""
        for call in self.calls_of.get(path, ()):
            yield from self.calls[call.start : call.stop]

    def macs(self, path: str = ROOT) -> Size:
        """Return the multiply-accumulates of all calls of a module; unknown where one of them is, or was not described."""
        calls = self.calls_of.get(path, ())
        if self.incomplete and not (calls and all(call.finished for call in calls)):
            return UNKNOWN
        return dims.total(UNKNOWN if call.macs is None else call.macs for call in self.operations_of(path))

    def reasons(self, path: str = ROOT) -> list[str]:
        """Return why the multiply-accumulates of a module are unknown, each reason once; none where they are known."""
        found = dict.fromkeys(call.reason for call in self.operations_of(path) if call.macs is None)
        return [*([self.incomplete] if self.incomplete else []), *filter(None, found)]


class ModelGraphBuilder:
    """Collects modules, values and calls while a model is described, and gives the ModelGraph of them."""

    def __init__(self, name: str, class_name: str | None, source: str) -> None:
        self.name, self.class_name, self.source = name, class_name, source
        self.modules: dict[str, ModuleNode] = {}
        self.children: dict[str, list[str]] = {}
        self.calls: list[OperationCall] = []
        self.module_calls: list[ModuleCall] = []
        self.values: list[Value] = []
        self.notes: list[str] = []
        self.dropped: dict[int, int] = {}

    def add_module(self, path: str, class_name: str | None, **fields: Any) -> None:
        """Add a module after its parent: that of the longest path above it, unless ``parent`` is given.

        Its depth counts the modules above it that are no containers.
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
        """Say that the module at ``parent`` holds the one at ``path``, which may stand below others too."""
        held = self.children.setdefault(parent, [])
        if path not in held:
            held.append(path)

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
        """Add a value, a view of another where ``view_of`` gives that one's place, and return its place."""
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
        """Return the ModelGraph, its ends given by name."""
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
            dropped=self.dropped,
        )
