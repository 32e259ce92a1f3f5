"""``layercli gpu-check``."""

from __future__ import annotations


def gpu_check() -> int:
    """Is there a GPU that can be trusted?"""
    return 1
