"""How wide text is in Helvetica, which Arial, Liberation Sans and Arimo share and every PDF reader has."""

from __future__ import annotations

FAMILY = "Helvetica, Arial, 'Liberation Sans', Arimo, sans-serif"

REGULAR = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556,
    556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
)  # fmt: skip
BOLD = (
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556, 333, 556, 611, 556, 611, 556, 333, 611,
    611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584,
)  # fmt: skip
"""The widths of the characters from space to tilde, in thousandths of the font size (Adobe's font metrics)."""
OTHERS = {"\u00d7": 584, "\u00b7": 278, "\u2026": 1000}


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of a text at a font size; characters beyond Latin count as square.

    >>> width_of("ab", 10), width_of("ab", 10, bold=True)
    (11.12, 11.67)
    """
    table = BOLD if bold else REGULAR
    widths = (table[ord(c) - 32] if " " <= c <= "~" else OTHERS.get(c, 1000 if c > "\u024f" else 667) for c in text)
    return sum(widths) * size / 1000
