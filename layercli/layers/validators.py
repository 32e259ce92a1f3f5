"""The kinds of settings layers declare: what each must be, in words, and how it is checked and converted."""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import index
from typing import Annotated, Any

from layercli import activations, constraints, initializers, regularizers
from layercli.core.fields import Validator
from layercli.core.image_format import FORMATS, image_data_format
from layercli.errors import UsageError


def _positive(value: object) -> int:
    number = _integer(value)
    if number < 1:
        raise ValueError
    return number


def _integer(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError
    return index(value)


def _count(value: object) -> int:
    number = _integer(value)
    if number < 0:
        raise ValueError
    return number


def _pair(value: object) -> tuple[int, int]:
    before, after = value if isinstance(value, (list, tuple)) else (value, value)
    return _count(before), _count(after)


def _fraction(value: Any) -> float:
    if not 0 <= value <= 1:
        raise ValueError
    return float(value)


def _integers(value: object) -> int | tuple[int, ...]:
    return tuple(map(_integer, value)) if isinstance(value, (list, tuple)) else _integer(value)


def _optional(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else convert(value)


def _boolean(value: object) -> bool:
    if not isinstance(value, (bool, int)):
        raise TypeError
    return bool(value)


def one_of(*allowed: object) -> Validator:
    """Return the rule of a setting that is one of ``allowed``; text counts in any case."""

    def choose(value: object) -> Any:
        if isinstance(value, str):
            value = value.lower()
        if value not in allowed:
            raise NotImplementedError
        return value

    return Validator(" or ".join(map(repr, allowed)), choose)


def data_format(value: object) -> str:
    """Return where the channels of images are: the default of ``config.set_image_data_format`` for None."""
    found: str = one_of(*FORMATS).convert(image_data_format() if value is None else value)
    return found


POSITIVE = Validator("a positive integer", _positive)
INTEGER = Validator("an integer", _integer)
NUMBER = Validator("a number", float)
BOOL = Validator("true or false", _boolean)
COUNT = Validator("an integer from 0", _count)
PAIR = Validator("an integer from 0 or a pair of them", _pair)

PositiveInt = Annotated[int, POSITIVE]
NonNegativeInt = Annotated[int, INTEGER]
UnitInterval = Annotated[float, Validator("a number from 0 to 1", _fraction)]
ClippedInterval = Annotated[float, Validator("a number", lambda value: float(min(1.0, max(0.0, value))))]
"""A number that is taken into 0 to 1, as the dropout of Keras's recurrent layers."""
Bool = Annotated[bool, BOOL]
Number = Annotated[float, NUMBER]

Activation = Annotated[Any, Validator("an activation", activations.applied)]
Initializer = Annotated[Any, Validator("an initializer", initializers.get)]
Regularizer = Annotated[Any, Validator("a regularizer", regularizers.get)]
Constraint = Annotated[Any, Validator("a constraint", constraints.get)]

Axes = Annotated[int | tuple[int, ...], Validator("an integer or several", _integers)]
Seed = Annotated[Any, Validator("an integer or None", _optional(_integer))]

OptionalPositiveInt = Annotated[Any, Validator("a positive integer or None", _optional(_positive))]

Padding = Annotated[str, one_of("valid", "same")]
CausalPadding = Annotated[str, one_of("valid", "same", "causal")]
MergeMode = Annotated[Any, one_of("concat", "sum", "mul", "ave", None)]
ScoreMode = Annotated[str, one_of("dot", "concat")]
DataFormat = Annotated[Any, Validator("None or 'channels_last' or 'channels_first'", data_format)]


def axes_of(axis: int | tuple[int, ...]) -> tuple[int, ...]:
    """Return an axis, or several, as a tuple."""
    return axis if isinstance(axis, tuple) else (axis,)


def per_axis(value: object, axes: int, name: str, owner: str, each: Validator = POSITIVE) -> tuple[Any, ...]:
    """Return what ``each`` makes of one value for all axes or of one value per axis; UsageError names the setting."""
    from layercli.core.fields import checked

    expected = each.expected if axes == 1 else f"{each.expected}, or {axes} of them"

    def convert(given: object) -> tuple[Any, ...]:
        if not isinstance(given, (list, tuple)):
            return (each.convert(given),) * axes
        if axes == 1 and len(given) == 2 and each is PAIR:
            return (each.convert(given),)
        if len(given) != axes:
            raise ValueError
        return tuple(map(each.convert, given))

    result: tuple[Any, ...] = checked(owner, name, value, Validator(expected, convert))
    return result


def _positives(count: int | None) -> Validator:
    expected = f"{count or 'one or more'} positive integers"

    def convert(value: Any) -> tuple[int, ...]:
        numbers = tuple(map(_positive, value)) if isinstance(value, (list, tuple)) else (_positive(value),)
        if len(numbers) != count if count else not numbers:
            raise ValueError
        return numbers

    return Validator(expected, convert)


def factor(
    low: float, high: float, *, excluded: bool = False, overlapping: bool = False, optional: bool = False
) -> Validator:
    """Return the rule of a factor drawn at random: between -f and f of a number f, or between two numbers, kept as it is given.

    A pair may lie beyond ``low`` and ``high`` if it is ``overlapping``, and a number becomes its pair then, not below ``low``, as
    in Keras; ``excluded`` is low itself.
    """

    def check(value: Any) -> Any:
        if optional and value is None:
            return None
        numbers = [float(one) for one in (value if isinstance(value, (list, tuple)) else [value])]
        beyond = max(numbers) < low or min(numbers) > high
        if not overlapping or len(numbers) == 1:
            beyond = min(numbers) < low or max(numbers) > high or (excluded and low in numbers)
        if beyond or len(numbers) > 2 or (isinstance(value, (list, tuple)) and len(numbers) != 2):
            raise ValueError
        if isinstance(value, (list, tuple)):
            return tuple(value)
        return (max(-abs(value), low), abs(value)) if overlapping else value

    return Validator(f"a number from {low} {'(excluded) ' if excluded else ''}to {high}, or two", check)


def factor_range(factor: Any, lowest: float = -math.inf) -> tuple[float, float]:
    """Return the ends that a factor is drawn between, those of a number not below ``lowest``."""
    if isinstance(factor, tuple):
        low, high = sorted(map(float, factor))
        return low, high
    size = abs(float(factor))
    return max(-size, lowest), size


def _ordered_pair(value: Any) -> tuple[float, float]:
    low, high = sorted(map(float, value))
    return low, high


ValueRange = Annotated[Any, Validator("two numbers", _ordered_pair)]

OF_PLAIN_TYPES = {int: INTEGER, float: NUMBER, bool: BOOL, str: Validator("text", str)}
"""The rule of a setting annotated with a plain type, where a value comes from the command line."""

PositiveInts = Annotated[Any, _positives(None)]
Filters3 = Annotated[Any, _positives(3)]


def raise_unsupported(layer: object, names: tuple[str, ...], why: str) -> None:
    """Raise UsageError where a setting of Keras's that layercli has no meaning for is given: it is there to be read."""
    for name in names:
        if getattr(layer, name) is not None:
            raise UsageError(f"{type(layer).__name__} has no {name} here: layercli {why}")


FractionRange = Annotated[Any, factor(0, 1, overlapping=True)]
"""The range of a probability or of another fraction: a number s for (0, s), or a pair."""


def check_strides(owner: str, strides: tuple[int, ...], dilation_rate: tuple[int, ...]) -> None:
    """Raise UsageError for strides beside a dilation, along whatever axes: Keras's convolutions take one of the two."""
    if max(strides) > 1 and max(dilation_rate) > 1:
        raise UsageError(f"{owner} expects strides or dilation_rate to be 1, got {strides} and {dilation_rate}")
