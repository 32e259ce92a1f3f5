"""Training logs that stay on the device until they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch


class LazyLogs(Mapping[str, Any]):
    """Logs computed by ``compute`` once, on first access."""

    def __init__(self, compute: Callable[[], Mapping[str, Any]]) -> None:
        self._compute = compute
        self._found: Mapping[str, Any] | None = None

    def _read(self) -> Mapping[str, object]:
        if self._found is None:
            self._found = numbers(self._compute())
        return self._found

    def __getitem__(self, name: str) -> Any:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())


def numbers(logs: Mapping[str, object]) -> dict[str, Any]:
    """Return logs with each tensor as a number (or nested lists), sorted by name as in Keras; a dict gives its own names."""
    found: dict[str, Any] = {}
    for name in sorted(logs):
        value = logs[name]
        found |= numbers(value) if isinstance(value, Mapping) else {name: number(value)}
    return found


def number(value: object) -> object:
    """Return a tensor as a number or nested lists of numbers."""
    return value.tolist() if isinstance(value, torch.Tensor) else value
