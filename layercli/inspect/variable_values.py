"""Where the values of a variable come from: a weight file, or a computation; nothing is read before it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from layercli.dataclass import dataclass
from layercli.formats.stored import stored_values
from layercli.formats.weight_file import WeightFile

if TYPE_CHECKING:
    import numpy as np


class VariableValues(Protocol):
    """The values of one variable."""

    def read(self) -> np.ndarray:
        """Return them."""

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield them flat, a part at a time."""

    def stored(self) -> np.ndarray | None:
        """Return them as the bytes of a file have them, mapped; None where they lie in no such form."""


@dataclass(slots=True)
class EntryValues:
    """The values of the entry ``path`` of ``file``; not frozen, as a frozen one takes three times as long to create."""

    file: WeightFile
    path: str

    def read(self) -> np.ndarray:
        """Return them."""
        return self.file.read(self.path)

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield them flat, a part at a time."""
        return self.file.chunks(self.path)

    def stored(self) -> np.ndarray | None:
        """Return them as the file has them, mapped; None where it has them in another form."""
        return stored_values(self.file, self.path)


@dataclass(frozen=True, slots=True)
class FoundValues:
    """The values of an entry that is looked for when they are read."""

    find: Callable[[], EntryValues]

    def read(self) -> np.ndarray:
        """Return them."""
        return self.find().read()

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield them flat, a part at a time."""
        return self.find().chunks()

    def stored(self) -> None:
        """Return None: they are read."""


@dataclass(eq=False, frozen=True, slots=True)
class InitialValues:
    """How many values an initializer draws at once, and their size in bytes: of one variable, or of a whole torch module."""

    count: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ComputedValues:
    """Values that ``compute`` returns; ``drawn`` are those that initializers draw for it, None for what is read."""

    compute: Callable[[], Any]
    drawn: InitialValues | None = None

    def read(self) -> np.ndarray:
        """Return them."""
        array: np.ndarray = self.compute()
        return array

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield them flat, at once."""
        return iter([self.read().ravel()])

    def stored(self) -> None:
        """Return None: they are in no file."""


def computed_from(values: VariableValues, compute: Callable[[], Any]) -> ComputedValues:
    """Return what ``compute`` makes of other values, which are drawn if those are."""
    return ComputedValues(compute, values.drawn if isinstance(values, ComputedValues) else None)
