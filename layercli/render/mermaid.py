"""The picture of a model as a Mermaid flowchart, which GitHub and documentation tools draw from Markdown."""

from __future__ import annotations

from layercli.escaping import printable
from layercli.inspect.plot_graph import PlotBox, PlotGraph
from layercli.render.dot import texts_of
from layercli.render.plot_colours import CHANGE_COLOURS, KIND_COLOURS
from layercli.render.plot_labels import kind_of

ENTITIES = {ord(c): f"#{ord(c)};" for c in '"#&<>`\\'}
"""Characters that Mermaid, or the Markdown and HTML in its labels, would read; it writes them as numbers."""


def draw_mermaid(graph: PlotGraph, *, down: bool | None = None) -> str:
    """Return the picture in Mermaid's language; edges run ``down``, by default those of a tree run to the right."""
    direction = "TD" if (graph.flows if down is None else down) else "LR"
    kinds = [kind for kind in KIND_COLOURS if any(kind_of(box) == kind for box in graph.boxes if not box.group)]
    lines = [
        f"%% {printable(graph.title)}",
        f"flowchart {direction}",
        *box_lines(graph, None, "  "),
        *(f"  b{edge.source} --> b{edge.target}" for edge in graph.edges),
        *(f"  classDef {kind} fill:{KIND_COLOURS[kind][0]},stroke:{KIND_COLOURS[kind][1]},color:#1f2328" for kind in kinds),
        *(f"  style b{b.number} stroke:{CHANGE_COLOURS[b.change][0]},stroke-width:3px" for b in graph.boxes if b.change),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def box_lines(graph: PlotGraph, parent: int | None, indent: str) -> list[str]:
    """Return the lines of the boxes in one group, or outside of all."""
    lines: list[str] = []
    for box in graph.boxes:
        if box.parent != parent:
            continue
        if box.group:
            inner = box_lines(graph, box.number, f"{indent}  ")
            lines += [f'{indent}subgraph b{box.number}["{text_of(box)}"]', *inner, f"{indent}end"]
        else:
            left, right = ("[", "]") if box.kind == "module" else ("([", "])")
            lines.append(f'{indent}b{box.number}{left}"{text_of(box)}"{right}:::{kind_of(box)}')
    return lines


def text_of(box: PlotBox) -> str:
    """Return the lines in a box, with all that is markup as numbers."""
    return texts_of(box).translate(ENTITIES).replace("\n", "<br/>")
