"""How many columns of a terminal a text takes: wide characters take two, combining ones none."""

from __future__ import annotations

ELLIPSIS = "…"


def text_width(text: str) -> int:
    """Return the columns that ``text`` takes.

    >>> text_width("kernel"), text_width("層"), text_width("e\u0301")
    (6, 2, 1)
    """
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return ``text`` with spaces after it, or before it, up to ``width`` columns."""
    space = " " * (width - text_width(text))
    return space + text if right else text + space


def shortened(text: str, width: int, ellipsis: str = ELLIPSIS) -> str:
    """Return ``text`` in at most ``width`` columns: of one that is longer the end is left out, and marked.

    >>> shortened("moving_variance", 8), shortened("層層層", 5)
    ('moving_…', '層層…')
    """
    if text_width(text) <= width:
        return text
    room, kept = width - len(ellipsis), 0
    for end, character in enumerate(text):
        kept += text_width(character)
        if kept > room:
            return f"{text[:end].rstrip()}{ellipsis}"
    return text


def encodable(text: str, encoding: str) -> str:
    """Return ``text`` with what ``encoding`` has no letter for written out, as the stream would write it."""
    return text if text.isascii() else text.encode(encoding, "backslashreplace").decode(encoding)
