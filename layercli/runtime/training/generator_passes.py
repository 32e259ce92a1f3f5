"""The batches of a generator for several epochs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

KEPT = 2


class GeneratorPasses:
    """Passes over a generator: each begins with its first two batches, which are kept, and goes on where the generator is.

    That is what Keras does: a validation of three steps has the batches 0, 1, 2, the next one 0, 1, 3. A pass that is not
    restarted goes on.
    """

    def __init__(self, generator: Iterator[Any]) -> None:
        self.generator = generator
        self.ended = False  # whether the last pass has come to the end of the generator
        self.fewer = False  # whether it had fewer batches than one before
        self._kept: list[Any] | None = None
        self._pass: Iterator[Any] | None = None
        self._most = self._taken = 0

    def __iter__(self) -> Iterator[Any]:
        if self._pass is None:
            if self._kept is None:
                self._kept = list(itertools.islice(self.generator, KEPT))
            self._pass, self.ended, self._taken = itertools.chain(self._kept, self.generator), False, 0
        for batch in self._pass:
            self._taken += 1
            yield batch
        self._pass, self.ended, self.fewer = None, True, self._taken < self._most
        self._most = max(self._most, self._taken)

    def restart(self) -> None:
        """Let the next pass begin with the first batches."""
        self._pass = None
