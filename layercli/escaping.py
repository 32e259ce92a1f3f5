"""What may be shown: text from files is not to steer the terminal, or the program, that it is shown to."""

from __future__ import annotations


def printable(text: str, keep: str = "") -> str:
    r"""Return ``text`` with every character that is not printed written out, but for those of ``keep``.

    These are control characters, line breaks, and those that turn the direction of text or have no width.

    >>> print(printable("kernel\x1b[2J\n"))
    kernel\x1b[2J\n
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else repr(c)[1:-1] for c in text)
