"""Summarize a weight file: one row for each module implied by the paths of its entries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from layercli.core.dims import UNKNOWN
from layercli.core.spec import Spec
from layercli.dataclass import dataclass
from layercli.formats.weight_file import TensorEntry, WeightFile
from layercli.inspect.checkpoint_parts import model_entries
from layercli.inspect.dtype_totals import DtypeTotal, totals_of
from layercli.inspect.file_identity import kind_of, metadata_in, metadata_line
from layercli.inspect.model_graph import ModelGraph, ModelGraphBuilder, ValueKind
from layercli.inspect.packed_weights import packed_weights, unpacked_entries
from layercli.inspect.summary import Row, Summary, Totals

LIGHTNING = "pytorch-lightning_version"
"""The entry that checkpoints of Lightning alone hold."""
DEEPEST = 64
"""The maximum nesting of modules; deeper path parts form one name."""


@dataclass(slots=True)
class Module:
    """The entries with a common path prefix: its own ones by the rest of the path, and its children."""

    path: tuple[str, ...] = ()
    entries: dict[str, TensorEntry] = field(default_factory=dict)
    children: dict[str, Module] = field(default_factory=dict)
    size: int = 0
    """The parameters here and below; those of entries with the same data once."""

    @property
    def listing(self) -> bool:
        """Whether it is only a list of modules."""
        return bool(self.children) and not self.entries and all(map(str.isdecimal, self.children))

    @property
    def ordered(self) -> list[Module]:
        """The children in file order; those of a list by number, because many files sort them as text."""
        if not self.listing:
            return list(self.children.values())
        return [self.children[key] for key in sorted(self.children, key=int)]

    def added(self, name: str) -> Module:
        """Return a new child of that name."""
        found = self.children[name] = Module((*self.path, name))
        return found


def summarize_file(file: WeightFile, config: Mapping[str, object] | None = None) -> Summary:
    """Return the summary of a weight file; classes, cost and trainability are unknown.

    A packed weight counts as the parameters it stands for; ``config`` is the config.json of the folder, which helps to find them.
    """
    entries, dtypes, notes = held_by_model(file, config)
    root, held = tree_of(entries), {entry.same_as or entry.path: entry for entry in entries.values()}
    parameters, size = sum(e.size for e in held.values()), sum(e.bytes for e in held.values())
    name = Path(file.file).name
    rows: list[Row] = []
    add_rows(rows, top_of(root), 1)
    alone = {entry.same_as or entry.path: entry.size for entry in root.entries.values()}
    own = [row_of(root, (name,), 1, sum(alone.values()))] if root.entries or not rows else []
    totals = Totals(parameters, None, None, size, UNKNOWN)
    metadata = metadata_in(file)
    kind, noted = kind_of(entries, metadata, config), metadata_line(metadata)
    return Summary(
        name,
        None,
        str(file.file),
        [],
        [],
        own + rows,
        totals,
        footnotes=notes,
        dtypes=dtypes,
        kind=kind,
        metadata=noted,
    )


def held_by_model(
    file: WeightFile, config: Mapping[str, object] | None
) -> tuple[dict[str, TensorEntry], list[DtypeTotal], list[str]]:
    """Return the entries of the model in a file, packed weights as one, their totals by dtype, and what is left out."""
    packed = packed_weights(file, config)
    unpacked = unpacked_entries(file.entries, packed)
    parts = getattr(file, "parts", ())
    lightning = bool(parts) and LIGHTNING in metadata_in(file)
    entries, out, notes = model_entries(unpacked, parts, lightning=lightning)
    return entries, totals_of({path: entry for path, entry in unpacked.items() if path not in out}, packed), notes


def weights_graph(file: WeightFile, config: Mapping[str, object] | None = None) -> ModelGraph:
    """Return the ModelGraph of a weight file: the modules implied by the names, and their entries, packed weights as one."""
    builder = ModelGraphBuilder(Path(file.file).name, None, str(file.file))
    places: dict[str, int] = {}

    def add(module: Module, top: bool) -> None:
        held = {name: place_of(entry) for name, entry in module.entries.items()}
        builder.add_module("/".join(module.path), None, variables=held, container=module.listing and not top)
        for child in module.ordered:
            add(child, top=False)

    def place_of(entry: TensorEntry) -> int:
        name = entry.same_as or entry.path
        if name not in places:
            spec = Spec(entry.shape, entry.dtype)
            places[name] = builder.add_value(spec, ValueKind.PARAMETER, path=name, stored_bytes=entry.bytes)
        return places[name]

    entries, _, notes = held_by_model(file, config)
    builder.notes += notes
    add(tree_of(entries), top=True)
    return builder.graph(incomplete="a weight file does not describe a computation")


def tree_of(entries: Mapping[str, TensorEntry]) -> Module:
    """Return the modules implied by the paths of the entries, whose parts are separated by ``/`` or ``.``."""
    root = Module()
    tied = {entry.same_as for entry in entries.values()}
    counted: set[tuple[str, tuple[str, ...]]] = set()  # data that several entries have, and the modules that count it
    for entry in entries.values():
        *modules, name = parts_of(entry.path)
        size, data = entry.size, entry.same_as or entry.path
        module, above = root, [root]
        for step in modules:
            below = module.children.get(step)
            module = module.added(step) if below is None else below
            above.append(module)
        module.entries[entry.path if name in module.entries else name] = entry
        if data in tied:
            above = [each for each in above if (data, each.path) not in counted]
            counted.update((data, each.path) for each in above)
        for each in above:
            each.size += size
    return root


def parts_of(path: str) -> list[str]:
    """Return the module names in a path, and the name of the variable.

    >>> parts_of("encoder.0.weight"), parts_of("layers/dense/vars/0")
    (['encoder', '0', 'weight'], ['layers', 'dense', 'vars/0'])
    """
    parts = path.replace("/", ".").split(".")
    if "" in parts or len(parts) > DEEPEST:
        parts = [part for part in re.split(r"[/.]", path, maxsplit=DEEPEST) if part] or [path]
    if len(parts) > 2 and parts[-2] == "vars" and parts[-1].isdecimal():  # Keras's names for a layer's variables
        parts[-2:] = ["/".join(parts[-2:])]
    return parts


def top_of(root: Module) -> Module:
    """Return the module whose children form the first level; a wrapper of everything, such as ``module``, is skipped."""
    while not root.entries and len(root.children) == 1:
        [only] = root.children.values()
        if only.entries or only.listing:
            break
        root = only
    return root


def add_rows(rows: list[Row], module: Module, depth: int) -> None:
    """Add the row of each module below, parents first; a plain list has no row and adds no level."""
    for child in module.ordered:
        listing = child.listing
        if not listing:
            rows.append(row_of(child, child.path, depth, child.size))
        if child.children:
            add_rows(rows, child, depth if listing else depth + 1)


def row_of(module: Module, path: tuple[str, ...], depth: int, parameters: int) -> Row:
    """Return the row of a module with so many parameters."""
    return Row(
        path="/".join(path),
        name=path[-1],
        cls=None,
        depth=depth,
        input_shape=None,
        output_shape=None,
        parameters=parameters,
        trainable=None,
        non_trainable=None,
        macs=UNKNOWN,
        shared=False,
        variables={name: entry.shape for name, entry in module.entries.items()},
    )
