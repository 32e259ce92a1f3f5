"""Small colour images of 10 classes: 50,000 and 10,000."""

from __future__ import annotations

from layercli.datasets import stored

FILES = ("cifar-10-batches-py-target", "cifar-10-python.tar.gz", "cifar-10-batches-py")

__all__ = ["load_data"]


def load_data() -> stored.Split:
    """Return (x_train, y_train), (x_test, y_test): uint8 images (images, 32, 32, 3) and labels (images, 1)."""
    train = stored.cifar(*FILES, [f"data_batch_{number}" for number in range(1, 6)], "labels")
    return train, stored.cifar(*FILES, ["test_batch"], "labels")
