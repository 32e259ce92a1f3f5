"""Training logs that stay on the device until they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

import torch

from layercli.core.variable import Variable


class LazyLogs(Mapping[str, Any]):
    """Logs computed by ``compute`` once, on first access."""

    def __init__(self, compute: Callable[[], Mapping[str, Any]]) -> None:
        self._compute = compute

    @cached_property
    def nested(self) -> dict[str, Any]:
        """The results by metric; that of one may be a dict."""
        return nested_numbers(self._compute())

    @cached_property
    def _flat(self) -> dict[str, Any]:
        return flattened(self.nested)

    def __getitem__(self, name: str) -> Any:
        return self._flat[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._flat)

    def __len__(self) -> int:
        return len(self._flat)


def numbers(logs: Mapping[str, object]) -> dict[str, Any]:
    """Return logs with each tensor as a number (or nested lists), in Keras's order."""
    return flattened(nested_numbers(logs))


def flattened(logs: Mapping[str, object]) -> dict[str, Any]:
    """Return logs sorted by name, as in Keras; where the value is a dict its items, sorted, in its place."""
    found: dict[str, Any] = {}
    for name in sorted(logs):
        value = logs[name]
        found |= flattened(value) if isinstance(value, Mapping) else {name: value}
    return found


def nested_numbers(logs: Mapping[str, object]) -> dict[str, Any]:
    """Return logs by metric, with each tensor and variable as a number (or nested lists)."""
    if isinstance(logs, LazyLogs):
        return logs.nested
    return {
        name: nested_numbers(value) if isinstance(value, Mapping) else number(value) for name, value in logs.items()
    }


def number(value: object) -> object:
    """Return a tensor or a variable as a number or nested lists of numbers."""
    if isinstance(value, Variable):
        value = value.value
    return value.tolist() if isinstance(value, torch.Tensor) else value
