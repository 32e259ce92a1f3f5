"""Values as powers of others, and the area under them."""

from __future__ import annotations

from typing import Any

from layercli.core import dtypes
from layercli.core.dims import Size
from layercli.core.op import spec_of
from layercli.ops.accumulation import diff
from layercli.ops.axes import axis_of, check_rank
from layercli.ops.conversion import convert_to_tensor
from layercli.ops.elementwise import cast, power
from layercli.ops.ranges import arange
from layercli.ops.reduction import Reduction
from layercli.ops.reshaping import expand_dims, reshape
from layercli.ops.rolling import Flip
from layercli.ops.slicing import GetItem, Range


def vander(x: Any, N: Size | None = None, increasing: bool = False) -> Any:
    """Return the matrix of the powers of the vector x: N columns (None: as many as rows), the powers falling, or ``increasing``."""
    x = convert_to_tensor(x)
    spec = spec_of(x)
    check_rank(spec, 1)
    powers = arange(spec.shape[0] if N is None else N)
    powers = powers if increasing else Flip(0)(powers)
    return power(expand_dims(x, 1), cast(powers, spec.dtype))


def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """Return the area under y along ``axis`` by trapezoids, at the places x, or ``dx`` apart."""
    y = convert_to_tensor(y)
    y = y if dtypes.is_floating(spec_of(y).dtype) else cast(y, "float32")
    along = axis_of(spec_of(y), axis)
    before = (Range(),) * along
    pairs = GetItem((*before, Range(1)))(y) + GetItem((*before, Range(None, -1)))(y)
    return 0.5 * Reduction("sum", along)(_widths(y, x, dx, along) * pairs)


def _widths(y: Any, x: Any, dx: Any, axis: int) -> Any:
    """Return the distances of neighbours."""
    if x is None:
        return dx
    x = convert_to_tensor(x)
    rank = spec_of(y).rank
    if spec_of(x).rank != 1:
        return diff(x, axis=axis)
    return reshape(diff(x), tuple(-1 if i == axis else 1 for i in range(rank)))
