"""Annotations of GitHub Actions: workflow commands that show a message on a pull request."""

from __future__ import annotations

from layercli.escaping import printable


def annotation(level: str, title: str, text: str) -> str:
    """Return the workflow command that shows ``text``; ``level`` is notice, warning or error.

    >>> annotation("error", "a: b", "50%")
    '::error title=a%3A b::50%25'
    """
    shown = printable(title).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={shown}::{printable(text).replace('%', '%25')}"
