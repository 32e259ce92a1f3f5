"""Input names of a model, and the errors for missing and unexpected inputs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from layercli.dataclass import dataclass
from layercli.errors import UsageError


class NamedInputs(NamedTuple):
    """The required inputs of a layer, as one tree, and optional ones of its ``call`` by name."""

    inputs: Any
    optional: dict[str, Any]


@dataclass(frozen=True)
class Arguments:
    """The names of a model's inputs in order, which of them are optional, and which are given by name only."""

    names: list[str]
    optional: Collection[str] = ()
    named: Collection[str] = ()

    @property
    def positional(self) -> list[str]:
        """The inputs that may be given without their names."""
        return [name for name in self.names if name not in self.named]

    def without(self, given: Collection[str]) -> Arguments:
        """Return the inputs that are not yet ``given``, those that need no name first."""
        free = [name for name in [*self.positional, *self.named] if name not in given]
        return Arguments(free, self.optional, self.named)

    def check(self, model: str, given: Collection[str], *, flags: bool = False) -> None:
        """Raise UsageError if a required input of the model ``model`` is missing; ``flags``: it may be no tensor."""
        missing = [name for name in self.names if name not in given and name not in self.optional]
        if missing:
            wanted = [name for name in self.names if name in given or name in missing]
            raise UsageError(
                f"{model} takes {count_of(wanted)}, got {len(given)}: {missing[0]} is missing",
                hint=f"--arg {missing[0]}=VALUE, if it is no tensor" if flags else None,
            )


def count_of(names: list[str]) -> str:
    """Return the number of inputs, with their names.

    >>> count_of(["x", "mask"])
    '2 inputs (x, mask)'
    """
    return f"{len(names)} input{'s' * (len(names) != 1)} ({', '.join(names)})"
