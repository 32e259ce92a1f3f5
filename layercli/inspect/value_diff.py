"""How far the values of two variables are apart: equal bytes first, else block by block in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from math import prod
from typing import TYPE_CHECKING, Any

from layercli.core.types import JSONObject
from layercli.dataclass import dataclass
from layercli.formats.dtype_codec import decode
from layercli.formats.json_numbers import json_number
from layercli.formats.stored import is_quantized, release_pages
from layercli.inspect.layouts import Order, is_identity
from layercli.inspect.low_rank import part_of, rank_of_change
from layercli.inspect.value_sums import Sums

if TYPE_CHECKING:
    import numpy as np

    from layercli.inspect.variable_matching import VariablePair
    from layercli.inspect.variables import VariableRow

BLOCK = 1 << 16
"""The values compared at a time: two blocks of them stay in the cache of a core."""
BYTES = 1 << 20
"""The bytes compared at a time."""
WINDOW = 1 << 21
"""The values, or eights of bytes, after which pages that were read are let go: a file may be larger than the memory."""
WORKERS = 2


@dataclass(frozen=True)
class ValueDiff:
    """The values of one variable compared, as block by block sums tell.

    ``absolute`` is the largest difference, ``relative`` that over the largest value of both, ``cosine`` that of the angle
    between the two as vectors, ``normalised`` the norm of the difference over ``norm``, that of ``a``. ``rounded`` says that
    ``b`` is ``a`` rounded to its dtype; ``rank`` is that of the change of a matrix, where it is low.
    """

    equal: bool
    close: bool
    absolute: float = 0.0
    relative: float = 0.0
    cosine: float = 1.0
    normalised: float = 0.0
    norm: float = 0.0
    finite: bool = True
    rounded: bool = False
    rank: int | None = None

    def to_json(self) -> JSONObject:
        """Return the result as JSON has it."""
        return {
            "equal": self.equal,
            "close": self.close,
            "max_absolute": json_number(self.absolute),
            "max_relative": json_number(self.relative),
            "cosine": json_number(self.cosine),
            "normalised_error": json_number(self.normalised),
            "finite": self.finite,
            "rounded": self.rounded,
            "rank_of_change": self.rank,
        }


EQUAL = ValueDiff(equal=True, close=True)


def compare_values(
    pairs: Iterable[VariablePair],
    *,
    rtol: float = 0.0,
    atol: float = 0.0,
    progress: Callable[[int], None] = lambda count: None,
) -> dict[str, ValueDiff]:
    """Return the result for each pair of one size that can be read, by its name in ``a``; of reshaped ones in their order.

    ``progress`` receives the number of finished bytes.
    """
    sized = [pair for pair in pairs if prod(pair.a.shape) == prod(pair.b.shape)]
    wanted = [pair for pair in sized if not (pair.a.unreadable or pair.b.unreadable)]

    def compared(pair: VariablePair) -> ValueDiff:
        found = compare_pair(pair, rtol, atol)
        progress(pair.a.bytes)
        return found

    with ThreadPoolExecutor(WORKERS) as pool:
        return {pair.a.path: each for pair, each in zip(wanted, pool.map(compared, wanted), strict=True)}


def compare_pair(pair: VariablePair, rtol: float, atol: float) -> ValueDiff:
    """Return how far the values of two variables are apart."""
    order = pair.order or ()
    if pair.a.dtype == pair.b.dtype and is_identity(order) and equal_bytes(pair.a.stored(), pair.b.stored()):
        return EQUAL
    sums = Sums(rtol, atol, pair.b.dtype if pair.cast else None)
    for x, y in blocks(pair.a, pair.b, order):
        sums.add(x, y)
    if not sums.different:
        return EQUAL
    rank = None
    if (
        sums.finite
        and len(pair.b.shape) == 2
        and not pair.reshaped
        and not pair.cast
        and not is_quantized(pair.b.dtype)
    ):
        rank = rank_of_change(*parts_of(pair, order), pair.b.dtype)
    return ValueDiff(
        equal=False,
        close=sums.close,
        absolute=sums.absolute,
        relative=sums.relative,
        cosine=sums.cosine,
        normalised=sums.normalised,
        norm=sums.norm_a,
        finite=sums.finite,
        rounded=sums.rounded,
        rank=rank,
    )


def equal_bytes(x: np.ndarray | None, y: np.ndarray | None) -> bool:
    """Whether both are known to be the same bytes."""
    import numpy as np

    if x is None or y is None or x.dtype != y.dtype or x.size != y.size:
        return False
    if not (x.flags.c_contiguous and y.flags.c_contiguous):
        return False
    mine, theirs = (np.asarray(side).reshape(-1).view(np.uint8) for side in (x, y))
    whole = mine.size - mine.size % 8
    words, others = mine[:whole].view(np.uint64), theirs[:whole].view(np.uint64)
    pieces = windows(words, others, BYTES // 8)
    return all(np.array_equal(p, q) for p, q in pieces) and np.array_equal(mine[whole:], theirs[whole:])


def blocks(a: VariableRow, b: VariableRow, order: Order) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield blocks of the values of two variables that stand for each other, decoded, flat or in rows."""
    x, y = mapped(a), mapped(b)
    if x is not None and y is not None and len(order) == x.ndim:  # a reshaped one has no order
        yield from array_blocks(x.transpose(order), y, a.dtype, b.dtype)
    elif is_identity(order):
        yield from aligned(flat(a, x), flat(b, y))
    else:
        mine, theirs = a.read().reshape(a.shape).transpose(order), b.read().reshape(b.shape)
        yield from array_blocks(mine, theirs, None, None)


