"""The inputs of a model by name, and the sentences for those that lack or are too many."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from layercli.errors import UsageError


@dataclass(frozen=True)
class Arguments:
    """The names of a model's inputs in order, and which of them it can do without."""

    names: list[str]
    optional: Collection[str] = ()

    def check(self, model: str, given: Collection[str]) -> None:
        """Raise UsageError where an input lacks that the model, which is called ``model``, cannot do without."""
        missing = [name for name in self.names if name not in given and name not in self.optional]
        if missing:
            wanted = [name for name in self.names if name in given or name in missing]
            raise UsageError(f"{model} takes {count_of(wanted)}, got {len(given)}: {missing[0]} lacks")


def count_of(names: list[str]) -> str:
    """Return how many inputs there are, with their names.

    >>> count_of(["x", "mask"])
    '2 inputs (x, mask)'
    """
    return f"{len(names)} input{'s' * (len(names) != 1)} ({', '.join(names)})"
