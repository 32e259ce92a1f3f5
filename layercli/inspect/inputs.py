"""Read the inputs of a run from files and check them against the model's Specs."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layercli.core import dims, dtypes
from layercli.core.spec import Spec
from layercli.core.text import STRING, is_text
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError, listed, nearest
from layercli.formats import json_arrays
from layercli.formats.csv import read_csv
from layercli.formats.detect import open_weights
from layercli.formats.images import MODES, is_images, read_images
from layercli.formats.npy import read_stream
from layercli.formats.parquet import read_parquet
from layercli.inspect.input_generation import Range
from layercli.inspect.input_names import Arguments, count_of

if TYPE_CHECKING:
    import numpy as np

STANDARD_INPUT = "-"
KINDS = {"b": "bool", "i": "integers", "u": "integers", "f": "real numbers", "c": "complex numbers"}
MOST_PERMUTED = 6
"""Arrays of more axes are not tried with their axes in another order: there are too many orders."""


@dataclass(frozen=True)
class InputSource:
    """The source of one ``--input``: ``[NAME=]FILE[:KEY]``."""

    name: str | None
    file: str
    key: str | None

    @staticmethod
    def parse(text: str) -> InputSource:
        """Split ``text`` into its parts; an existing file with exactly that name takes precedence.

        >>> InputSource.parse("mask=x.npz:b")
        InputSource(name='mask', file='x.npz', key='b')
        """
        if os.path.exists(text):
            return InputSource(None, text, None)
        name, equals, file = text.partition("=")
        if not equals:
            name, file = "", text
        if os.path.exists(file) or ":" not in file:
            return InputSource(name or None, file, None)
        place, _, key = file.rpartition(":")
        return InputSource(name or None, place, key)


def read(
    model: str,
    taken: Arguments,
    specs: Mapping[str, Spec],
    texts: Sequence[str],
    *,
    cast: bool = False,
    rescale: str | None = None,
    convert: Callable[[np.ndarray, Spec | None], Any] | None = None,
    fixed: bool = False,
    arrays: Mapping[str, np.ndarray] | None = None,
) -> dict[str, Any]:
    """Read arrays from files, by input name, in the model's order: one file each, or files with several by name.

    ``taken`` are the inputs of ``model`` and ``specs`` their known Specs; an array without a Spec is not checked. Floating
    values of any width fit floating inputs; ``cast`` allows other dtypes. ``rescale`` maps the pixels 0 to 255 of images to a
    range such as ``0,1``; ``convert`` converts an array that fits, by default a copy in the model's dtype; ``fixed``: the
    batch size in the Specs is fixed; ``arrays`` are inputs that are known already.
    """
    bounds = parse_bounds(rescale) if rescale is not None else None
    sources = [InputSource.parse(text) for text in texts]
    if bounds is not None and not any(is_images(source.file) for source in sources):
        raise UsageError("--rescale is for images, and no input is one", hint="--input photos/")
    given: dict[str, np.ndarray] = dict(arrays or {})
    for source in sources:
        free = taken.without(given)
        if source.name is None and not free.positional:
            raise UsageError(f"{model} takes {count_of(taken.positional)}: unexpected input {source.file}")
        for name, array in arrays_of(model, source, specs, free, bounds).items():
            if name not in taken.names:
                raise UsageError(
                    f"{model} has no input {name!r}",
                    hint=nearest(name, taken.names) or f"inputs: {', '.join(taken.names)}",
                )
            if name in given:
                raise UsageError(f"the input {name} is given twice")
            given[name] = array
    taken.check(model, given)
    found = {name: given[name] for name in taken.names if name in given}
    for name, array in found.items():
        check(array, specs.get(name), name, cast=cast, fixed=fixed)
    known = {name: specs.get(name) or (as_floats(array) if cast else None) for name, array in found.items()}
    return {name: (convert or converted)(array, known[name]) for name, array in found.items()}


def parse_bounds(text: str) -> Range:
    """Return the values of the pixels 0 and 255."""
    try:
        black, white = map(float, text.split(","))
    except ValueError:
        black = white = math.nan
    if not math.isfinite(black) or not math.isfinite(white):
        raise UsageError(f"--rescale gives the values of the pixels 0 and 255, as in 0,1 or -1,1, got {text!r}")
    return black, white


def arrays_of(
    model: str, source: InputSource, specs: Mapping[str, Spec], free: Arguments, rescale: Range | None = None
) -> dict[str, np.ndarray]:
    """Return the arrays of one source by input name; an unnamed array goes to the first input in ``free``."""
    name = source.name or free.names[0]
    if source.file == STANDARD_INPUT:
        return {name: read_stream("standard input", sys.stdin.buffer)}
    if os.path.exists(source.file) and Path(source.file).is_fifo():
        raise UsageError(
            f"{source.file} is a pipe, which is read as standard input only", hint="cat x.npy | layercli ... -i -"
        )
    if is_images(source.file):
        return {name: images(model, source.file, specs.get(name), rescale)}
    if source.file.lower().endswith((".csv", ".parquet")):
        return {name: table(source)}
    if source.file.lower().endswith(json_arrays.ENDINGS):
        return from_json(source, name, specs, free)
    opened = open_weights(source.file)
    entries = list(opened.entries)
    if source.key is not None:
        return {name: opened.read(source.key)}
    if len(entries) == 1:
        return {name: opened.read(entries[0])}
    if source.name is not None:
        raise UsageError(
            f"{source.file} holds {listed(entries)}: say which of them is {source.name}",
            hint=f"--input {source.name}={source.file}:{entries[0]}" if entries else None,
        )
    if missing := [name for name in free.names if name not in entries and name not in free.optional]:
        raise UsageError(
            f"{Path(source.file).name} holds {listed(entries)}, not {', '.join(missing)}",
            hint=f"an entry is named after a colon: {source.file}:{next(iter(entries))}"
            if len(free.names) == 1
            else None,
        )
    return {name: opened.read(name) for name in free.names if name in entries}


def from_json(source: InputSource, name: str, specs: Mapping[str, Spec], free: Arguments) -> dict[str, np.ndarray]:
    """Return the arrays of a JSON file by input name; JSON has one kind of number, so integers fit real inputs."""
    held = json_arrays.read_json(source.file)
    if source.key is not None:
        if source.key not in held:
            raise UsageError(
                f"{source.file} has no entry {source.key!r}", hint=nearest(source.key, list(held)) or listed(list(held))
            )
        found = {name: held[source.key]}
    elif len(held) == 1 and next(iter(held)) not in free.names:
        found = {name: next(iter(held.values()))}
    elif source.name is not None and source.name not in held:
        raise UsageError(f"{source.file} holds {listed(list(held))}: say which of them is {source.name}")
    else:
        found = {source.name: held[source.name]} if source.name is not None else held
    return {key: as_real(array, specs.get(key)) for key, array in found.items()}


def expanded(texts: Sequence[str]) -> list[str]:
    """Return the ``--input`` with one for each entry of a JSON file that has objects in objects: ``batch.x=FILE:batch.x``."""
    found = []
    for text in texts:
        source = InputSource.parse(text)
        nested = source.name is None and source.key is None and source.file.lower().endswith(json_arrays.ENDINGS)
        names = list(json_arrays.read_json(source.file)) if nested else []
        found += [f"{name}={text}:{name}" for name in names] if any("." in name for name in names) else [text]
    return found


def as_real(array: np.ndarray, spec: Spec | None) -> np.ndarray:
    """Return integers as real numbers where the input is real."""
    real = spec is not None and spec.dtype != STRING and array.dtype.kind == "i" and dtypes.rank(spec.dtype) > 1
    return array.astype("float64") if real else array


def table(source: InputSource) -> np.ndarray:
    """Return the columns of a table side by side, or the requested one."""
    import numpy as np

    reader = read_csv if source.file.lower().endswith(".csv") else read_parquet
    columns = reader(source.file)
    if source.key is None:
        return np.stack(list(columns.values()), axis=1)
    if source.key not in columns:
        raise UsageError(
            f"{source.file} has no column {source.key!r}",
            hint=nearest(source.key, list(columns)) or f"columns: {listed(list(columns))}",
        )
    return columns[source.key]


def images(model: str, file: str, spec: Spec | None, rescale: Range | None) -> np.ndarray:
    """Return images in the size and dtype of the model, with values 0 to 255 or rescaled.

    Channels are last, unless only the axis after the batch matches the number of channels of the images.
    """
    if spec is None:
        raise UsageError(
            f"images are resized to the model's input, and {model} does not say so",
            hint="--input-shape 1,3,224,224, or 1,224,224,3 where channels are last",
        )
    first = spec.rank == 4 and spec.shape[1] in MODES and spec.shape[3] not in MODES
    if spec.rank != 4 or not dims.known(spec.shape[1 if first else 3]):
        raise UsageError(
            f"images are [batch, height, width, channels], the model takes {spec}",
            hint="--input-shape changes what it is built for",
        )
    _, *sizes = map(dims.number, spec.shape)
    channels, height, width = sizes if first else (sizes[2], sizes[0], sizes[1])
    pixels = read_images(file, (height, width), channels or 3)
    if rescale is not None:
        black, white = rescale
        pixels = black + pixels * ((white - black) / 255)
    placed = pixels.transpose(0, 3, 1, 2) if first else pixels
    return placed.astype(stored(spec.dtype), order="C")


def stored(dtype: str) -> str:
    """Return the dtype an array has before it is moved to the device: float32 for dtypes that numpy lacks."""
    return "float32" if dtype == "bfloat16" or dtype.startswith("float8") else dtype


def converted(array: np.ndarray, spec: Spec | None) -> np.ndarray:
    """Return ``array`` in the stored dtype of ``spec``; unchanged without a Spec."""
    if spec is None or spec.dtype == STRING:
        return array
    kept = array.real if array.dtype.kind == "c" and dtypes.rank(spec.dtype) < 3 else array
    return kept.astype(stored(spec.dtype), copy=False)


def as_floats(array: np.ndarray) -> Spec | None:
    """Return the floating Spec for an array of integers or booleans; None for other dtypes."""
    return Spec(tuple(array.shape), "float32") if array.dtype.kind in "biu" else None


def check(array: np.ndarray, spec: Spec | None, name: str, *, cast: bool = False, fixed: bool = False) -> None:
    """Raise ShapeError or UsageError unless an array fits ``spec``."""
    if is_text(array) and spec is None:
        raise UsageError(f"the input {name} is text, which a tensor does not hold")
    if is_text(array) and spec is not None and spec.dtype != STRING:
        raise UsageError(f"the input {name} is text, the model takes {spec}")
    if not is_text(array) and spec is not None and spec.dtype == STRING:
        raise UsageError(
            f"the input {name} holds {array.dtype}, the model takes text", hint=f"--input {name}=texts.json"
        )
    if is_text(array) and spec is not None:
        if not fits(array.shape, spec, fixed=fixed):
            raise ShapeError(f"the input {name} is {Spec(tuple(array.shape), STRING)}, the model takes {spec}")
        return
    if array.dtype.kind not in KINDS:
        raise UsageError(f"the input {name} holds {array.dtype}, which is not numeric")
    if spec is None:
        return
    found = Spec(tuple(array.shape), dtypes.name_of(array.dtype))
    if not fits(array.shape, spec, fixed=fixed):
        hint = layout_hint(array.shape, spec, fixed=fixed)
        hint = hint or (None if fixed else "--input-shape changes what it is built for")
        raise ShapeError(f"the input {name} is {found}, the model takes {spec}", hint=hint)
    if dtypes.rank(found.dtype) > dtypes.rank(spec.dtype) and not cast:
        kinds = KINDS[array.dtype.kind], "bool" if spec.dtype == "bool" else spec.dtype
        raise UsageError(
            f"the input {name} is {found}, the model takes {spec}", hint=f"--cast turns {kinds[0]} into {kinds[1]}"
        )


def fits(shape: tuple[int, ...], spec: Spec, *, fixed: bool = False) -> bool:
    """Whether ``shape`` is a batch of what ``spec`` describes; of any batch size unless ``fixed``."""
    first = 0 if fixed else 1
    sizes = zip(shape[first:], spec.shape[first:], strict=False)
    return len(shape) == spec.rank and all(dims.may_equal(a, b) for a, b in sizes)


def layout_hint(shape: tuple[int, ...], spec: Spec, *, fixed: bool = False) -> str | None:
    """Return a hint with the axis order in which the array would fit, if there is exactly one."""
    if len(shape) != spec.rank or spec.rank > MOST_PERMUTED:
        return None
    orders = [
        order
        for order in permutations(range(1, len(shape)))
        if fits((shape[0], *(shape[axis] for axis in order)), spec, fixed=fixed)
    ]
    if len(orders) == 1:
        return f"with its axes in another order it fits: x.transpose({', '.join(map(str, (0, *orders[0])))})"
    return None
