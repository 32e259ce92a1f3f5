"""The picture of a model whose computation is not known, such as a weight file: its modules as a tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field

from layercli.core.dims import Dim
from layercli.dataclass import dataclass
from layercli.inspect.model_graph import ROOT, ModelGraph, ModuleNode, Value, ValueKind
from layercli.inspect.plot_graph import FEW, FOLDED, MOST, PlotBox, PlotEdge, PlotGraph, PlotOptions, change_of
from layercli.inspect.repeats import path_of_run, runs_of_equal


def tree_plot(graph: ModelGraph, options: PlotOptions) -> PlotGraph:
    """Return the modules below the focus as a tree, down to the depth, or as deep as few boxes allow."""
    if options.depth is not None:
        return _TreePlotter(graph, options).plot(options.depth)
    found, depth = _TreePlotter(graph, options).plot(1), 2
    while len(found.boxes) <= FEW:
        deeper = _TreePlotter(graph, options).plot(depth)
        if len(deeper.boxes) == len(found.boxes) or len(deeper.boxes) > FEW:
            break
        found, depth = deeper, depth + 1
    return found


@dataclass
class _TreePlotter:
    """Makes the tree."""

    graph: ModelGraph
    options: PlotOptions
    boxes: list[PlotBox] = field(default_factory=list)
    edges: list[PlotEdge] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    copies: list[int] = field(default_factory=list)
    """Of each box, how many equal modules it stands for, all in all: a box below one that stands for three does for three."""

    def plot(self, depth: int) -> PlotGraph:
        """Return the tree down to ``depth`` levels below the focus."""
        self.total, size = totals_of(self.graph)
        focus = self.graph.modules[self.options.focus]
        self.add([focus.path], focus.path or self.graph.name, None)
        self.add_below(focus.path, 0, depth)
        if any(box.repeats > 1 for box in self.boxes):
            self.notes.append(FOLDED)
        if self.graph.incomplete:
            self.notes.append(f"the modules are shown: {self.graph.incomplete}")
        boxes, edges = tuple(self.boxes), tuple(self.edges)
        return PlotGraph(
            self.graph.name, self.graph.class_name, boxes, edges, self.total, size, tuple(self.notes), flows=False
        )

    def add(self, paths: list[str], title: str, above: int | None) -> int:
        """Add the box of a module, or of a run of equal ones, and its edge; return its number."""
        node, parameters = self.graph.modules[paths[0]], parameters_of(self.graph, paths[0])
        below = [module.path for module in self.graph.below(paths[0])]
        copies = len(paths) * (1 if above is None else self.copies[above])
        number = len(self.boxes)
        box = PlotBox(
            number,
            "module",
            path_of_run(paths[0], paths[-1]),
            title,
            type=node.class_name or "",
            parameters=parameters,
            share=copies * (parameters or 0) / self.total if self.total else 0.0,
            repeats=len(paths),
            change=change_of(node.path, self.options.changes, below[1:]),
            module=node.path,
        )
        self.boxes.append(box)
        self.copies.append(copies)
        if above is not None:
            self.edges.append(PlotEdge(above, number))
        return number

    def add_below(self, path: str, number: int, depth: int) -> None:
        """Add the modules inside the one at ``path``; those of a list stand for the list."""
        special = (*self.options.changes, *self.options.expand)
        groups = child_runs(self.graph, path, apart=special, fold=self.options.fold)
        if len(groups) > MOST // 10:
            left_out = sum(map(len, groups[MOST // 10 :]))
            groups = groups[: MOST // 10]
            self.notes.append(
                f"{left_out:,} more modules in {path or self.graph.name} are not shown (--focus shows a part)"
            )
        prefix = f"{path}/" if path else ""
        for paths in groups:
            if len(self.boxes) >= MOST:
                return
            paths = self.past_prefixes(paths, special)
            title = path_of_run(paths[0], paths[-1]).removeprefix(prefix)
            inner = self.add(paths, title, number)
            opened = any(is_around(paths[0], each) for each in self.options.expand)
            if depth > 1 or opened:
                self.add_below(paths[0], inner, depth - 1)

    def past_prefixes(self, paths: list[str], apart: Iterable[str]) -> list[str]:
        """Return the modules that are all that is in a prefix of a file's names: ``base_model/model/layers/0..3`` is one box."""
        node = self.graph.modules[paths[0]]
        if len(paths) > 1 or node.class_name or node.variables or any(is_around(paths[0], each) for each in apart):
            return paths
        inner = child_runs(self.graph, paths[0], apart=apart, fold=self.options.fold)
        return self.past_prefixes(inner[0], apart) if len(inner) == 1 else paths


def is_around(path: str, other: str) -> bool:
    """Whether a module is the other one, or around it."""
    return other == path or other.startswith(f"{path}/")


def child_runs(graph: ModelGraph, path: str, *, apart: Iterable[str] = (), fold: bool = True) -> list[list[str]]:
    """Return the paths of the modules directly inside one, with runs of equal ones grouped.

    A list of modules is passed over: its entries count as inside. Modules in ``apart``, or around one, are never grouped.
    """
    children = list(children_of(graph, path))
    if not fold:
        return [[child] for child in children]
    special = tuple(apart)

    def place(child: str) -> str:
        return "" if any(is_around(child, each) for each in special) else child

    return runs_of_equal(children, place, lambda child: content_of(graph, child))


def children_of(graph: ModelGraph, path: str) -> Iterator[str]:
    """Yield the paths of the modules directly inside one; those of a list stand for the list."""
    for child in graph.children.get(path, ()):
        if graph.modules[child].container:
            yield from children_of(graph, child)
        else:
            yield child


def content_of(graph: ModelGraph, path: str) -> object:
    """Return what two modules that differ in the numbers of their paths alone have in common."""

    def of(module: ModuleNode) -> object:
        variables = [(name, graph.values[place].spec) for name, place in module.variables.items()]
        return module.path.removeprefix(path), module.class_name, variables

    return [of(module) for module in graph.below(path)]


def is_counted(value: Value) -> bool:
    """Whether a value counts as parameters: all variables of a layer do, buffers of a torch module do not."""
    return value.kind is ValueKind.PARAMETER or (value.kind is ValueKind.BUFFER and value.trainable is not None)


def parameters_of(graph: ModelGraph, path: str = ROOT) -> int | None:
    """Return the number of parameters of a module with those below it; None if it has not created them yet."""
    if not graph.modules[path].built:
        return None
    return sum(int(value.spec.size) for value in graph.variables_below(path) if is_counted(value))


def totals_of(graph: ModelGraph) -> tuple[int, int]:
    """Return the number of parameters of the model, and their size in bytes as far as it is known."""
    held = [value for value in graph.variables_below() if is_counted(value)]
    sizes = [value.bytes for value in held]
    return sum(int(value.spec.size) for value in held), sum(int(x) for x in sizes if not isinstance(x, Dim))
