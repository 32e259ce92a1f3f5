"""The screen of ``layercli explore``: a tree of layers beside what each is and holds."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from time import monotonic, sleep
from typing import Any, ClassVar

# textual reads them once: ms to wait after Escape for the rest of a key (by default 100), and screens a second (60)
os.environ.setdefault("ESCDELAY", "10")
os.environ.setdefault("TEXTUAL_FPS", "120")

from rich.text import Text
from textual import on, work
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Event, InputEvent
from textual.widgets import Input, Static

from layercli.cli.layer_tree import TreeLine, TreeLines, nested
from layercli.cli.row_list import RowList
from layercli.cli.variable_lines import SHORTEST, VariableLines
from layercli.dataclass import dataclass
from layercli.escaping import printable
from layercli.inspect.summary import Row, Summary
from layercli.inspect.variable_selection import ordered
from layercli.inspect.variables import VariableRow, Variables, measure
from layercli.render.quantities import show_share
from layercli.render.summary import show_cost, show_count, show_shapes
from layercli.render.table import Table
from layercli.render.text_width import shortened, widest

KEY_NAMES = {"slash": "/", "escape": "esc"}
"""What keys are called, if not by their names."""
KEYS = {"": "", "size": "parameters", "name": "path"}
"""The orders of variables, one after the other, and the column of each: that of the model, by size, by name."""
LEAST_SHARE = 0.0005
"""The least share of the parameters that is shown: a smaller one would read 0.0%."""
PAUSE = 0.1
"""Seconds after a key in which nothing is measured, so that the key is answered first."""
REDRAWN = 0.5
"""Seconds after which the values that were measured meanwhile are shown."""


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
    #facts { height: 7; padding: 0 1; }
    #variables { height: 1fr; }
    #side.compared #facts { display: none; }
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
        self.orders: dict[str, list[tuple[VariableRow, str]]] = {}
        self.pressed = 0.0

    def compose(self) -> ComposeResult:
        """Lay out the tree, the facts, the variables, the search and the keys."""
        with Horizontal():
            yield RowList(id="tree")
            with Vertical(id="side"):
                yield Static("reading ...", id="facts")
                yield RowList(id="variables")
        yield Input(placeholder="part of a path", id="search")
        keys = [
            f"[@click=app.{action}][b]{KEY_NAMES.get(key, key)}[/b] {name}[/]" for key, action, name in self.BINDINGS
        ]
        yield Static("  ".join(keys), id="keys")

    def on_mount(self) -> None:
        """Describe the model as soon as its name is on the screen."""
        name = printable(self.model)
        self.layer_list.fill(1, lambda at: name, len(name))
        self.layer_list.focus()
        self.call_after_refresh(self.fill_in)

    @property
    def layer_list(self) -> RowList:
        """The layers."""
        return self.query_one("#tree", RowList)

    @property
    def variable_list(self) -> RowList:
        """The variables, or the comparison with another model."""
        return self.query_one("#variables", RowList)

    def fill_in(self) -> None:
        """Describe the model and open its first level; the cursor is then on the model, which is therefore shown."""
        try:
            found = self.describe()
        except Exception as error:
            self.failure = error
            self.exit()
            return
        self.summary, self.variables, self.differences = found.summary, found.variables, found.differences
        self.layers = TreeLines(nested(found.summary.rows))
        self.described = True
        self.fill_tree(0)
        self.show(None)

    async def on_event(self, event: Event) -> None:
        """Note when a key was pressed."""
        if isinstance(event, InputEvent):
            self.pressed = monotonic()
        await super().on_event(event)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Until the model is described, all that can be done is to leave."""
        return self.described or action == "quit"

    @on(RowList.Opened, "#tree")
    def open(self, event: RowList.Opened) -> None:
        """Open a layer, or close it; the model itself stays open."""
        if self.described and event.at:
            self.layers.toggle(event.at)
            self.fill_tree(event.at)

    def fill_tree(self, cursor: int) -> None:
        """Show the layers that are open."""
        lines = self.layers.lines
        width = max(len(line.guide) + len(line.node.name) for line in lines)
        classes = max((len(line.node.row.cls or "") for line in lines if line.node.row is not None), default=0)
        self.layer_list.fill(
            len(lines), lambda at: self.label(lines[at]), width + len(" 100.0% ") + classes, cursor=cursor
        )

    def label(self, line: TreeLine) -> Text:
        """Return the name, the class and the share of a layer."""
        row = line.node.row
        if row is None:
            return Text(printable(self.summary.name), end="")
        share = row.share(self.summary.totals.parameters)
        return Text.assemble(
            (line.guide, "dim"),
            printable(line.node.name),
            (f" {show_share(share)}" if share >= LEAST_SHARE else "", "bold"),
            (printable(f" {row.cls or ''}").rstrip(), "dim"),
            end="",
        )

    @on(RowList.Moved, "#tree")
    def choose(self, event: RowList.Moved) -> None:
        """Show the layer under the cursor."""
        if self.described and event.at == self.layer_list.cursor:  # of keys that came together, the last
            self.show(self.layers.lines[event.at].node.row)

    def show(self, row: Row | None) -> None:
        """Show a layer, or the whole model."""
        self.chosen = row
        room = self.variable_list.size.width - 2
        lines = [shortened(printable(line), max(room, SHORTEST), middle=True) for line in self.facts(row)]
        self.query_one("#facts", Static).update(Text("\n".join(lines)), layout=False)
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
        found = self.in_order([*KEYS][self.order])
        if self.chosen is not None and self.chosen.path:
            prefix = f"{self.chosen.path.replace('.', '/')}/"
            own = [each for each in found if each[1].startswith(prefix)]
            found = own or [each for each in found if each[0].path in self.chosen.variables]
        return [row for row, _ in found if self.pattern in row.path]

    def in_order(self, key: str) -> list[tuple[VariableRow, str]]:
        """Return all variables in an order, which is found once, each with its path as it begins with that of its layer."""
        if key not in self.orders:
            rows = ordered(self.variables, key).rows if key else self.variables.rows
            self.orders[key] = [(row, f"{row.path.replace('.', '/')}/") for row in rows]
        return self.orders[key]

    def on_resize(self) -> None:
        """Fit the columns to the new width."""
        if self.described:
            self.call_after_refresh(self.fill_variables)

    def fill_variables(self) -> None:
        """List the variables: paths are cut so that the columns end where the screen does."""
        side = self.variable_list
        self.query_one("#side").remove_class("compared")
        prefix = f"{self.chosen.path}/" if self.chosen is not None else ""
        room = side.size.width - side.styles.scrollbar_size_vertical
        lines = VariableLines(self.held(), prefix, room, measured=self.measured, ordered=[*KEYS.values()][self.order])
        side.fill(len(lines.rows), lines.draw, lines.width, lines.header)

    def action_order(self) -> None:
        """Order the variables otherwise."""
        self.order = (self.order + 1) % len(KEYS)
        self.fill_variables()

    def action_statistics(self) -> None:
        """Measure the variables that are shown."""
        self.measured = True
        self.fill_variables()
        self.measure_shown()

    @work(thread=True, exclusive=True)
    def measure_shown(self) -> None:
        """Measure variables without keeping the screen from its work."""
        shown = monotonic()
        for row in self.held():
            while monotonic() - self.pressed < PAUSE:
                sleep(PAUSE / 5)
            if row.statistics is None:
                measure(Variables(self.variables.source, [row]))
            if monotonic() - shown > REDRAWN:
                self.call_from_thread(self.variable_list.refresh)
                shown = monotonic()
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
        self.action_leave()
        index = next((i for i, row in enumerate(self.summary.rows) if event.value in row.path), None)
        if index is None:
            self.notify("no layer's path has it", timeout=2)
            return
        self.fill_tree(self.layers.reveal(index))
        self.show(self.summary.rows[index])

    def action_leave(self) -> None:
        """End the search."""
        search = self.query_one("#search", Input)
        search.value = ""
        search.remove_class("shown")
        self.layer_list.focus()

    def action_differences(self) -> None:
        """Show the comparison with the other model."""
        if self.differences is None:
            self.notify("layercli explore A B compares two models", timeout=4)
            return
        from layercli.render import plain

        lines = "\n".join(map(plain.draw, self.differences())).splitlines()
        self.query_one("#side").add_class("compared")
        self.variable_list.fill(len(lines), lambda at: printable(lines[at]), widest(lines))


def explore(name: str, describe: Callable[[], Explored]) -> None:
    """Show the screen until it is left; raise what ``describe`` raises."""
    app = Explorer(name, describe)
    if sys.platform != "win32":
        with suppress(
            ImportError
        ):  # a later textual may hold its parser elsewhere; its own driver is slower with Escape alone
            from layercli.cli.key_reader import KeyReader

            app.driver_class = KeyReader
    sys.setswitchinterval(0.0005)  # a key does not wait long for the thread that measures
    app.run()
    if app.failure is not None:
        raise app.failure
