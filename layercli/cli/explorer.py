"""The screen of ``layercli explore``: a tree of layers beside what each is and holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import DataTable, Input, Static, Tree
from textual.widgets.tree import TreeNode

from layercli.cli.layer_tree import LayerNode, nested
from layercli.dataclass import dataclass
from layercli.escaping import printable
from layercli.inspect.summary import Row, Summary
from layercli.inspect.variable_selection import ordered
from layercli.inspect.variables import VariableRow, Variables, measure
from layercli.render.quantities import show_share
from layercli.render.summary import show_cost, show_count, show_shapes
from layercli.render.table import Table
from layercli.render.text_width import shortened, widest
from layercli.render.variables import COLUMNS

SHOWN = ("path", "shape", "parameters", "dtype")
MEASURED = ("minimum", "maximum", "mean", "std", "nonfinite", "histogram")
KEY_NAMES = {"slash": "/", "escape": "esc"}
"""What keys are called, if not by their names."""
KEYS = ("", "size", "name")
"""The orders of variables, one after the other: that of the model, by size, by name."""
LONGEST, SHORTEST = 48, 24
"""The greatest width of a cell, and down to which paths are cut for the columns beside them."""
LEAST_SHARE = 0.0005
"""The least share of the parameters that is shown: a smaller one would read 0.0%."""
MOST_LAYERS = 2000
"""How many layers are listed in one: each is a line of the tree."""
MOST = 150
"""How many variables are listed at a time, so that every key is answered at once."""


@dataclass
class Explored:
    """What is looked at: a model, and the tables of its comparison with another one, if there is one."""

    summary: Summary
    variables: Variables
    differences: Callable[[], list[Table]] | None = None


class Explorer(App[None]):
    """Looks at a model: its layers as a tree, and the variables and the neighbours of the one that is chosen.

    ``describe`` describes the model ``name``, once the screen is there; what it raises is the ``failure``.
    """

    CSS = """
    #tree { width: 2fr; min-width: 30; border-right: solid $primary; }
    #side { width: 3fr; }
    #facts { height: auto; max-height: 12; padding: 0 1; }
    #variables { height: 1fr; }
    #side.compared #facts { max-height: 100%; }
    #side.compared #variables { display: none; }
    #search { dock: bottom; display: none; }
    #keys { dock: bottom; height: 1; padding: 0 1; background: $panel; link-style: none; link-color: $foreground; }
    #search.shown { display: block; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        ("slash", "search", "Search"),
        ("s", "statistics", "Statistics"),
        ("o", "order", "Order"),
        ("d", "differences", "Differences"),
        ("escape", "leave", "Back"),
        ("q", "quit", "Quit"),
    ]
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, name: str, describe: Callable[[], Explored]) -> None:
        super().__init__()
        self.model, self.describe = name, describe
        self.described = False
        self.failure: Exception | None = None
        self.order, self.pattern, self.measured = 0, "", False
        self.chosen: Row | None = None

    def compose(self) -> ComposeResult:
        """Lay out the tree, the facts, the variables, the search and the keys."""
        with Horizontal():
            yield Tree(Text(printable(self.model)), data=LayerNode(None), id="tree")
            with Vertical(id="side"):
                yield Static("reading ...", id="facts")
                yield DataTable(id="variables", cursor_type="row", zebra_stripes=True)
        yield Input(placeholder="part of a path", id="search")
        keys = [
            f"[@click=app.{action}][b]{KEY_NAMES.get(key, key)}[/b] {name}[/]" for key, action, name in self.BINDINGS
        ]
        yield Static("  ".join(keys), id="keys")

    def on_mount(self) -> None:
        """Describe the model as soon as its name is on the screen."""
        tree = self.query_one(Tree)
        tree.guide_depth = 2
        tree.focus()
        self.call_after_refresh(self.fill_in)

    def fill_in(self) -> None:
        """Describe the model and open its first level; the cursor is then on the model, which is therefore shown."""
        try:
            found = self.describe()
        except Exception as error:
            self.failure = error
            self.exit()
            return
        self.summary, self.variables, self.differences = found.summary, found.variables, found.differences
        self.root = nested(found.summary.rows)
        self.place = {row.path: i for i, row in enumerate(found.summary.rows)}
        self.paths = [f"{row.path.replace('.', '/')}/" for row in found.variables.rows]
        self.described = True
        tree = self.query_one(Tree)
        tree.root.data = self.root
        tree.root.set_label(Text(printable(found.summary.name)))
        tree.root.expand()
        self.show(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Until the model is described, all that can be done is to leave."""
        return self.described or action == "quit"

    @on(Tree.NodeExpanded)
    def fill(self, event: Tree.NodeExpanded[LayerNode]) -> None:
        """Add the layers in one that is opened for the first time."""
        self.add_below(event.node)

    def add_below(self, node: TreeNode[LayerNode]) -> None:
        """Add the layers in a node, once."""
        if node.children or node.data is None:
            return
        for each in node.data.below[:MOST_LAYERS]:
            self.add_layer(node, each)
        if (left_out := len(node.data.below) - MOST_LAYERS) > 0:
            node.add_leaf(f"{left_out:,} more: search for one", data=LayerNode(None))

    def add_layer(self, node: TreeNode[LayerNode], layer: LayerNode) -> TreeNode[LayerNode]:
        """Add a layer in a node."""
        return node.add(self.label(layer), data=layer, allow_expand=bool(layer.below))

    def label(self, node: LayerNode) -> Text:
        """Return the name, the class and the share of a layer."""
        row = node.row
        assert row is not None
        share = row.share(self.summary.totals.parameters)
        share_text = f" {show_share(share)}" if share >= LEAST_SHARE else ""
        return Text.assemble(
            printable(node.name), (share_text, "bold"), (printable(f" {row.cls or ''}").rstrip(), "dim")
        )

    @on(Tree.NodeHighlighted)
    def choose(self, event: Tree.NodeHighlighted[LayerNode]) -> None:
        """Show the layer under the cursor."""
        if self.described:
            self.show(event.node.data.row if event.node.data is not None else None)

    def show(self, row: Row | None) -> None:
        """Show a layer, or the whole model."""
        self.chosen = row
        self.query_one("#side").remove_class("compared")
        self.query_one("#facts", Static).update(Text("\n".join(map(printable, self.facts(row)))))
        self.fill_variables()

    def facts(self, row: Row | None) -> list[str]:
        """Return the lines that describe a layer, with the layers before and after it, or the whole model."""
        totals = self.summary.totals
        if row is None:
            return [self.summary.name, f"Parameters: {totals.parameters:,}", f"MACs: {show_cost(totals.macs)}"]
        lines = [
            row.path if row.cls is None else f"{row.path} ({row.cls})",
            f"{show_shapes(row.input_shape)} -> {show_shapes(row.output_shape)}",
            f"Parameters: {show_count(row.parameters)} ({show_share(row.share(totals.parameters))})",
            f"MACs: {show_cost(row.macs)}",
        ]
        siblings = [each for each in self.summary.rows if each.depth == row.depth]
        place = next(i for i, each in enumerate(siblings) if each is row)
        for name, at in (("Before", place - 1), ("After", place + 1)):
            if 0 <= at < len(siblings):
                lines.append(f"{name}: {siblings[at].path}")
        return lines

    def held(self) -> list[VariableRow]:
        """Return the variables of the chosen layer that match the search, in the chosen order."""
        found = self.variables.rows
        if self.chosen is not None and self.chosen.path:
            prefix = self.chosen.path.replace(".", "/")
            own = [row for row, path in zip(found, self.paths, strict=True) if path.startswith(f"{prefix}/")]
            found = own or [row for row in found if row.path in self.chosen.variables]
        found = [row for row in found if self.pattern in row.path]
        key = KEYS[self.order]
        return ordered(Variables(self.variables.source, found), key).rows if key else found

    def on_resize(self) -> None:
        """Fit the columns to the new width."""
        if self.described:
            self.call_after_refresh(self.fill_variables)

    def fill_variables(self) -> None:
        """Fill the table of variables: paths are cut so that the columns end where the screen does."""
        table = self.query_one("#variables", DataTable)
        table.clear(columns=True)
        names = (*SHOWN[:2], *MEASURED, *SHOWN[2:]) if self.measured else SHOWN
        found = self.held()
        columns = [[COLUMNS[name].title, *(self.text(row, name) for row in found[:MOST])] for name in names]
        widths = [min(widest(column), LONGEST) for column in columns]
        widths[0] = path_width(widths, (table.size.width or LONGEST) - table.styles.scrollbar_size_vertical)
        for column, width in zip(columns, widths, strict=True):
            table.add_column(column[0], width=width)
        shown = [
            [
                Text(shortened(text, width, middle=True), justify="right" if COLUMNS[name].numeric else "left")
                for text in cells
            ]
            for name, (_, *cells), width in zip(names, columns, widths, strict=True)
        ]
        table.add_rows(zip(*shown, strict=True))
        if len(found) > MOST:
            table.add_row(f"{len(found) - MOST:,} more: choose a layer, or search")

    def text(self, row: VariableRow, name: str) -> str:
        """Return the text of a cell."""
        found = getattr(row, name) if hasattr(row, name) else getattr(row.statistics, name, None)
        if name == "path" and self.chosen is not None:  # the title shows it already
            found = row.path.removeprefix(f"{self.chosen.path}/")
        return printable(COLUMNS[name].show(found))

    def action_order(self) -> None:
        """Order the variables otherwise."""
        self.order = (self.order + 1) % len(KEYS)
        self.fill_variables()
        self.notify(f"ordered by {KEYS[self.order] or 'the model'}", timeout=2)

    def action_statistics(self) -> None:
        """Measure the variables that are shown."""
        self.measured = True
        self.measure_shown(self.held())

    @work(thread=True, exclusive=True)
    def measure_shown(self, rows: list[VariableRow]) -> None:
        """Measure variables without keeping the screen from its work."""
        for row in rows:
            if row.statistics is None:
                measure(Variables(self.variables.source, [row]))
        self.call_from_thread(self.fill_variables)

    def action_search(self) -> None:
        """Open the search."""
        search = self.query_one("#search", Input)
        search.add_class("shown")
        search.focus()

    @on(Input.Changed)
    def narrow(self, event: Input.Changed) -> None:
        """Show the variables whose path has the text."""
        self.pattern = event.value
        self.fill_variables()

    @on(Input.Submitted)
    def find(self, event: Input.Submitted) -> None:
        """Go to the first layer whose path has the text, and show all its variables."""
        tree = self.query_one(Tree)
        self.action_leave()
        if (row := next((row for row in self.summary.rows if event.value in row.path), None)) is not None:
            self.call_after_refresh(tree.move_cursor, self.opened(row))

    def opened(self, row: Row) -> TreeNode[LayerNode]:
        """Return the node of a layer, with all above it open."""
        node: TreeNode[LayerNode] = self.query_one(Tree).root
        layer = self.root
        while layer.row is not row:
            self.add_below(node)
            node.expand()
            layer = [
                each
                for each in layer.below
                if each.row is not None and self.place[each.row.path] <= self.place[row.path]
            ][-1]
            shown = next((each for each in node.children if each.data is layer), None)
            node = shown or self.add_layer(node, layer)  # one of those that were too many
        return node

    def action_leave(self) -> None:
        """End the search."""
        search = self.query_one("#search", Input)
        search.value = ""
        search.remove_class("shown")
        self.query_one(Tree).focus()

    def action_differences(self) -> None:
        """Show the comparison with the other model."""
        if self.differences is None:
            self.notify("layercli explore A B compares two models", timeout=4)
            return
        from layercli.render import plain

        self.query_one("#side").add_class("compared")
        self.query_one("#facts", Static).update(Text("\n".join(map(plain.draw, self.differences()))))


def path_width(widths: list[int], room: int) -> int:
    """Return the width of the first column: as many as can of the others end where ``room`` does, so that none is cut.

    >>> path_width([9, 10], 60), path_width([40, 10, 8], 60), path_width([40, 10, 8], 40), path_width([9, 30, 40], 60)
    (9, 36, 26, 26)
    """
    left = room - 2  # of a column, a space on each side
    for width in widths[1:]:
        if left - width - 2 < min(widths[0], SHORTEST):
            return max(left, 1)
        left -= width + 2
    return min(widths[0], left)


def explore(name: str, describe: Callable[[], Explored]) -> None:
    """Show the screen until it is left; raise what ``describe`` raises."""
    app = Explorer(name, describe)
    app.run()
    if app.failure is not None:
        raise app.failure
