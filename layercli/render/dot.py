"""The picture of a model for Graphviz: its DOT language, with a cluster for each group."""

from __future__ import annotations

from layercli.escaping import printable
from layercli.inspect.plot_graph import PlotBox, PlotGraph
from layercli.render.plot_colours import CHANGE_COLOURS, KIND_COLOURS
from layercli.render.plot_labels import kind_of, label_of


def draw_dot(graph: PlotGraph, *, down: bool | None = None) -> str:
    """Return the picture in the DOT language; edges run ``down``, by default those of a tree run to the right."""
    direction = "TB" if (graph.flows if down is None else down) else "LR"
    lines = [
        "digraph {",
        f"  graph [rankdir={direction} label={quoted(printable(graph.title))} labelloc=t fontname=Helvetica]",
        "  node [shape=box style=\"rounded,filled\" fontname=Helvetica fontsize=11]",
        "  edge [color=\"#6e7781\" arrowsize=0.7]",
        *box_lines(graph, None, "  "),
        *(f"  b{edge.source} -> b{edge.target}" for edge in graph.edges),
        "}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def box_lines(graph: PlotGraph, parent: int | None, indent: str) -> list[str]:
    """Return the lines of the boxes in one group, or outside of all."""
    lines: list[str] = []
    for box in graph.boxes:
        if box.parent != parent:
            continue
        fill, stroke, *_ = KIND_COLOURS[kind_of(box)]
        stroke = CHANGE_COLOURS[box.change][0] if box.change else stroke
        if box.group:
            lines += [
                f"{indent}subgraph cluster_{box.number} {{",
                f'{indent}  graph [label={quoted(texts_of(box))} style=rounded color="{stroke}"]',
                *box_lines(graph, box.number, f"{indent}  "),
                f"{indent}}}",
            ]
        else:
            lines.append(f'{indent}b{box.number} [label={quoted(texts_of(box))} fillcolor="{fill}" color="{stroke}"]')
    return lines


def texts_of(box: PlotBox) -> str:
    """Return the lines in a box."""
    label = label_of(box)
    first = "  ".join(filter(None, (label.title, label.type, label.repeats)))
    return "\n".join(filter(None, (first, label.shapes if box.kind != "operation" else "", label.figures)))


def quoted(text: str) -> str:
    r"""Return a text as a DOT string.

    >>> print(quoted('a "b" \\n'))
    "a \"b\" \\n"
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
