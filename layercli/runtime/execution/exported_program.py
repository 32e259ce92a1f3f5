"""A ``.pt2`` file of ``torch.export.save`` as a module, with one submodule for each exported module."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Collection, Iterator
from typing import Any

import torch
from torch import fx, nn
from torch.export.graph_signature import InputKind, OutputKind, TensorArgument
from torch.fx.node import map_aggregate
from torch.utils import _pytree as pytree

from layercli.core.dims import Dim
from layercli.core.spec import Spec, with_batch_dim
from layercli.errors import FormatError
from layercli.formats.pt2_archive import checked
from layercli.runtime.execution import tensors
from layercli.runtime.execution.graph_module import GraphModule, refused, unreadable
from layercli.runtime.execution.training_mode import training_notes


class ExportedGraph(GraphModule):
    """The program of a ``.pt2`` file; it takes the arguments of the exported ``forward``."""

    held_under = "graph/"

    def __init__(self, file: str) -> None:
        super().__init__(file)
        program = loaded(file)
        given = [s.arg for s in program.graph_signature.input_specs if s.kind is InputKind.USER_INPUT]
        values = {node.name: node.meta["val"] for node in program.graph.nodes if node.op == "placeholder"}
        self.specs = {x.name: spec_of(values[x.name]) for x in given if isinstance(x, TensorArgument)}
        self._leaves = [None if isinstance(x, TensorArgument) else x for x in given]
        self._structure = program.call_spec.in_spec
        self._place = torch.device("cpu")
        self._program = program
        self.notes = training_notes(program.graph)
        self.indexed = indexed_by(program.graph, set(self.specs))
        self._unflatten()

    def layers(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield the exported modules that torch recorded in the graph."""
        yield from ((path.replace(".", "/"), module) for path, module in self.graph.named_modules() if path)

    def forward(self, *inputs: torch.Tensor) -> Any:
        """Return the result of the program in its original structure."""
        remaining = iter(inputs)
        leaves = [next(remaining) if leaf is None else leaf.value for leaf in self._leaves]
        args, kwargs = pytree.tree_unflatten(leaves, self._structure)
        try:
            return self.graph(*args, **kwargs)
        except Exception as error:
            raise refused(self.file, error, inputs) from error

    def to(self, place: torch.device) -> ExportedGraph:  # type: ignore[override]  # only a device is supported
        """Move the values, and replace the devices written in the graph."""
        from torch.export.passes import move_to_device_pass

        if place != self._place:
            self._program, self._place = move_to_device_pass(self._program, place), place
            self._unflatten()
        return self

    def describing(self) -> ExportedGraph:
        """Rewrite the devices in the graph to the meta device. Values stay, because torch would merge equal meta tensors."""
        for module in self.graph.modules():
            graph = getattr(module, "graph", None)
            module._run_with_interpreter = True
            vars(module).update({name: x.to("meta") for name, x in vars(module).items() if isinstance(x, torch.Tensor)})
            for node in graph.nodes if isinstance(graph, fx.Graph) else ():
                node.args, node.kwargs = map_aggregate((node.args, node.kwargs), on_meta)
        return self

    def output_specs(self) -> dict[str, Spec] | None:
        """Return the Specs of the outputs as the program records them; None if one of them is no tensor."""
        signature = self._program.graph_signature
        results = [s.arg for s in signature.output_specs if s.kind is OutputKind.USER_OUTPUT]
        values = {node.name: node.meta.get("val") for node in self._program.graph.nodes}
        if not all(isinstance(x, TensorArgument) for x in results):
            return None
        return {f"output_{i}": spec_of(values[x.name]) for i, x in enumerate(results)}

    @property
    def limits(self) -> dict[str, int]:
        """The upper bound of each dynamic size by name; unbounded sizes are omitted."""
        values = {node.name: node.meta["val"] for node in self._program.graph.nodes if node.op == "placeholder"}
        pairs = (pair for name, spec in self.specs.items() for pair in zip(values[name].shape, spec.shape, strict=True))
        ranges = {str(symbol): found.upper for symbol, found in self._program.range_constraints.items()}
        uppers = ((str(ours), ranges.get(str(theirs))) for theirs, ours in pairs if isinstance(ours, Dim))
        return {name: int(upper) for name, upper in uppers if upper is not None and getattr(upper, "is_Integer", False)}

    @property
    def _ty(self) -> str | None:
        """The class name that torch recorded for the root module."""
        return getattr(self.graph, "_ty", None)

    def _unflatten(self) -> None:
        with warnings.catch_warnings(action="ignore"):
            graph: Any = torch.export.unflatten(self._program).eval()
        for module in graph.modules():
            module._run_with_interpreter = False  # the generated code takes a third of the interpreter's time
        self.graph = graph


KEEPING = frozenset(
    ("alias", "clone", "contiguous", "expand", "flatten", "reshape", "select", "slice", "squeeze", "to", "_to_copy",
     "transpose", "unsqueeze", "view")
)  # fmt: skip
"""Operations that give the values that they take."""


def indexed_by(graph: fx.Graph, inputs: Collection[str]) -> dict[str, int]:
    """Return the number of rows of the smallest table that each of the ``inputs`` chooses rows of by their index."""
    found: dict[str, int] = {}
    for node in graph.nodes:
        if node.op == "call_function" and str(node.target).startswith("aten.embedding."):
            table, indices = node.args[:2]
            while indices.op == "call_function" and name_of(indices) in KEEPING:
                indices = indices.args[0]
            if indices.name in inputs:
                rows = int(table.meta["val"].shape[0])
                found[indices.name] = min(found.get(indices.name, rows), rows)
    return found


def name_of(node: fx.Node) -> str:
    """Return the name of the operation of a node: ``view`` for ``aten.view.default``."""
    return (str(node.target).split(".") + [""])[1]


def on_meta(value: object) -> Any:
    """Return the meta device for any device; return other values unchanged."""
    return torch.device("meta") if isinstance(value, torch.device) else value


def loaded(file: str) -> torch.export.ExportedProgram:
    """Return the program in a file; FormatError if it contains executable content or torch rejects it."""
    content = checked(file)
    for name in ("torch.export", "torch.fx.experimental.symbolic_shapes"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # torch logs the traceback of the exceptions it raises
    try:
        with warnings.catch_warnings(action="ignore"):
            return torch.export.load(content)
    except Exception as error:
        raise unreadable(file, f"torch {torch.__version__}", error) from error


def spec_of(value: torch.Tensor) -> Spec:
    """Return the Spec of an example input; a dynamic size has torch's name for it, the first axis is the batch."""
    if not isinstance(value, torch.Tensor):
        raise FormatError(f"the model takes {value!r}, which is not a tensor")
    first, *rest = (size if isinstance(size, int) else str(size) for size in value.shape) if value.ndim else (None,)
    batch = None if isinstance(first, str) else first
    return Spec(with_batch_dim((batch, *rest)) if value.ndim else (), tensors.name_of(value.dtype))
