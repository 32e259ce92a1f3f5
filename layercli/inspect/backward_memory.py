"""What the backward pass of an operation allocates beside the gradients, by torch's formulas for the CPU in eager mode.

The rules are those of operations whose formula makes more than its result.
"""

from __future__ import annotations

from collections.abc import Callable

from layercli.core import dims, dtypes
from layercli.core.dims import Size
from layercli.core.spec import Spec
from layercli.inspect.memory_order import is_expanded
from layercli.inspect.rule_input import Given, every_feature

BackwardRule = Callable[[Given], Size]


def copies(count: int) -> BackwardRule:
    """Return the rule of a formula that makes so many more tensors of the size of the first input."""
    return lambda given: given.taken[0].bytes * count


def with_gradient(given: Given) -> list[Spec]:
    """Return the inputs that a gradient is computed for."""
    return [x for x, wants in zip(given.taken, given.wants, strict=True) if wants]


def summed(given: Given) -> list[Spec]:
    """Return the inputs whose gradient has the shape of the result before it is summed to theirs."""
    shape = given.gave[0].shape
    return [x for x in with_gradient(given) if x.shape != shape]


def of_product(given: Given) -> Size:
    """Return the gradients that are summed to the shape of a factor."""
    return given.gave[0].bytes * len(summed(given))


def of_difference(given: Given) -> Size:
    """Return the negative gradient, where it is summed to the shape of what is subtracted."""
    negative = len(given.taken) > 1 and given.wants[1] and given.taken[1].shape != given.gave[0].shape
    return given.gave[0].bytes if negative else 0


def of_quotient(given: Given) -> Size:
    """Return what the formula of the divisor makes: its negative gradient and two quotients."""
    whole = given.gave[0].bytes
    if len(given.taken) < 2:
        return 3 * whole if "x" in given.call.arguments else 0
    if given.wants[1]:
        return 4 * whole - dims.total(x.bytes for x in with_gradient(given))
    return of_product(given)


def of_power(given: Given) -> Size:
    """Return the power that the gradient is multiplied by and what it is made of; of an exponent alone, its factor."""
    x, whole = given.taken[0], given.gave[0].bytes
    if len(given.taken) < 2:
        return whole if "x" in given.call.arguments else 2 * x.bytes
    return whole * (4 if given.wants[0] else 3) + given.gave[0].size


def of_greatest(given: Given) -> Size:
    """Return half of the gradient where two values are equal, and the two masks of where one is greater."""
    whole = given.gave[0].bytes
    return whole + 2 * given.gave[0].size + dims.total(whole - x.bytes for x in summed(given))


def of_extremum(given: Given) -> Size:
    """Return the mask of where the extremum is, the gradient there, and how often it is there."""
    x, out = given.taken[0], given.gave[0]
    return x.bytes + x.size + 3 * out.bytes


def of_spread(numbers: int) -> BackwardRule:
    """Return the rule of a formula that makes one tensor of the size of the input, and so many of that of the result."""
    return lambda given: given.taken[0].bytes + numbers * given.gave[0].bytes


def of_clip(given: Given) -> Size:
    """Return two masks of booleans."""
    return 2 * given.taken[0].size


def of_split(given: Given) -> Size:
    """Return the zeros of the parts that no gradient reached."""
    return given.gradient.missing


def of_crop(given: Given) -> Size:
    """Return the gradient of what is left when the first axis is cropped, where another one is cropped after it."""
    x, out = given.taken[0], given.gave[0]
    if x.rank != out.rank or not given.gradient.freed:
        return 0
    cropped = [axis for axis, (one, other) in enumerate(zip(x.shape, out.shape, strict=True)) if one != other]
    if len(cropped) < 2:
        return 0
    first = (*out.shape[: cropped[1]], *x.shape[cropped[1] :])
    return dims.product(first) * dtypes.BYTES[x.dtype] - out.bytes


def of_matmul(given: Given) -> Size:
    """Return what the gradients of expanded factors of a product are larger by before they are summed."""
    if len(given.taken) < 2 or min(x.rank for x in given.taken) < 3:
        return 0
    lead = given.gave[0].shape[:-2]
    freed = given.gradient.bytes if given.gradient.freed else 0
    expanded = [x for x in with_gradient(given) if is_expanded(x.shape, lead)]
    return dims.total(
        dims.product((*lead, *x.shape[-2:])) * dtypes.BYTES[x.dtype] - dims.least(x.bytes, freed) for x in expanded
    )


def _each(names: str, rule: BackwardRule) -> dict[str, BackwardRule]:
    return dict.fromkeys(names.split(), rule)


BACKWARD: dict[str, BackwardRule] = {
    **_each("Absolute Cosh Exp2 Expm1 Fabs Log10 Log1p Log2 Sin Sinh Sqrt", copies(1)),
    **_each("Arctan Cos Cumsum Logsumexp PRelu Reciprocal Rsqrt Square Tan", copies(2)),
    **_each("Arccosh Arcsinh Arctanh UnitNormalize", copies(3)),
    **_each("Arcsin Erf Erfc Erfinv", copies(4)),
    **_each("Arccos", copies(5)),
    **_each("Sinc", copies(7)),
    **_each("Crop GetItem", of_crop),
    **_each("ArraySplit Split", of_split),
    **_each("Max Min", of_extremum),
    **_each("Maximum Minimum", of_greatest),
    "AdditiveScores": lambda given: (2 if len(given.taken) > 2 else 1) * every_feature(given),
    "Clip": of_clip,
    "Divide": of_quotient,
    "MatMul": of_matmul,
    "Multiply": of_product,
    "Power": of_power,
    "RmsNorm": copies(2),
    "Std": of_spread(3),
    "Subtract": of_difference,
    "Var": of_spread(2),
}
"""The rules by the operation."""
