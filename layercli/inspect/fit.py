"""Whether a model fits in a memory, by how much, and the largest batch and the longest context that do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from math import isqrt

from layercli.core import dims
from layercli.dataclass import dataclass
from layercli.errors import UsageError, with_and
from layercli.inspect.budgets import shown
from layercli.inspect.cost import Cost, Memory

MOST = 2**50
"""The greatest size that is tried: what fits with it has no bound."""
TRIES = 32
"""How often a model is described at another size at most."""


@dataclass(frozen=True)
class Remedy:
    """A change of how the model is run, and the memory that it then takes."""

    change: str
    bytes: int
    fits: bool


@dataclass(frozen=True)
class Fit:
    """The answer: ``bytes`` needed and ``capacity`` available. ``largest`` maps a named size to the greatest value that fits.

    A size that fits whatever it is has None there; one that does not fit even as 1 has 0.
    """

    bytes: int
    capacity: int
    device: str = ""
    largest: Mapping[str, int | None] = field(default_factory=dict)
    remedies: tuple[Remedy, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether it fits."""
        return self.bytes <= self.capacity


def fit(cost: Cost, capacity: int, device: str = "") -> Fit:
    """Return whether the model fits in ``capacity`` bytes; UsageError where sizes are open that must be known."""
    if cost.open_sizes:
        given = " ".join(f"--at {name}=..." for name in cost.open_sizes)
        raise UsageError(f"whether it fits depends on {with_and(cost.open_sizes)}", hint=f"give a value: {given}")
    needed = cost.bytes
    if cost.graph.incomplete:
        held = dims.at(cost.memory.fixed_bytes, cost.at)
        if isinstance(held, int) and held > capacity:  # whatever its activations take
            return Fit(held, capacity, device)
        hint = f"its weights and inputs take {shown('memory', held)}" if isinstance(held, int) else None
        raise UsageError(f"whether {cost.name} fits is not known: {cost.graph.incomplete}", hint=hint)
    if needed is None:
        raise UsageError(f"whether {cost.name} fits is not known: some of its sizes are unknown")
    names = sorted(cost.memory.names, key=lambda name: (name != dims.BATCH, name))
    return Fit(needed, capacity, device, {name: largest(cost.memory, name, cost.at, capacity) for name in names})


def largest(memory: Memory, name: str, at: Mapping[str, int], capacity: int) -> int | None:
    """Return the greatest value of a named size that fits, the others being as in ``at``; None where every value does."""

    def fits(value: int) -> bool:
        needed = memory.bytes({**at, name: value})
        return needed is not None and needed <= capacity

    if not fits(1):
        return 0
    low, high = 1, 2
    while fits(high):
        if high >= MOST:
            return None
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def largest_described(bytes_at: Callable[[int], int | None], now: int, needed: int, capacity: int) -> int | None:
    """Return the greatest size that fits, of a model that takes ``needed`` bytes at the size ``now``; None where it has no bound.

    For a model whose memory is no formula: ``bytes_at`` describes it at another size, and gives None where that is no input of
    the model. The memory grows about in proportion, so that the line through two sizes tells which one is tried next.
    """
    known = {now: needed}
    low, high = (now, MOST) if needed <= capacity else (0, now)
    value = 2 * now if low else max(now // 2, 1)
    for _ in range(TRIES):
        taken = bytes_at(value)
        if taken is not None:
            known[value] = taken
        fits = taken is not None and taken <= capacity
        low, high = (value, high) if fits else (low, value)
        if high - low <= 1:
            break
        one, other = sorted(known, key=lambda size: abs(known[size] - capacity))[:2] if len(known) > 1 else (now, now)
        growth = (known[one] - known[other]) / (one - other) if one != other else 0.0
        if growth <= 0 and high == MOST:
            return None
        guess = one + int((capacity - known[one]) // growth) if growth > 0 else MOST
        value = max(guess, low + 1) if guess < high else max(isqrt(low * high), low + 1)
    return low
