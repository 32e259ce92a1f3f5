"""A list of ``layercli explore``: of any number of rows, those on the screen are drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip


class RowList(ScrollView, can_focus=True):
    """Rows below a header, one of which is under the cursor; ``draw`` returns the text of one, when it is on the screen."""

    DEFAULT_CSS = """
    RowList { background: $surface; color: $foreground; overflow-y: scroll; scrollbar-size-vertical: 1; }
    RowList > .row-list--header { background: $panel; text-style: bold; }
    RowList > .row-list--cursor { background: $block-cursor-blurred-background; text-style: bold; }
    RowList:focus > .row-list--cursor { background: $block-cursor-background; color: $block-cursor-foreground; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"row-list--header", "row-list--cursor"}
    BINDINGS: ClassVar[list[Any]] = [Binding("enter,space", "open", "Open", show=False)]

    class Moved(Message):
        """The cursor is on another row."""

        def __init__(self, rows: RowList, at: int) -> None:
            super().__init__()
            self.rows, self.at = rows, at

        @property
        def control(self) -> RowList:
            """The list, by which the receiver tells its messages from those of another one."""
            return self.rows

    class Opened(Moved):
        """Enter was pressed on the row under the cursor, or it was clicked."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.count, self.cursor, self.header = 0, 0, ""
        self.draw: Callable[[int], Text | str] = str

    def fill(
        self, count: int, draw: Callable[[int], Text | str], width: int, header: str = "", cursor: int | None = 0
    ) -> None:
        """Show ``count`` rows of at most ``width`` columns; the cursor stays where it is if that is None."""
        self.count, self.draw, self.header = count, draw, header
        self.virtual_size = Size(width, count + self.fixed)
        self.cursor = min(self.cursor if cursor is None else cursor, max(count - 1, 0))
        self.show_cursor()
        self.refresh()

    @property
    def fixed(self) -> int:
        """The lines at the top that are not scrolled."""
        return int(bool(self.header))

    def render_line(self, y: int) -> Strip:
        """Draw a line of the screen."""
        at = y - self.fixed + self.scroll_offset.y
        text: Text | str = ""
        style = self.rich_style
        if y < self.fixed:
            text, style = self.header, self.get_component_rich_style("row-list--header")
        elif at < self.count:
            text = self.draw(at)
            style = self.get_component_rich_style("row-list--cursor") if at == self.cursor else style
        line = text if isinstance(text, Text) else Text(text, end="")
        strip = Strip(line.render(self.app.console)).apply_style(style)
        left = self.scroll_offset.x
        return strip.crop_extend(left, left + self.size.width, style)

    def move(self, at: int) -> None:
        """Put the cursor on a row, and scroll to it."""
        at = max(min(at, self.count - 1), 0)
        if at == self.cursor:
            return
        before, self.cursor = self.cursor, at
        for row in (before, at):
            self.refresh_line(row + self.fixed)
        self.show_cursor()
        self.post_message(self.Moved(self, at))

    def show_cursor(self) -> None:
        """Scroll so that the cursor is on the screen, below the header."""
        top, height = round(self.scroll_offset.y), self.page
        target = min(max(top, self.cursor - height + 1), self.cursor)
        if target != top:
            self.scroll_to(y=target, animate=False, force=True)

    @property
    def page(self) -> int:
        """The rows on a screen."""
        return max(self.scrollable_content_region.height - self.fixed, 1)

    def on_resize(self) -> None:
        """Keep the cursor on the screen."""
        self.show_cursor()

    def on_click(self, event: Click) -> None:
        """Put the cursor where the mouse is, and open that row."""
        at = event.y - self.fixed + self.scroll_offset.y
        if event.y >= self.fixed and at < self.count:
            self.move(at)
            self.action_open()

    def action_open(self) -> None:
        """Say that the row under the cursor is opened."""
        if self.count:
            self.post_message(self.Opened(self, self.cursor))

    def action_scroll_up(self) -> None:
        """Move the cursor up."""
        self.move(self.cursor - 1)

    def action_scroll_down(self) -> None:
        """Move the cursor down."""
        self.move(self.cursor + 1)

    def action_page_up(self) -> None:
        """Move the cursor up by a screen."""
        self.move(self.cursor - self.page)

    def action_page_down(self) -> None:
        """Move the cursor down by a screen."""
        self.move(self.cursor + self.page)

    def action_scroll_home(self) -> None:
        """Move the cursor to the first row."""
        self.move(0)

    def action_scroll_end(self) -> None:
        """Move the cursor to the last row."""
        self.move(self.count - 1)
