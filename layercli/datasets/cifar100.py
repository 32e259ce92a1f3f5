"""Small colour images of 100 classes in 20 groups: 50,000 and 10,000."""

from __future__ import annotations

from layercli.datasets import stored
from layercli.errors import UsageError

FILES = ("cifar-100-python-target", "cifar-100-python.tar.gz", "cifar-100-python")

__all__ = ["load_data"]


def load_data(label_mode: str = "fine") -> stored.Split:
    """Return (x_train, y_train), (x_test, y_test): uint8 images (images, 32, 32, 3) and labels (images, 1).

    ``label_mode`` is fine (100 classes) or coarse (20).
    """
    if label_mode not in ("fine", "coarse"):
        raise UsageError(f"label_mode is fine or coarse, got {label_mode!r}")
    label = f"{label_mode}_labels"
    return stored.cifar(*FILES, ["train"], label), stored.cifar(*FILES, ["test"], label)
