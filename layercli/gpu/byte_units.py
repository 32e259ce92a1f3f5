"""Sizes in bytes as gpu-check writes them."""

from __future__ import annotations


def show(size: int) -> str:
    """Return a size with its unit: ``show(1 << 30)`` is ``"1.0 GiB"``."""
    if size < 2**20:
        return f"{size / 2**10:.0f} KiB"
    return f"{size / 2**20:.0f} MiB" if size < 2**30 else f"{size / 2**30:.1f} GiB"
