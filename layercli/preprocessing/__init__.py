"""Datasets from files and arrays, and images and sequences, as in Keras's ``preprocessing``."""

from __future__ import annotations

from typing import Any

from layercli.core.refusals import refused
from layercli.formats.image_dataset import image_dataset_from_directory
from layercli.preprocessing import image, sequence
from layercli.utils import timeseries_dataset_from_array
from layercli.utils.file_datasets import text_dataset_from_directory

__all__ = [
    "image",
    "image_dataset_from_directory",
    "sequence",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]


def __getattr__(name: str) -> Any:
    return refused(__name__, name)
