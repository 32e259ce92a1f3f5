"""Quantities as tables show them."""

from __future__ import annotations


def show_bytes(count: int) -> str:
    """Return a number of bytes in binary units.

    >>> show_bytes(164), show_bytes(102546848)
    ('164 B', '97.8 MiB')
    """
    size, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1024 and len(units) > 1:
        size, units = size / 1024, units[1:]
    return f"{count} B" if units[0] == "B" else f"{size:.1f} {units[0]}"


def show_share(share: float) -> str:
    """Return a fraction in percent."""
    return f"{share:.1%}"
