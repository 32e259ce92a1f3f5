"""The longest common subsequence: as its table says, in parts that are the whole, and of long sequences."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layercli.inspect import common_subsequence as module
from layercli.inspect.common_subsequence import common_subsequence, parts

ITEMS = st.lists(st.integers(0, 3), max_size=12)


def longest(a, b):
    """Return the length of the longest common subsequence, by its table."""
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


@pytest.mark.parametrize("most_bits", [1, 30, module.MOST_BITS])
@given(a=ITEMS, b=ITEMS)
def test_it_is_the_longest(most_bits, a, b):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "MOST_BITS", most_bits)
        found = common_subsequence(a, b)
    assert all(a[i] == b[j] for i, j in found)
    assert all(i < k and j < l for (i, j), (k, l) in pairwise(found))
    assert len(found) == longest(a, b)


@given(a=ITEMS, b=ITEMS)
def test_parts_are_the_whole_and_take_turns(a, b):
    found = list(parts(a, b))
    assert [i for _, mine, _ in found for i in mine] == list(range(len(a)))
    assert [j for *_, theirs in found for j in theirs] == list(range(len(b)))
    assert all([a[i] for i in mine] == [b[j] for j in theirs] for equal, mine, theirs in found if equal)
    assert sum(len(mine) for equal, mine, _ in found if equal) == longest(a, b)
    assert all(not (x[0] is False and y[0] is False) for x, y in pairwise(found))


def test_long_sequences_of_few_kinds():
    drawn = random.Random(5)
    a, b = ([drawn.choice("abcd") for _ in range(5_000)] for _ in "ab")
    found = common_subsequence(a, b)
    assert all(a[i] == b[j] for i, j in found)
    assert 0.64 < len(found) / 5_000 < 0.67  # the limit for four kinds is 0.654 (Kiwi, Loebl and Matousek, 2005)
