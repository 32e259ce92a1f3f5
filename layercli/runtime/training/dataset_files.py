"""The data of fit and evaluate on the command line: arrays in files, table columns, image folders."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np

from layercli.core import dims, tree
from layercli.core.layer import Layer
from layercli.core.spec import Spec
from layercli.dataclass import dataclass
from layercli.errors import UsageError, listed, nearest
from layercli.formats.csv import read_csv
from layercli.formats.detect import open_weights
from layercli.formats.image_dataset import ImageFolder, open_folder
from layercli.formats.npy import NpyFile
from layercli.formats.parquet import read_parquet
from layercli.inspect.inputs import InputSource, parse_bounds
from layercli.inspect.layer_call import offered_inputs
from layercli.inspect.shape_parser import parse_shapes
from layercli.runtime.training.data_adapters import ArrayAdapter, ImageAdapter, TensorAdapter, source_of

PARTS = ("x", "y", "sample_weight")


@dataclass(frozen=True)
class Reading:
    """How images are read: the shape they are resized to, and the values of the pixels 0 and 255."""

    input_shape: tuple[str, ...] = ()
    rescale: str | None = None


AS_IT_IS = Reading()
"""Images in the size that the model takes, with unscaled pixels."""


def read(text: str, what: str, model: Layer, reading: Reading) -> ArrayAdapter:
    """Return the data that ``text`` names; UsageError, FileError or FormatError if it cannot be read.

    A file with the arrays ``x``, ``y`` and ``sample_weight`` (``x/NAME`` and ``y/NAME`` for several by name); comma-separated
    files of one array each, in that order or as ``NAME=FILE[:KEY]``; a table with the columns ``y`` and ``sample_weight``, whose
    other columns form ``x``; a folder with one subfolder of images per class.
    """
    if os.path.isdir(text):
        return ImageAdapter(folder_of(text, model, reading))
    if not os.path.exists(text) and ("," in text or "=" in text):
        arrays = arrays_of_files(text.split(","))
    elif text.lower().endswith((".csv", ".parquet")):
        arrays = arrays_of_table(text)
    else:
        arrays = arrays_of_file(text)
    source = source_of(*(collected(arrays, part) for part in PARTS), what=what)
    assert isinstance(source, TensorAdapter)
    return source


def arrays_of_file(file: str) -> dict[str, np.ndarray]:
    """Return the arrays of one file by name."""
    opened = open_weights(file)
    if isinstance(opened, NpyFile):
        raise UsageError(f"{file} holds one array, and training needs x and y", hint=f"--data {file},y.npy")
    wanted = [name for name in opened.entries if name.partition("/")[0] in PARTS]
    if not any(name.partition("/")[0] == "x" for name in wanted):
        raise UsageError(
            f"{file} holds {listed(list(opened.entries)) or 'nothing'}, not x",
            hint="np.savez(file, x=..., y=...), or --data x.npy,y.npy",
        )
    return {name: opened.read(name) for name in wanted}


def arrays_of_files(texts: list[str]) -> dict[str, np.ndarray]:
    """Return the arrays of several files by name; a file without a name is the next of x, y, sample_weight."""
    found: dict[str, np.ndarray] = {}
    for source in map(InputSource.parse, texts):
        lacking = [part for part in PARTS if collected(found, part) is None]
        name = source.name or next(iter(lacking), "")
        if name.partition("/")[0] not in PARTS:
            raise UsageError(
                f"data is x, y and sample_weight, got {source.name or source.file!r}", hint="--data x=a.npy,y=b.npy"
            )
        if name in found:
            raise UsageError(f"{name} is given twice")
        opened = open_weights(source.file)
        entries = list(opened.entries)
        if source.key is None and len(entries) != 1:
            raise UsageError(
                f"{source.file} holds {listed(entries)}: say which of them is {name}",
                hint=f"{name}={source.file}:{entries[0]}" if entries else None,
            )
        found[name] = opened.read(source.key or entries[0])
    return found


def arrays_of_table(file: str) -> dict[str, np.ndarray]:
    """Return the columns of a table: ``y``, ``sample_weight``, and all others stacked as ``x``."""
    columns = read_csv(file) if file.lower().endswith(".csv") else read_parquet(file)
    features = [values for name, values in columns.items() if name not in PARTS[1:]]
    if "y" not in columns or not features:
        raise UsageError(
            f"{file} has the columns {listed(list(columns))}, and training needs y and others",
            hint=nearest("y", list(columns)) or "the column y is the target, all others are x",
        )
    return {"x": np.stack(features, axis=1), **{name: columns[name] for name in PARTS[1:] if name in columns}}


def collected(arrays: dict[str, np.ndarray], part: str) -> object:
    """Return the array ``part``, or those called ``part/NAME`` by name, or None."""
    if part in arrays:
        return arrays[part]
    return {name.partition("/")[2]: arrays[name] for name in arrays if name.startswith(f"{part}/")} or None


def folder_of(path: str, model: Layer, reading: Reading) -> ImageFolder:
    """Return the labelled images of a folder, in the size and with the channels of the model's input."""
    specs = tree.flatten(parse_shapes(reading.input_shape, offered_inputs(model)))
    if len(specs) != 1 or not isinstance(specs[0], Spec):
        raise UsageError(
            f"{model.name} does not say what images it takes", hint="--input-shape 32,224,224,3 says it, batch first"
        )
    [spec] = specs
    if spec.rank != 4 or not dims.known(spec.shape[3]):
        raise UsageError(
            f"images are [batch, height, width, channels], the model takes {spec}",
            hint="--input-shape changes what it is built for",
        )
    _, height, width, channels = map(dims.number, spec.shape)
    folder = open_folder(path, (height, width), channels or 0)
    if reading.rescale is None:
        return folder
    low, high = parse_bounds(reading.rescale)
    return replace(folder, low=low, high=high)


def images_of(source: ArrayAdapter | None) -> ImageFolder | None:
    """Return the folder that samples come from; None for arrays."""
    return source.folder if isinstance(source, ImageAdapter) else None
