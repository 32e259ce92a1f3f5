"""The longest common subsequence of two sequences, by the bits of large integers: 10,000 items of each take some 0.05 s.

The table of lengths is that of dynamic programming. Neighbours in a row of it differ by 0 or 1, so a row is an integer of so
many bits, and the next row follows from it by one addition (Crochemore and others, 2001; Hyyrö, 2004). Where the rows would not
fit in memory the first sequence is halved, as Hirschberg does (1975).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import pairwise

import numpy as np

MOST_BITS = 1 << 29
"""The most bits of rows kept at once, 64 MiB; of longer sequences halves are aligned one after the other."""
OFTEN = 32
"""The masks of items that occur more often are kept; those of 100,000 different items would take a gigabyte."""

Pair = tuple[int, int]


def parts(a: Sequence[Hashable], b: Sequence[Hashable]) -> Iterator[tuple[bool, range, range]]:
    """Yield the parts of two sequences in their order: whether they are equal, and where they lie in either.

    >>> list(parts("abcd", "abxd"))
    [(True, range(0, 2), range(0, 2)), (False, range(2, 3), range(2, 3)), (True, range(3, 4), range(3, 4))]
    """
    runs = [(0, 0, 0), *equal_runs(a, b), (len(a), len(b), 0)]
    for (i, j, length), (next_i, next_j, _) in pairwise(runs):
        if length:
            yield True, range(i, i + length), range(j, j + length)
        if i + length < next_i or j + length < next_j:
            yield False, range(i + length, next_i), range(j + length, next_j)


def equal_runs(a: Sequence[Hashable], b: Sequence[Hashable]) -> Iterator[tuple[int, int, int]]:
    """Yield where each run of equal items begins in either sequence, and its length."""
    start = length = 0
    begin = 0
    for i, j in [*common_subsequence(a, b), (-1, -1)]:
        if length and (i, j) == (start + length, begin + length):
            length += 1
            continue
        if length:
            yield start, begin, length
        start, begin, length = i, j, 1


def common_subsequence(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[Pair]:
    """Return the places in ``a`` and ``b`` of a longest common subsequence; the ends that both share belong to it.

    >>> common_subsequence("kitten", "sitting")
    [(1, 1), (2, 2), (3, 3), (5, 5)]
    """
    shorter, start, stop = min(len(a), len(b)), 0, 0
    while start < shorter and a[start] == b[start]:
        start += 1
    while stop < shorter - start and a[-1 - stop] == b[-1 - stop]:
        stop += 1
    inner_a, inner_b = a[start : len(a) - stop], b[start : len(b) - stop]
    found = [(i, i) for i in range(start)]
    found += [(start + i, start + j) for i, j in between(inner_a, inner_b)]
    return found + [(len(a) - k, len(b) - k) for k in range(stop, 0, -1)]


def between(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[Pair]:
    """Return a longest common subsequence of sequences that may be long."""
    if not a or not b:
        return []
    if len(a) == 1 or len(a) * len(b) <= MOST_BITS:
        return walked_back(a, b, rows(a, b))
    half = len(a) // 2
    lengths = last_lengths(a[:half], b) + last_lengths(a[half:][::-1], b[::-1])[::-1]
    cut = int(lengths.argmax())
    return between(a[:half], b[:cut]) + [(half + i, cut + j) for i, j in between(a[half:], b[cut:])]


def rows(a: Sequence[Hashable], b: Sequence[Hashable]) -> Iterator[int]:
    """Yield a row for each item of ``a``: bit ``j`` is 0 where the length grows from the first ``j`` of ``b`` to one more."""
    wanted = set(a)
    places: dict[Hashable, list[int]] = {}
    for j, item in enumerate(b):
        if item in wanted:
            places.setdefault(item, []).append(j)
    masks = {item: mask(found, len(b)) for item, found in places.items() if len(found) > OFTEN}
    row = every = (1 << len(b)) - 1
    for item in a:
        if item in places:
            kept = row & (masks.get(item) or mask(places[item], len(b)))
            row = ((row + kept) | (row - kept)) & every
        yield row


def mask(places: list[int], size: int) -> int:
    """Return the integer of ``size`` bits whose bits ``places`` are 1."""
    bits = bytearray(size // 8 + 1)
    for j in places:
        bits[j >> 3] |= 1 << (j & 7)
    return int.from_bytes(bits, "little")


def last_lengths(a: Sequence[Hashable], b: Sequence[Hashable]) -> np.ndarray:
    """Return the lengths of the longest common subsequences of all of ``a`` and the first 0, 1, 2 ... of ``b``."""
    row = 0
    for row in rows(a, b):  # noqa: B007  # the last one
        pass
    bits = np.frombuffer(row.to_bytes(len(b) // 8 + 1, "little"), np.uint8)
    same = np.unpackbits(bits, bitorder="little")[: len(b)]
    return np.concatenate(([0], np.cumsum(1 - same.astype(np.int64))))


def walked_back(a: Sequence[Hashable], b: Sequence[Hashable], table: Iterator[int]) -> list[Pair]:
    """Return the subsequence that the rows tell, from its end to its beginning."""
    kept = list(table)
    i, j = len(a), len(b)
    found: list[Pair] = []
    while i and j:
        if a[i - 1] == b[j - 1]:
            i, j = i - 1, j - 1
            found.append((i, j))
        elif kept[i - 1] >> (j - 1) & 1:
            j -= 1
        else:
            i -= 1
    return found[::-1]