def mapped(row: VariableRow) -> np.ndarray | None:
    """Return the values as they lie, in the shape of the variable, or None where they do not."""
    import numpy as np

    found = None if is_quantized(row.dtype) else row.stored()
    return None if found is None else np.asarray(found).reshape(row.shape)


def array_blocks(
    x: np.ndarray, y: np.ndarray, mine: str | None, theirs: str | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield blocks of two arrays of one shape, decoded from these dtypes."""
    if x.flags.c_contiguous and y.flags.c_contiguous:
        x, y = x.reshape(-1), y.reshape(-1)
    for p, q in windows(x, y, BLOCK):
        yield values_of(p, mine), values_of(q, theirs)


def values_of(stored: np.ndarray, dtype: str | None) -> np.ndarray:
    """Return values decoded from this dtype, flat, at an address that is a multiple of their size: numpy is slow at others."""
    import numpy as np

    decoded = stored if dtype is None else decode(stored, dtype)
    return np.require(decoded.ravel(), requirements="A")


def windows(x: np.ndarray, y: np.ndarray, block: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the same blocks of two arrays of one shape, and let the pages of a file go after those of each window."""
    for window in slices(x.shape, WINDOW):
        p, q = x[window], y[window]
        for index in slices(p.shape, block):
            yield p[index], q[index]
        release_pages(p)
        release_pages(q)


def slices(shape: tuple[int, ...], most: int) -> Iterator[tuple[Any, ...]]:
    """Yield indices that cut an array of that shape into parts of ``most`` values at most."""
    if prod(shape) <= most:
        yield (...,)
        return
    inner = prod(shape[1:])
    if inner > most:
        yield from ((i, *rest) for i in range(shape[0]) for rest in slices(shape[1:], most))
        return
    rows = max(1, most // inner)
    yield from ((slice(start, start + rows), ...) for start in range(0, shape[0], rows))


def flat(row: VariableRow, array: np.ndarray | None) -> Iterator[np.ndarray]:
    """Yield the values of a variable flat, the last index running fastest."""
    if array is None:
        yield from row.chunks()
        return
    values = array.reshape(-1) if array.flags.c_contiguous else array.flat
    for start in range(0, array.size, BLOCK):
        yield decode(values[start : start + BLOCK], row.dtype)


def aligned(xs: Iterator[np.ndarray], ys: Iterator[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield pieces of equal length of two streams of values."""
    import numpy as np

    x = y = np.empty(0)
    while True:
        x, y = (x if x.size else next(xs, x)), (y if y.size else next(ys, y))
        size = min(x.size, y.size, BLOCK)
        if not size:
            return
        yield x[:size], y[:size]
        x, y = x[size:], y[size:]


def parts_of(pair: VariablePair, order: Order) -> tuple[np.ndarray, np.ndarray]:
    """Return the same rows and columns of two matrices, as float64."""
    import numpy as np

    rows, columns = part_of(pair.b.shape)
    found = []
    for row, axes in ((pair.a, order), (pair.b, (0, 1))):
        array = mapped(row)
        whole = row.read().reshape(row.shape) if array is None else array
        part = whole.transpose(axes)[rows][:, columns]
        found.append((part if array is None else decode(part, row.dtype)).astype(np.float64))
        release_pages(whole)
    return found[0], found[1]
