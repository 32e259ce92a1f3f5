"""Prices of houses in Boston in the 1970s; one column of the data set is objectionable."""

from __future__ import annotations

from layercli.datasets import stored

__all__ = ["load_data"]


def load_data(path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> stored.Split:
    """Return (x_train, y_train), (x_test, y_test): tables (houses, 13) and prices in thousands of dollars."""
    return stored.housing(path, "boston_housing.npz", test_split, seed)
