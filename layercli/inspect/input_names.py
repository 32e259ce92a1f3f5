"""Input names of a model, and the errors for missing and unexpected inputs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from layercli.errors import UsageError


@dataclass(frozen=True)
class Arguments:
    """The names of a model's inputs in order, and which of them are optional."""

    names: list[str]
    optional: Collection[str] = ()

    def check(self, model: str, given: Collection[str]) -> None:
        """Raise UsageError if a required input of the model ``model`` is missing."""
        missing = [name for name in self.names if name not in given and name not in self.optional]
        if missing:
            wanted = [name for name in self.names if name in given or name in missing]
            raise UsageError(f"{model} takes {count_of(wanted)}, got {len(given)}: {missing[0]} lacks")


def count_of(names: list[str]) -> str:
    """Return the number of inputs, with their names.

    >>> count_of(["x", "mask"])
    '2 inputs (x, mask)'
    """
    return f"{len(names)} input{'s' * (len(names) != 1)} ({', '.join(names)})"
