"""How many columns of a terminal a text takes: wide characters take two, combining ones none."""

from __future__ import annotations

from collections.abc import Sequence

from layercli.render.sparkline import LEVELS

ELLIPSIS = "…"
ASCII = str.maketrans(f"{LEVELS}├─└│", "_.-:=+*#|-`|")
"""What stands for the characters of curves and trees where there are none."""


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


def widest(cells: Sequence[str]) -> int:
    """Return the columns that the widest of ``cells`` takes."""
    return max(map(len if "".join(cells).isascii() else text_width, cells), default=0)


def padded_column(cells: Sequence[str], *, right: bool = False, width: int = 0) -> list[str]:
    """Return ``cells``, each padded to ``width``, or to the widest.

    >>> padded_column(["層", "kernel"], right=True)
    ['    層', 'kernel']
    """
    width = width or widest(cells)
    if "".join(cells).isascii():
        form = f"{{:{'>' if right else '<'}{width}}}".format
        return list(map(form, cells))
    return [padded(cell, width, right=right) for cell in cells]


def shortened(text: str, width: int, ellipsis: str = ELLIPSIS, *, middle: bool = False) -> str:
    """Return ``text`` in at most ``width`` columns: of one that is longer the end is left out, and marked.

    Of a path it is the ``middle``, and of one with its class the end of the class if the path fits.

    >>> shortened("moving_variance", 8), shortened("層層層", 5), shortened("layers/3/kernel", 9, middle=True)
    ('moving_…', '層層…', 'laye…rnel')
    >>> shortened("layers/3 (Dense)", 12, middle=True)
    'layers/3 (D…'
    """
    if text_width(text) <= width:
        return text
    middle = middle and text_width(text.partition(" (")[0]) > width - 2
    room = max(width - len(ellipsis), 0)
    tail = start_of(text[::-1], room // 2)[::-1] if middle else ""
    return f"{start_of(text, room - text_width(tail)).rstrip()}{ellipsis}{tail}"[: max(width, 0)]


def start_of(text: str, width: int) -> str:
    """Return the longest start of ``text`` that takes at most ``width`` columns."""
    taken = 0
    for end, character in enumerate(text):
        taken += text_width(character)
        if taken > width:
            return text[:end]
    return text


def encodable(text: str, encoding: str) -> str:
    """Return ``text`` with what ``encoding`` has no letter for written out, as the stream would write it.

    >>> encodable("▁▃█ 層", "ascii")
    '_-# \\\\u5c64'
    """
    text = text if can_encode(LEVELS + "├─└│", encoding) else text.translate(ASCII)
    return text if text.isascii() else text.encode(encoding, "backslashreplace").decode(encoding)


def can_encode(text: str, encoding: str) -> bool:
    """Whether an encoding has all the letters of a text."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
