"""How far two results are apart."""

from __future__ import annotations

import math

import numpy as np
import pytest

from layercli.inspect.tolerance import Tolerance, difference


def compare(ours, theirs, **tolerance):
    return difference("x", "Dense", np.array(ours), np.array(theirs), Tolerance(**tolerance))


def test_the_three_measures():
    found = compare([3.0, 4.5], [3.0, 4.0], relative=0.2)
    assert (found.absolute, found.relative) == (0.5, 0.125)
    assert found.cosine == pytest.approx(1 - (9 + 18) / (5 * math.hypot(3, 4.5)))
    assert found.close
    assert compare([1 + 1j], [1 - 1j]).cosine == 1


@pytest.mark.parametrize(
    ("tolerance", "close"),
    [
        ({"absolute": 0.1}, True), ({"absolute": 0.09}, False),
        ({"relative": 0.1}, True), ({"relative": 0.09}, False),
        ({"scaled": 0.01}, True), ({"scaled": 0.009}, False),
        ({"absolute": 0.05, "relative": 0.05}, True),
    ],
)  # fmt: skip
def test_each_part_of_the_tolerance_counts(tolerance, close):
    assert compare([1.0999999, 10.0], [1.0, 10.0], **tolerance).close is close


def test_what_is_not_finite_must_be_the_same():
    both = compare([np.nan, np.inf, 1], [np.nan, np.inf, 1])
    assert (both.close, both.finite) == (True, False)
    for ours, theirs in (([np.nan], [1.0]), ([np.inf], [-np.inf]), ([1.0], [np.inf]), ([1.0, 2.0], [1.0])):
        found = compare(ours, theirs, relative=1.0, absolute=1e9)
        assert (found.close, found.absolute) == (False, math.inf)


def test_zeros_have_no_direction():
    assert compare([0.0], [0.0]).cosine == 0
    found = compare([1e-3], [0.0])
    assert (found.cosine, found.relative, found.close) == (1, math.inf, False)


def test_rounding_allows_more_with_depth_and_fewer_digits():
    assert Tolerance.of("float32", 100).scaled == pytest.approx(10 * Tolerance.of("float32", 1).scaled)
    assert Tolerance.of("bfloat16", 1).scaled == 2**16 * Tolerance.of("float32", 1).scaled
    assert Tolerance.of("int64", 9).scaled == 0


def test_two_least_numbers_stand_for_minus_infinity():
    least = {dtype: np.finfo(dtype).min for dtype in ("float32", "float64")}
    ours = np.array([least["float32"], 1.0], "float32")
    for theirs in ([least["float64"], 1.0], [least["float32"], 1.0]):
        found = difference("mask", "Mask", ours, np.array(theirs), Tolerance(), ("float32", "float64"))
        assert (found.close, found.finite, found.absolute, found.cosine) == (True, True, 0, 0)
    assert not difference("mask", "Mask", ours, np.array([-65504.0, 1.0]), Tolerance(), ("float32", "float64")).close
    assert compare([1e300, 1e300], [1e300, 1e300]).cosine < 1e-15  # whose squares overflow
