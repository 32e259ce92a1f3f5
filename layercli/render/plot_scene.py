"""The picture of a model as a scene: boxes with measured labels, placed by the layout, with a title and a legend."""

from __future__ import annotations

from collections import Counter

from layercli.core.limits import EDGES
from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.escaping import printable
from layercli.inspect.plot_graph import PlotBox, PlotGraph
from layercli.render.edge_routes import PlacedNode
from layercli.render.font_metrics import width_of
from layercli.render.graph_layout import GraphLayout, LayoutNode, lay_out, lay_out_tree
from layercli.render.plot_colours import KIND_COLOURS, STYLES
from layercli.render.plot_labels import BoxLabel, facts_of, kind_of, label_of, tooltip_of
from layercli.render.scene import Label, Polyline, Rectangle, Scene, SceneGroup, Shape
from layercli.render.text_width import shortened

NAME, DETAIL, TITLE = 12.0, 10.5, 16.0
"""Font sizes of the name in a box, of its details, and of the picture's title, in pixels as all sizes are."""
PAD, GAP, MARGIN, CARD = 10.0, 14.0, 24.0, 4.0
"""Space inside a box beside its text, between two texts, around the picture; the offset of the card behind a folded box."""
HEADER, TALL, FLAT = 34.0, 44.0, 24.0
"""The heights of a group's header, of a layer's box, and of that of an operation."""


def scene_of(graph: PlotGraph, *, down: bool | None = None) -> Scene:
    """Return the picture as a scene; edges run ``down``, by default those of a tree run to the right."""
    labels = [label_of(box) for box in graph.boxes]
    nodes = layout_nodes(graph, labels)
    edges = [(edge.source, edge.target) for edge in graph.edges]
    down = graph.flows if down is None else down
    is_tree = not graph.flows and not down
    if not is_tree:
        check_edges(graph)
    placed = lay_out_tree(nodes, edges) if is_tree else lay_out(nodes, edges, header=HEADER - 30.0, down=down)
    top = 62.0
    foot, width, height = legend(graph, top + placed.height + 30.0)
    head_width = max(width_of(graph.title, TITLE, bold=True), width_of(facts_of(graph), DETAIL))
    inner = max(placed.width, width, head_width)
    left = MARGIN + (inner - placed.width) / 2
    parts = [heading(graph)]
    moved = [PlacedNode(n.x + left, n.y + top, n.width, n.height) for n in placed.nodes]
    for box, node in zip(graph.boxes, moved, strict=True):
        if box.group:
            parts.append(SceneGroup(group_frame(box, node), tooltip_of(box), box.path))
    parts.append(SceneGroup(edge_lines(graph, placed, left, top)))
    for box, node, label in zip(graph.boxes, moved, labels, strict=True):
        shapes = group_header(node, label) if box.group else box_shapes(box, node, label)
        parts.append(SceneGroup(shapes, tooltip_of(box), box.path))
    parts.append(foot)
    return Scene(
        round(inner + 2 * MARGIN),
        round(height + MARGIN - 8),
        printable(graph.title),
        parts,
        STYLES,
    )


def check_edges(graph: PlotGraph) -> None:
    """Raise FormatError where more edges meet at one box than can be laid out in seconds."""
    counts = Counter(end for edge in graph.edges for end in (edge.source, edge.target))
    try:
        EDGES.check(f"the picture of {graph.title}", max(counts.values(), default=0))
    except FormatError as error:
        error.hint = f"draw less with --depth or --focus, or write .dot or .mmd; {error.hint}"
        raise


def layout_nodes(graph: PlotGraph, labels: list[BoxLabel]) -> list[LayoutNode]:
    """Return the sizes of the boxes; the first box in a group is at least as wide as the group's header."""
    sizes = [size_of(box, label) for box, label in zip(graph.boxes, labels, strict=True)]
    first: dict[int, int] = {}
    for box in graph.boxes:
        if box.parent is not None:
            first.setdefault(box.parent, box.number)
    for box in graph.boxes:
        if box.group:
            leaf, room = box.number, sizes[box.number][0]
            while leaf in first:
                leaf, room = first[leaf], room - 2 * 14.0
            sizes[leaf] = (max(sizes[leaf][0], room), sizes[leaf][1])
    return [LayoutNode(*sizes[box.number], box.parent) for box in graph.boxes]


def size_of(box: PlotBox, label: BoxLabel) -> tuple[float, float]:
    """Return the width and height that the texts of a box take, of a group those of its header."""
    rows = [
        (width_of(left, size, bold=bold), width_of(right, DETAIL)) for left, size, bold, right in rows_of(box, label)
    ]
    text = max(left + (GAP + right if right else 0.0) for left, right in rows)
    card = CARD if box.repeats > 1 and not box.group else 0.0
    height = TALL if len(rows) > 1 else FLAT
    return max(round(text + 2 * PAD + 0.5), 64) + card, height + card


def rows_of(box: PlotBox, label: BoxLabel) -> list[tuple[str, float, bool, str]]:
    """Return the rows of a box: the text at the left with its font size and weight, and the text at the right."""
    if box.kind in ("input", "output"):
        return [(label.title, NAME, True, label.shapes)]
    if box.kind == "operation":
        return [(label.title, DETAIL, False, "")]
    right = "  ".join(filter(None, (label.type, label.repeats)))
    if box.kind == "module" and not (label.shapes or label.figures):
        return [(label.title, NAME, True, right)]
    return [(label.title, NAME, True, right), (label.shapes, DETAIL, False, label.figures)]


