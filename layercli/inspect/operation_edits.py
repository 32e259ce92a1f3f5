"""The edits of the operations that run in matched modules: added, removed, changed, replaced, or given other inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from layercli.dataclass import dataclass
from layercli.inspect.common_subsequence import parts
from layercli.inspect.edit_script import StructureEdit, module_tree, structure_edits, text_of
from layercli.inspect.model_graph import ModelGraph, ModuleCall


@dataclass(frozen=True)
class CallStep:
    """An operation, or the call of a module, directly in another: ``producers`` are the steps whose results it takes.

    ``name`` is the operation's, or the module's path; -1 among the producers is what the module itself is given.
    """

    name: str
    module: bool
    arguments: Mapping[str, str]
    producers: tuple[int, ...]


def graph_edits(a: ModelGraph, b: ModelGraph) -> tuple[list[StructureEdit], dict[str, str]]:
    """Return the edits that turn ``a`` into ``b``, of modules and then of operations, and the paths of the modules that stay."""
    compared = a.arguments_known and b.arguments_known
    trees = (module_tree(graph, arguments_compared=compared) for graph in (a, b))
    edits, paths = structure_edits(*trees)
    edited = {edit.a for edit in edits if edit.a is not None and edit.kind != "renamed"}
    return [*edits, *operation_edits(a, b, paths, edited)], paths


def operation_edits(a: ModelGraph, b: ModelGraph, paths: Mapping[str, str], edited: set[str]) -> list[StructureEdit]:
    """Return the edits inside the matched modules ``paths``; those ``edited`` themselves differ inside for that reason."""
    if a.incomplete or b.incomplete:
        return []
    inner, outer = calls_within(a), calls_within(b)
    found: list[StructureEdit] = []
    for path, other in paths.items():
        if path not in edited and path in a.calls_of and other in b.calls_of:
            mine, theirs = steps(a, path, inner), steps(b, other, outer)
            named = [
                replace(step, name=paths.get(step.name, f"-{step.name}")) if step.module else step for step in mine
            ]
            found += step_edits(path, other, named, theirs)
    return found


def calls_within(graph: ModelGraph) -> Mapping[str, list[ModuleCall]]:
    """Return the calls of the modules directly below each module."""
    found: dict[str, list[ModuleCall]] = {}
    for call in graph.module_calls:
        parent = graph.modules[call.module].parent
        while parent is not None and parent not in graph.calls_of:
            parent = graph.modules[parent].parent
        if parent is not None:
            found.setdefault(parent, []).append(call)
    return found


def steps(graph: ModelGraph, path: str, within: Mapping[str, list[ModuleCall]]) -> list[CallStep]:
    """Return the steps of the first call of the module at ``path``, in the order they run."""
    call = graph.calls_of[path][0]
    inside = {c.start: c for c in within.get(path, ()) if call.start <= c.start < c.stop <= call.stop}
    found: list[CallStep] = []
    made: dict[int, int] = {}
    i = call.start
    while i < call.stop:
        child = inside.get(i)
        stop = i + 1 if child is None else child.stop
        taken = dict.fromkeys(x for each in graph.calls[i:stop] for x in each.inputs)
        gave = {x for each in graph.calls[i:stop] for x in each.outputs}
        producers = tuple(sorted({made[x] for x in taken if x in made and x not in gave}))
        operation = graph.calls[i]
        arguments = {} if child else {name: text_of(value) for name, value in operation.arguments.items()}
        made.update(dict.fromkeys(gave, len(found)))
        found.append(CallStep(child.module if child else operation.operation, child is not None, arguments, producers))
        i = stop
    return found


def step_edits(path: str, other: str, a: list[CallStep], b: list[CallStep]) -> Iterator[StructureEdit]:
    """Yield the edits that turn steps into others; calls of modules that only one side has are edits of these already."""
    mine_keys, their_keys = ([(x.name, x.module, tuple(sorted(x.arguments.items()))) for x in side] for side in (a, b))
    same: dict[int, int] = {}
    for equal, at, there in parts(mine_keys, their_keys):
        if equal:
            same.update(zip(at, there, strict=True))
        else:
            mine, theirs = [a[i] for i in at if not a[i].module], [b[j] for j in there if not b[j].module]
            yield from replaced_steps(path, other, mine, theirs)
    kept = set(same.values())
    for i, j in same.items():
        expected = [same.get(x) for x in a[i].producers]
        known = None not in expected and all(y in kept for y in b[j].producers)
        if known and expected != list(b[j].producers):
            name = b[j].name
            if b[j].module:
                yield StructureEdit("rewired", name, name)
            else:
                yield StructureEdit("rewired", path, other, name, name, operation=True)


def replaced_steps(path: str, other: str, a: list[CallStep], b: list[CallStep]) -> Iterator[StructureEdit]:
    """Yield the edits between operations in the same place: pairs of them, then what one side has more."""
    for x, y in zip(a, b, strict=False):
        kind = "changed" if x.name == y.name else "replaced"
        names = dict.fromkeys([*x.arguments, *y.arguments]) if x.name == y.name else {}
        pairs = {name: (x.arguments.get(name), y.arguments.get(name)) for name in names}
        different = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
        yield StructureEdit(kind, path, other, x.name, y.name, different, operation=True)  # type: ignore[arg-type]  # two kinds
    for x in a[len(b) :]:
        yield StructureEdit("removed", path, None, class_a=x.name, operation=True)
    for y in b[len(a) :]:
        yield StructureEdit("added", None, other, class_b=y.name, operation=True)
