"""Prices of houses in California in 1990."""

from __future__ import annotations

from layercli.datasets import stored
from layercli.errors import UsageError

__all__ = ["load_data"]


def load_data(
    version: str = "large", path: str = "california_housing.npz", test_split: float = 0.2, seed: int = 113
) -> stored.Split:
    """Return (x_train, y_train), (x_test, y_test): tables (blocks, 8) and prices in dollars; 600 blocks if small."""
    if version not in ("small", "large"):
        raise UsageError(f"version is small or large, got {version!r}")
    first = 600 if version == "small" else None
    return stored.housing(path, "california_housing.npz", test_split, seed, first)
