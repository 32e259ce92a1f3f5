"""What a picture of a model shows: boxes for inputs, layers, operations and outputs, and the edges between them, as data.

Layers with equal content and consecutive numbers are one box, as in the summary. Every picture is drawn from this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any, Literal

from layercli.core.spec import Spec
from layercli.dataclass import dataclass

BoxKind = Literal["input", "output", "module", "operation", "operations"]
FOLDED = "\N{MULTIPLICATION SIGN} N stands for N equal layers: parameters of one, shares of all"
"""The footnote of a picture in which a box stands for several layers."""

Change = Literal["", "added", "removed", "changed", "moved", "inside"]


@dataclass(frozen=True)
class PlotBox:
    """A box: a module or an operation, an input or an output; ``operations`` is one that stands for many operations.

    ``title`` is its name below the box around it, ``parent`` the number of that one. ``repeats`` is how many equal modules it
    stands for: ``parameters`` are those of each, ``share`` is that of all, also of the
    copies that a box around it stands for. ``specs`` are its outputs. A ``group`` has boxes
    inside it. ``change`` says how it differs from another model, ``inside`` that only modules in it do.
    """

    number: int
    kind: BoxKind
    path: str
    title: str
    type: str = ""
    parent: int | None = None
    specs: tuple[Spec, ...] = ()
    parameters: int | None = None
    share: float = 0.0
    repeats: int = 1
    group: bool = False
    shared: bool = False
    change: Change = ""
    remark: str = ""
    module: str = ""
    """The path of the module, of the first one if it stands for several; of an operation the module that it runs in."""

    def to_json(self) -> dict[str, Any]:
        """Return the box as JSON data."""
        from layercli.inspect.summary import json_shapes

        return {
            "number": self.number,
            "kind": self.kind,
            "path": self.path,
            "class": self.type or None,
            "parent": self.parent,
            "outputs": [{"shape": json_shapes(spec.shape), "dtype": spec.dtype} for spec in self.specs],
            "parameters": self.parameters,
            "share": self.share,
            "repeats": self.repeats,
            **({"change": self.change} if self.change else {}),
        }


@dataclass(frozen=True)
class PlotEdge:
    """A value that flows from the box ``source`` to the box ``target``, neither of which is a group."""

    source: int
    target: int
    change: Change = ""


@dataclass(frozen=True)
class PlotGraph:
    """The boxes of a picture in execution order, outer ones first, and its edges.

    ``flows`` is False for a tree of modules, whose edges go to what a module contains.
    """

    name: str
    class_name: str | None
    boxes: tuple[PlotBox, ...]
    edges: tuple[PlotEdge, ...]
    parameters: int = 0
    bytes: int = 0
    notes: tuple[str, ...] = ()
    flows: bool = True
    compared_with: str = ""
    failure: str | None = None
    """Why the call failed; the boxes are those up to it."""

    @property
    def title(self) -> str:
        """The name of the model with its class."""
        return self.name if self.class_name in (None, self.name) else f"{self.name} ({self.class_name})"

    def to_json(self) -> dict[str, Any]:
        """Return the document that ``layercli plot --format json`` prints."""
        return {
            "schema": "layercli.plot/1",
            "model": {"name": self.name, "class": self.class_name},
            "boxes": [box.to_json() for box in self.boxes],
            "edges": [{"source": edge.source, "target": edge.target} for edge in self.edges],
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class PlotOptions:
    """What to show: modules down to ``depth`` (None: as deep as FEW boxes allow), those in ``expand`` opened further.

    ``focus`` is the path of the module that is shown alone; ``fold`` shows equal neighbours as one box. ``changes`` maps paths
    to how they differ from another model.
    """

    depth: int | None = None
    expand: tuple[str, ...] = ()
    focus: str = ""
    fold: bool = True
    changes: Mapping[str, Change] = field(default_factory=dict)


FEW = 30
"""How many boxes a picture has at most if its depth is not given."""
MOST = 2000
"""How many boxes any picture has at most: of a larger one the levels that go beyond are left out."""


def change_of(path: str, changes: Mapping[str, Change], below: Iterable[str]) -> Change:
    """Return how the module at ``path`` differs: by itself, or by a module among those ``below`` it."""
    own = changes.get(path, "")
    return own or ("inside" if any(each in changes for each in below) else "")
