"""Monitoring a value of the logs."""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Callable
from typing import Any

from layercli.callbacks.callback import Callback, Logs
from layercli.errors import ArgumentError, UsageError, nearest

MODES = ("auto", "min", "max")
RISING = ("acc", "auc", "precision", "recall", "fmeasure", "f1", "iou", "r2", "true_positives", "true_negatives")
"""What tells by its name that more is better."""


class MonitorCallback(Callback):
    """Read a value of the logs and compare it: a value is better if it is lower ("min") or higher ("max") by over ``min_delta``.

    "auto" is "max" for accuracies and other scores, else "min"; another mode is "auto" with a warning, as in Keras. ``best`` is
    the best value so far.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        if mode not in MODES:
            warnings.warn(
                f"{type(self).__name__} takes the mode auto for {mode!r}: it is auto, min or max", stacklevel=3
            )
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(self.number("min_delta", min_delta))
        self.best: float = self.initial

    @classmethod
    def number(cls, name: str, value: Any) -> Any:
        """Return the argument ``name``; ArgumentError where it cannot be compared with numbers, as text."""
        try:
            value < math.inf  # noqa: B015 - whether it can be
        except TypeError as error:
            raise ArgumentError(f"{cls.__name__} expects {name} to be a number, got {value!r}") from error
        return value

    @property
    def rising(self) -> bool:
        """Whether a higher value is better."""
        return self.mode == "max" or (self.mode == "auto" and any(word in self.monitor for word in RISING))

    @property
    def monitor_op(self) -> Callable[[Any, Any], Any]:
        """The comparison that is true for a better value and the best so far."""
        return operator.gt if self.rising else operator.lt

    @property
    def initial(self) -> float:
        """What every number is better than."""
        return -math.inf if self.rising else math.inf

    def get_monitor_value(self, logs: Logs | None) -> Any:
        """Return the number in ``logs``; None with a warning where there is none of that name, as in epochs without validation.

        Raises UsageError for a name that nothing logs, of which the mode "auto" does not know whether more is better.
        """
        found = logs or {}
        if self.monitor not in found:
            text = f"{type(self).__name__} watches {self.monitor!r}, which is not in the logs ({', '.join(found)})"
            known = self.monitor.removeprefix("val_") in ("loss", *found)
            if self.mode == "auto" and not known:
                raise UsageError(text, hint=nearest(self.monitor, list(found)))
            warnings.warn(text, stacklevel=3)
        return found.get(self.monitor)

    def is_better(self, value: float, than: float) -> bool:
        """Return whether ``value`` is better than ``than`` by more than min_delta."""
        return bool(self.monitor_op(value - self.min_delta if self.rising else value + self.min_delta, than))
