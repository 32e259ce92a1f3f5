"""Monitoring a value of the logs."""

from __future__ import annotations

import math
from typing import Any

from layercli.callbacks.callback import Logs
from layercli.errors import UsageError, nearest

MODES = ("auto", "min", "max")
RISING = ("acc", "auc", "precision", "recall", "fmeasure", "f1", "iou", "r2", "true_positives", "true_negatives")
"""What tells by its name that more is better."""


class MonitorCallback:
    """Read a value of the logs and compare it: a value is better if it is lower ("min") or higher ("max") by over ``min_delta``.

    "auto" is "max" for accuracies and other scores, else "min". Raises UsageError for another mode.
    """

    def __init__(self, owner: str, name: str, mode: str, min_delta: float = 0.0) -> None:
        if mode not in MODES:
            raise UsageError(f"{owner} expects mode to be auto, min or max, got {mode!r}")
        self.owner = owner
        self.name = name
        self.rising = mode == "max" or (mode == "auto" and any(word in name for word in RISING))
        self.min_delta = abs(min_delta)

    @property
    def initial(self) -> float:
        """What every number is better than."""
        return -math.inf if self.rising else math.inf

    def value(self, logs: Logs | None) -> Any:
        """Return the number in ``logs``; UsageError where there is none of that name."""
        found = logs or {}
        if self.name not in found:
            raise UsageError(
                f"{self.owner} watches {self.name!r}, which is not in the logs ({', '.join(found)})",
                hint=nearest(self.name, list(found)),
            )
        return found[self.name]

    def is_better(self, value: float, than: float) -> bool:
        """Return whether ``value`` is better than ``than`` by more than min_delta."""
        return value - self.min_delta > than if self.rising else value + self.min_delta < than
