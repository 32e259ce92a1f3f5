"""The learning rate of an optimizer: a number, a schedule of it, or a function that says it."""

from __future__ import annotations

import inspect
import struct
from collections.abc import Mapping
from numbers import Real
from typing import Any

from layercli.core.number_variable import NumberVariable
from layercli.errors import ArgumentError, UsageError
from layercli.optimizers.schedules import LearningRateSchedule, deserialize


class LearningRate:
    """A setting that is set to a number, a schedule or a function, and reads as a variable of the number, or as the rate of the
    next step.

    A number is rounded to float32, which is how it is stored: training goes on from a file as it would have without.
    """

    def __init__(self, default: float) -> None:
        self.default = default

    def __get__(self, optimizer: Any, owner: object = None) -> NumberVariable | float:
        if optimizer is None:
            return self.default
        source = optimizer.rate_source
        if isinstance(source, float):
            return NumberVariable(
                f"{optimizer.name}/learning_rate",
                "float32",
                lambda: optimizer.rate_source,
                lambda value: self.__set__(optimizer, value),
                optimizer.scoped_numbers,
            )
        takes_step = isinstance(source, LearningRateSchedule) or inspect.signature(source).parameters
        return float(source(optimizer.step_count) if takes_step else source())

    def __set__(self, optimizer: Any, value: Any) -> None:
        if isinstance(value, Mapping):
            value = deserialize(value)
        if callable(value):
            optimizer.rate_source = value
            return
        if isinstance(getattr(optimizer, "rate_source", None), LearningRateSchedule):
            schedule = type(optimizer.rate_source).__name__
            raise ArgumentError(f"the learning rate of {optimizer.name} follows {schedule} and cannot be set")
        if hasattr(value, "item"):
            value = value.item()
        if not isinstance(value, Real) or isinstance(value, bool):
            raise UsageError(f"learning_rate is a number, a schedule or a function, got {value!r}")
        optimizer.rate_source = float32(float(value))


def float32(value: float) -> float:
    """Return the float32 nearest to ``value``."""
    return float(struct.unpack("f", struct.pack("f", value))[0])