def box_shapes(box: PlotBox, node: PlacedNode, label: BoxLabel) -> list[Shape]:
    """Return the shapes of a box: the card, the share of the parameters as a bar, and the texts."""
    kind, card = kind_of(box), CARD if box.repeats > 1 else 0.0
    width, height = node.width - card, node.height - card
    radius = height / 2 if box.kind in ("input", "output", "operation") else 6.0
    shapes: list[Shape] = []
    if card:
        shapes.append(Rectangle(node.x + card, node.y + card, width, height, radius, kind))
    shapes.append(Rectangle(node.x, node.y, width, height, radius, kind))
    if box.change:
        shapes.append(Rectangle(node.x, node.y, width, height, radius, f"change-{box.change}"))
    if box.kind in ("module", "operations") and box.share >= 0.01:
        shapes.append(Rectangle(node.x + 6, node.y + height - 5, (width - 12) * box.share, 2.5, 1.0, f"bar-{kind}"))
    rows = rows_of(box, label)
    baselines = [node.y + 17, node.y + 33] if len(rows) > 1 else [node.y + 16]
    for row, y in zip(rows, baselines, strict=True):
        shapes += row_labels(row, node.x, y, width, centred=box.kind == "operation")
    return shapes


def row_labels(
    row: tuple[str, float, bool, str], x: float, y: float, width: float, *, centred: bool = False
) -> list[Shape]:
    """Return the texts of a row: one at the left, one at the right, or one in the middle."""
    left, size, bold, right = row
    taken = width_of(left, size, bold=bold)
    start = x + (width - taken) / 2 if centred else x + PAD
    found: list[Shape] = [Label(start, y, left, taken, size, "text" if bold else "muted", bold)] if left else []
    if right:
        room = width_of(right, DETAIL)
        found.append(Label(x + width - PAD - room, y, right, room, DETAIL, "muted"))
    return found


def group_frame(box: PlotBox, node: PlacedNode) -> list[Shape]:
    """Return the frame of a group."""
    shapes: list[Shape] = [Rectangle(node.x, node.y, node.width, node.height, 10.0, "group")]
    if box.change:
        shapes.append(Rectangle(node.x, node.y, node.width, node.height, 10.0, f"change-{box.change}"))
    return shapes


def group_header(node: PlacedNode, label: BoxLabel) -> list[Shape]:
    """Return the texts at the top of a group, in front of the edges: name and class, below them shapes and parameters."""
    right = "  ".join(filter(None, (label.type, label.repeats)))
    texts = [
        *row_labels((label.title, NAME, True, right), node.x, node.y + 16, node.width),
        *row_labels((label.shapes, DETAIL, False, label.figures), node.x, node.y + 30, node.width),
    ]
    behind = [Rectangle(t.x - 3, t.y - 11, t.width + 6, 14, 2.0, "blank") for t in texts if isinstance(t, Label)]
    return [*behind, *texts]


def edge_lines(graph: PlotGraph, placed: GraphLayout, left: float, top: float) -> list[Shape]:
    """Return the lines of the edges."""
    return [
        Polyline(
            tuple((x + left, y + top) for x, y in line),
            f"edge-{edge.change}" if edge.change else "edge",
            arrow=graph.flows,
        )
        for edge, line in zip(graph.edges, placed.edges, strict=True)
    ]


def heading(graph: PlotGraph) -> SceneGroup:
    """Return the title and the line of facts below it."""
    title, facts = shortened(printable(graph.title), 90, middle=True), facts_of(graph)
    shapes: list[Shape] = [Label(MARGIN, 30, title, width_of(title, TITLE, bold=True), TITLE, "text", bold=True)]
    if facts:
        shapes.append(Label(MARGIN, 46, facts, width_of(facts, DETAIL), DETAIL, "muted"))
    return SceneGroup(shapes)


@dataclass
class _Pen:
    """Where the next entry of the legend stands."""

    x: float
    y: float
    right: float = 0.0

    def take(self, width: float) -> tuple[float, float]:
        """Return where an entry of a width stands, in a new row if the row is full."""
        if self.x > MARGIN and self.x + width > 620:
            self.x, self.y = MARGIN, self.y + 18
        found = self.x, self.y
        self.x += width + 16
        self.right = max(self.right, self.x - 16)
        return found


def legend(graph: PlotGraph, y: float) -> tuple[SceneGroup, float, float]:
    """Return the legend of the kinds and changes that occur, with the notes; its width and where it ends."""
    kinds = [kind for kind in KIND_COLOURS if any(kind_of(box) == kind for box in graph.boxes if not box.group)]
    changes = [c for c in ("added", "removed", "changed", "moved", "inside") if any(b.change == c for b in graph.boxes)]
    shapes: list[Shape] = []
    pen = _Pen(MARGIN, y)
    for style, text in [*((k, "input, output" if k == "input" else k) for k in kinds),
                        *((f"change-{c}", "differs inside" if c == "inside" else c) for c in changes)]:  # fmt: skip
        width = width_of(text, DETAIL)
        x, at = pen.take(width + 18)
        shapes += [Rectangle(x, at - 9, 12, 12, 3.0, style), Label(x + 18, at, text, width, DETAIL, "muted")]
    bottom = pen.y + 8
    for note in graph.notes:
        for line in wrapped(printable(note)):
            bottom += 15
            width = width_of(line, DETAIL)
            shapes.append(Label(MARGIN, bottom, line, width, DETAIL, "muted"))
            pen.right = max(pen.right, MARGIN + width)
    return SceneGroup(shapes), pen.right - MARGIN, bottom + 8


def wrapped(text: str) -> list[str]:
    """Return a text as lines of at most about 100 characters."""
    import textwrap

    return textwrap.wrap(text, 100)
