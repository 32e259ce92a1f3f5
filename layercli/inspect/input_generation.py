"""Generate inputs: random numbers, zeros, ones, or counted values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from layercli.core import dims, dtypes, tree
from layercli.core.limits import MOST_DIMENSIONS
from layercli.core.spec import Spec
from layercli.core.text import STRING
from layercli.errors import ShapeError, UsageError, nearest

if TYPE_CHECKING:
    import numpy as np

FILLS = ("random", "zeros", "ones", "range")
MOST_INTEGER = 10
"""Generated integers are below this, so that they are valid indices of any vocabulary."""

Range = tuple[float, float]


def filled(
    specs: object,
    names: list[str],
    fill: str,
    seed: int,
    ranges: Iterable[str] = (),
    indexed: Mapping[str, int] | None = None,
) -> Any:
    """Return arrays for a tree of Specs with input names ``names``; an unknown batch size becomes 1.

    ``random`` is standard normal (integers: 0 to 9), or uniform over the input's range; ``range`` counts 0, 1, 2, ...
    (integers modulo 10), or goes through the input's range in equal steps. An input that chooses rows of a table stays within
    them, of which ``indexed`` is the number. UsageError for any other unknown size.
    """
    import numpy as np

    if fill not in FILLS:
        raise UsageError(f"inputs are filled with {', '.join(FILLS)}, not {fill!r}", hint=nearest(fill, FILLS))
    bounds = parse_ranges(ranges, names)
    if bounds and fill not in ("random", "range"):
        raise UsageError(f"--range applies to --fill random and range, not to {fill}")
    rng = np.random.default_rng(seed)
    left = iter(names)

    def made(spec: Spec) -> np.ndarray:
        name = next(left)
        bound = bounds.get(name) or _bounds_of_index(spec, (indexed or {}).get(name))
        return _array(spec.at({dims.BATCH: 1}), fill, rng, bound)

    return tree.map_structure(made, specs)


def _bounds_of_index(spec: Spec, rows: int | None) -> Range | None:
    """Return the range of an input that chooses one of so many rows, where what is drawn by itself may lie outside."""
    if rows is None or not draws_outside(spec, rows):
        return None
    return 0.0, min(rows, MOST_INTEGER) - 1.0


def draws_outside(spec: Spec, rows: int) -> bool:
    """Whether values that are drawn for an input may be no index of a table with so many rows: negative or too large."""
    return rows < MOST_INTEGER or dtypes.is_floating(spec.dtype)


def parse_ranges(texts: Iterable[str], names: list[str]) -> dict[str, Range]:
    """Return the range of each input: ``NAME=0,1``, or ``0,1`` for a single input."""
    found = {}
    for text in texts:
        name, equals, bounds = text.rpartition("=")
        if not equals and len(names) > 1:
            raise UsageError(
                f"the model takes {', '.join(names)}: say whose range {text!r} is, as in {names[0]}={text}"
            )
        name = name if equals else names[0]
        if name not in names:
            raise UsageError(f"there is no input {name!r}", hint=nearest(name, names) or f"inputs: {', '.join(names)}")
        found[name] = _bounds(bounds, text)
    return found


def _bounds(bounds: str, text: str) -> Range:
    try:
        low, high = map(float, bounds.split(","))
    except ValueError:
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise UsageError(f"a range is given as NAME=0,1, the lower end first, got {text!r}")
    return low, high


def _array(spec: Spec, fill: str, rng: np.random.Generator, bounds: Range | None) -> np.ndarray:
    import numpy as np

    shape = sizes_of(spec)
    if len(shape) > MOST_DIMENSIONS:
        raise ShapeError(
            f"an input of {len(shape):,} dimensions cannot be made: an array has {MOST_DIMENSIONS} at most"
        )
    if spec.dtype == STRING:
        return np.full(shape, "" if fill == "zeros" else "text", dtype=object)
    stored = spec.dtype if dtypes.BYTES[spec.dtype] > 2 or not dtypes.is_floating(spec.dtype) else "float32"
    if fill in ("zeros", "ones"):
        return np.full(shape, fill == "ones", stored)
    draw = _random if fill == "random" else _steps
    return draw(spec, shape, rng, bounds).astype(stored)


def _random(spec: Spec, shape: tuple[int, ...], rng: np.random.Generator, bounds: Range | None) -> Any:
    if spec.dtype == "bool":
        return rng.random(shape) < 0.5
    if dtypes.is_integer(spec.dtype):
        low, high = bounds or (0, MOST_INTEGER - 1)
        return rng.integers(int(low), int(high), shape, endpoint=True)
    return rng.uniform(*bounds, shape) if bounds else rng.standard_normal(shape, dtype="float32")


def _steps(spec: Spec, shape: tuple[int, ...], _: np.random.Generator, bounds: Range | None) -> np.ndarray | np.ndarray:
    import numpy as np

    count = math.prod(shape)
    if bounds:
        return np.linspace(*bounds, count).reshape(shape)
    counted = np.arange(count).reshape(shape)
    return counted if dtypes.is_floating(spec.dtype) else counted % MOST_INTEGER


def sizes_of(spec: Spec) -> tuple[int, ...]:
    """Return the shape as numbers; UsageError explains how to give an unknown size."""
    unknown = next((size for size in spec.shape if not dims.known(size)), None)
    if unknown is not None:
        raise UsageError(
            f"the input {spec} has a size that is not known",
            hint=f"--at {unknown}=128" if dims.names(unknown) else "give all sizes with --input-shape",
        )
    return tuple(int(size) for size in spec.shape)
