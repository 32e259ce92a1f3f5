"""Of many sums, those that are the greatest for some sizes: few of them, and never less than all the others."""

import random

import pytest

from layercli.core.dims import UNKNOWN, Dim, at, least
from layercli.inspect.largest_sums import undominated

B, T = Dim.named("B"), Dim.named("T")


def sizes_of(*sizes):
    return {size for size, _ in undominated(zip(sizes, range(len(sizes)), strict=True))}


@pytest.mark.parametrize(
    ("sizes", "left"),
    [
        ((3, 7, 5), {7}),
        ((B, 4 * B, 3, 6), {4 * B, 6}),
        ((B * T, T, B), {B * T}),
        ((B * T - T + 1, 1), {B * T - T + 1}),
        ((T // 2, T // 2 + 1, T), {T // 2 + 1, T}),
        ((4, UNKNOWN, T), {UNKNOWN}),
        ((T, 2 * B), {T, 2 * B}),
        ((least(T, 8), least(T, 8) + 1), {least(T, 8) + 1}),
    ],
)
def test_a_sum_that_another_one_is_never_less_than_is_left_out(sizes, left):
    assert sizes_of(*sizes) == left


def test_only_the_ends_of_equal_steps_are_left():
    steps = [(100 - i) * B * T + 512 * T + 9217 * i for i in range(100)]
    assert sizes_of(*steps, 12) == {steps[0], steps[-1]}
    above = steps[50] + 1
    assert sizes_of(*steps, above) == {steps[0], above, steps[-1]}


def test_each_sum_has_its_first_step():
    assert undominated([(B, 0), (5 * B, 1), (B, 2), (5 * B, 3)]) == [(5 * B, 1)]


@pytest.mark.parametrize("seed", range(20))
def test_the_greatest_of_what_is_left_is_the_greatest_of_all(seed):
    draw = random.Random(seed)
    terms = [B * T, B, T, T * T, T // 3, least(T, 16), 1]
    sizes = [sum(draw.choice((-2, 0, 0, 1, 5, 300)) * each for each in terms) for _ in range(60)]
    left = sizes_of(*sizes)
    assert len(left) < len(set(sizes))
    for b in (1, 2, 7, 50, 5000):
        for t in (1, 2, 3, 15, 16, 17, 100, 4096):
            values = {"B": b, "T": t}
            assert max(at(size, values) for size in left) == max(at(size, values) for size in sizes)
