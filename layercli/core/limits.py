"""How much is read, made or computed for one file: what goes beyond a limit is refused, and ``--limit`` raises it.

Time and memory follow the size of a file, not what it declares. Each limit is far above what models have.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from layercli.dataclass import dataclass
from layercli.errors import FormatError, UsageError, nearest


@dataclass(frozen=True)
class Limit:
    """At most ``most`` of ``what``; the environment variable ``LAYERCLI_MAX_<name>`` says another number.

    >>> Limit("DEPTH", 64, "levels of dicts and lists").variable
    'LAYERCLI_MAX_DEPTH'
    """

    name: str
    most: int
    what: str

    @property
    def variable(self) -> str:
        """The environment variable that changes it."""
        return f"LAYERCLI_MAX_{self.name}"

    @property
    def option(self) -> str:
        """Its name after ``--limit``."""
        return self.name.lower()

    @property
    def value(self) -> int:
        """The limit as it is now; UsageError where the environment variable is not a positive integer."""
        text = os.environ.get(self.variable)
        if text is None:
            return self.most
        if not text.isdecimal() or len(text) > 19 or not int(text):
            raise UsageError(
                f"the environment variable {self.variable} is {text[:40]!r}, which is not a positive integer"
            )
        return int(text)

    def check(self, where: object, count: int) -> None:
        """Raise FormatError where ``where``, which has ``count`` of it, goes beyond the limit."""
        if count > self.value:
            raise self.exceeded(f"{where} has {shown(count)} {self.what}")

    def exceeded(self, sentence: str) -> FormatError:
        """Return the error that says ``sentence`` and what the limit is."""
        return self.refused(f"{sentence}, more than the limit of {self.value:,}")

    def refused(self, sentence: str) -> FormatError:
        """Return the error that says ``sentence``, with the environment variable as its hint."""
        hint = f"--limit {self.option}=N sets the limit, as does the environment variable {self.variable}"
        return FormatError(sentence, hint=hint, code="over-limit")


def shown(count: int) -> str:
    """Return an integer as it is shown: one of many digits by their number.

    >>> shown(1234567), shown(10**30)
    ('1,234,567', 'about 10^30')
    """
    return f"{count:,}" if abs(count) < 10**18 else f"about 10^{round(count.bit_length() * math.log10(2))}"


DESCRIPTION = Limit("DESCRIPTION", 1 << 28, "bytes of description")
"""A config, a header, a pickle or a graph, without the values of tensors."""
EXPANSION = Limit("EXPANSION", 200, "times the compressed size")
"""How much larger a compressed description is than what the file holds of it."""
FILL = Limit("FILL", 1 << 28, "values that the file does not hold")
"""Values that repeat others, or that a file leaves to be filled in."""
DRAWN = Limit("DRAWN", 500_000_000, "initial values")
"""Values of a model without weights, which initializers draw to show or to measure them."""
TENSORS = Limit("TENSORS", 1 << 20, "tensors")
NODES = Limit("NODES", 1_000_000, "nodes")
DEPTH = Limit("DEPTH", 64, "levels inside each other")
MOST_DIMENSIONS = 64
"""numpy has no array with more dimensions, so nothing raises this one."""
DIGITS = Limit("DIGITS", 1000, "digits")
"""A size that is computed from a formula in a file."""
FORMULA = Limit("FORMULA", 20_000, "characters in a formula")
CELL = Limit("CELL", 1 << 17, "characters in a cell")
PIXELS = Limit("PIXELS", 1 << 28, "pixels")
PARTS = Limit("PARTS", 1 << 16, "parts or repetitions of one operation")
"""How often one operation that a model file describes is done, or into how many parts it divides."""
EDGES = Limit("EDGES", 300, "edges at one box")
"""Of a picture: the time to lay it out grows with their number to the power of 3.5 (7 s for 300 on one core)."""

LIMITS = (DESCRIPTION, EXPANSION, FILL, DRAWN, TENSORS, NODES, DEPTH, DIGITS, FORMULA, CELL, PIXELS, PARTS, EDGES)
"""All of them."""


@contextmanager
def changed(settings: Sequence[str]) -> Iterator[None]:
    """Run the block with limits as ``settings`` say, each as in ``pixels=1000000``; UsageError where one is wrong.

    They are set as environment variables, so that threads and processes that the block starts have them too.
    """
    known = {limit.option: limit for limit in LIMITS}
    before = dict(os.environ)
    try:
        for setting in settings:
            name, _, text = setting.partition("=")
            if name not in known:
                raise UsageError(f"there is no limit {name!r}", hint=nearest(name, known, "limits"))
            if not text.isdecimal() or len(text) > 19 or not int(text):
                raise UsageError(f"--limit {name}: expects a positive integer, got {text[:40]!r}")
            os.environ[known[name].variable] = text
        yield
    finally:
        for limit in LIMITS:
            os.environ.pop(limit.variable, None)
            if limit.variable in before:
                os.environ[limit.variable] = before[limit.variable]
