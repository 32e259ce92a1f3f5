"""Handwritten digits: 60,000 and 10,000 images."""

from __future__ import annotations

from layercli.datasets import stored

__all__ = ["load_data"]


def load_data(path: str = "mnist.npz") -> stored.Split:
    """Return (x_train, y_train), (x_test, y_test): uint8 images (images, 28, 28) and labels from 0 to 9."""
    names = ("x_train", "y_train", "x_test", "y_test")
    x_train, y_train, x_test, y_test = stored.arrays(path, "mnist.npz", names)
    return (x_train, y_train), (x_test, y_test)
