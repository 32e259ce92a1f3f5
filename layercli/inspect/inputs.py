"""The inputs of a run: read from files and checked against what the model takes, or filled in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from layercli.core import dims, dtypes, tree
from layercli.core.layer import Layer
from layercli.core.spec import Spec
from layercli.errors import ShapeError, UsageError
from layercli.files.detect import open_weights
from layercli.inspect.summary import input_names

if TYPE_CHECKING:
    import numpy as np

FILLS = ("random", "zeros", "ones")
MOST_INTEGER = 10
"""Whole numbers filled in at random are below this, so that they are indices of any vocabulary."""


def filled(specs: Any, fill: str, seed: int) -> Any:
    """Return arrays for a tree of Specs: standard normal, zeros or ones; an unknown batch is 1.

    Random whole numbers are from 0 to 9. UsageError for another size that is not known.
    """
    import numpy as np

    if fill not in FILLS:
        raise UsageError(f"inputs are filled with {', '.join(FILLS)}, not {fill!r}")
    rng = np.random.default_rng(seed)
    return tree.map_leaves(lambda spec: _array(spec.at({dims.BATCH: 1}), fill, rng), specs)


def read(model: Layer, specs: Any, files: list[str]) -> Any:
    """Return the arrays in ``files`` as the model takes them: a file for each input, or one ``.npz`` with all by name."""
    names = input_names(model, specs)
    arrays = [array for file in files for array in _arrays(file, names).items()]
    given = dict(arrays) if len(names) > 1 else {names[0]: arrays[0][1]}
    if len(arrays) != len(names):
        raise UsageError(f"{model.name} takes {len(names)} inputs ({', '.join(names)}), got {len(arrays)}")
    expected = tree.leaves(specs)
    checked = [fitted(given[name], spec, name) for name, spec in zip(names, expected, strict=True)]
    remaining = iter(checked)
    return tree.map_leaves(lambda _: next(remaining), specs)


def fitted(array: np.ndarray, spec: Spec, name: str) -> np.ndarray:
    """Return ``array`` in the dtype of ``spec``, checked against its shape; ShapeError or UsageError says what does not fit."""
    if array.dtype.kind not in "biufc":
        raise UsageError(f"the input {name} holds {array.dtype}, which is no number")
    found = Spec(tuple(array.shape), dtypes.name_of(array.dtype))
    same_rank = array.ndim == spec.rank
    if not same_rank or not all(dims.may_equal(a, b) for a, b in zip(array.shape[1:], spec.shape[1:], strict=True)):
        raise ShapeError(
            f"the input {name} is {found}, the model takes {spec}", hint="--input-shape changes what it is built for"
        )
    if dtypes.rank(found.dtype) > dtypes.rank(spec.dtype):
        raise UsageError(f"the input {name} is {found}, the model takes {spec}")
    return array.astype(spec.dtype) if spec.dtype not in ("bfloat16",) else array.astype("float32")


def _arrays(file: str, names: list[str]) -> dict[str, np.ndarray]:
    """Return what is in one file by input name; an array on its own goes to the first input."""
    opened = open_weights(file)
    paths = list(opened.entries)
    if len(paths) == 1 and len(names) == 1:
        return {names[0]: opened.read(paths[0])}
    missing = [name for name in names if name not in paths]
    if missing:
        raise UsageError(f"{Path(file).name} holds {', '.join(paths)}, not {', '.join(missing)}")
    return {name: opened.read(name) for name in names}


def _array(spec: Spec, fill: str, rng: np.random.Generator) -> Any:
    import numpy as np

    unknown = next((size for size in spec.shape if not dims.known(size)), None)
    if unknown is not None:
        raise UsageError(
            f"the input {spec} has a size that is not known",
            hint=f"--at {unknown}=128" if dims.names(unknown) else "give all sizes with --input-shape",
        )
    shape = tuple(int(size) for size in spec.shape)
    if fill != "random":
        return np.full(shape, fill == "ones", spec.dtype)
    if spec.dtype == "bool":
        return rng.random(shape) < 0.5
    if dtypes.is_integer(spec.dtype):
        return rng.integers(0, MOST_INTEGER, shape).astype(spec.dtype)
    return rng.standard_normal(shape, dtype="float32").astype(spec.dtype if dtypes.BYTES[spec.dtype] > 2 else "float32")
