"""Training logs that stay on the device until they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from layercli.core.variable import Variable


class LazyLogs(Mapping[str, Any]):
    """Logs computed by ``compute`` once, on first access."""

    def __init__(self, compute: Callable[[], Mapping[str, Any]]) -> None:
        self._compute = compute
        self._found: Mapping[str, Any] | None = None
        self._nested: dict[str, Any] | None = None

    def _read(self) -> Mapping[str, object]:
        if self._found is None:
            self._found = flattened(self.nested())
        return self._found

    def nested(self) -> dict[str, Any]:
        """Return the results by metric, of which one may be a dict."""
        if self._nested is None:
            self._nested = nested_numbers(self._compute())
        return self._nested

    def __getitem__(self, name: str) -> Any:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())


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
        return logs.nested()
    return {
        name: nested_numbers(value) if isinstance(value, Mapping) else number(value) for name, value in logs.items()
    }


def number(value: object) -> object:
    """Return a tensor or a variable as a number or nested lists of numbers."""
    if isinstance(value, Variable):
        value = value.value
    return value.tolist() if isinstance(value, torch.Tensor) else value
