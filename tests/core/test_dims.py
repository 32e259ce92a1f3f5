"""Sizes behave as the integers they stand for."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from layercli.core import dims
from layercli.core.dims import UNKNOWN, Dim, ceil_div
from layercli.errors import UnknownSizeError

B, H, T, d = (Dim.named(name) for name in "BHTd")

values = st.fixed_dictionaries({name: st.integers(1, 40) for name in "BHT"})
small = st.integers(-6, 6)
positive = st.integers(1, 7)


def formulas(depth=3):
    """Formulas, each as a function of the three names' values: applied to Dims and to plain numbers alike."""
    leaf = st.one_of(small.map(lambda n: ("number", n)), st.sampled_from("BHT").map(lambda name: ("name", name)))
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.tuples(st.sampled_from(["+", "-", "*"]), inner, inner),
            st.tuples(st.sampled_from(["//", "ceil"]), inner, positive.map(lambda n: ("number", n))),
            st.tuples(st.just("//"), inner, st.sampled_from("BHT").map(lambda name: ("name", name))),
        ),
        max_leaves=8,
    )


def value(formula, names):
    match formula:
        case ("number", n):
            return n
        case ("name", name):
            return names[name]
        case (sign, left, right):
            a, b = value(left, names), value(right, names)
            return {
                "+": lambda: a + b,
                "-": lambda: a - b,
                "*": lambda: a * b,
                "//": lambda: a // b,
                "ceil": lambda: ceil_div(a, b),
            }[sign]()
    raise AssertionError(formula)


SYMBOLS = {"B": B, "H": H, "T": T}


@given(formulas(), values)
def test_a_formula_evaluates_to_what_plain_numbers_give(formula, numbers):
    assert dims.at(value(formula, SYMBOLS), numbers) == value(formula, numbers)


@given(formulas(), values)
def test_values_may_be_given_one_after_the_other(formula, numbers):
    step_by_step = value(formula, SYMBOLS)
    for name, number in numbers.items():
        step_by_step = dims.at(step_by_step, {name: number})
    assert step_by_step == value(formula, numbers)


@given(formulas(), formulas(), values)
def test_comparisons_are_right_where_they_are_decided(left, right, numbers):
    a, b = value(left, SYMBOLS), value(right, SYMBOLS)
    assume(isinstance(a, Dim) or isinstance(b, Dim))
    try:
        decided = a <= b
    except UnknownSizeError:
        return
    assert decided == (value(left, numbers) <= value(right, numbers))


@given(formulas(), formulas(), values)
def test_sizes_that_may_not_be_equal_never_are(left, right, numbers):
    if not dims.may_equal(value(left, SYMBOLS), value(right, SYMBOLS)):
        assert value(left, numbers) != value(right, numbers)


@given(formulas(), values)
def test_the_lower_bound_holds(formula, numbers):
    bound = dims.lower_bound(value(formula, SYMBOLS))
    assert bound is None or bound <= value(formula, numbers)


@given(formulas(), formulas())
def test_equal_formulas_print_and_hash_alike(left, right):
    a, b = value(left, SYMBOLS), value(right, SYMBOLS)
    assert (a + b, str(a + b), hash(a + b)) == (b + a, str(b + a), hash(b + a))


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (12 * B * T * d + 2 * B * T**2, "12*B*T*d + 2*B*T^2"),
        (4 * T, "4*T"),
        (ceil_div(H, 2), "ceil(H/2)"),
        (ceil_div(ceil_div(H, 2), 2), "ceil(H/4)"),
        ((H - 3) // 2 + 1, "ceil(H/2) - 1"),
        ((H - 1) // 3, "ceil(H/3) - 1"),
        ((H + 1) // 3, "floor((H + 1)/3)"),
        (B * T * 512 // T, "512*B"),
        (B * T * 512 // (2 * T), "256*B"),
        ((4 * H + 6) // 8, "ceil(H/2)"),
        (H // T, "floor(H/T)"),
        ((H * T + 1) // T, "floor((H*T + 1)/T)"),
        (-T + 1, "-T + 1"),
        (T % 4, "T - 4*floor(T/4)"),
        (UNKNOWN, "None"),
    ],
)
def test_canonical_printing(size, text):
    assert str(size) == text


@pytest.mark.parametrize("size", [UNKNOWN + 1, 4 * UNKNOWN, UNKNOWN // 2, T * UNKNOWN, UNKNOWN - UNKNOWN, T // UNKNOWN])
def test_a_nameless_unknown_absorbs(size):
    assert size is UNKNOWN


def test_what_a_shape_shows_as_none_is_none():
    assert (B, UNKNOWN, 3) == (None, None, 3)
    assert (None, 3) in {(B, 3)}
    assert None not in (T, B + 1, 3)
    assert B != UNKNOWN


def test_nothing_of_an_unknown_is_nothing():
    assert UNKNOWN * 0 == 0 == T * 0
    assert T - T == 0
    assert T // T == 1


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: int(T), "the size T is not known: a number cannot be made of it"),
        (lambda: range(UNKNOWN), "the size None is not known: a number cannot be made of it"),
        (lambda: T < 4, "whether T < 4 is not known"),
        (lambda: UNKNOWN >= 1, "whether None >= 1 is not known"),
        (lambda: bool(T - 1), "whether the size T - 1 is zero is not known"),
    ],
)
def test_what_cannot_be_known_is_said(ask, message):
    with pytest.raises(UnknownSizeError) as raised:
        ask()
    assert str(raised.value) == message


def test_division_by_zero_is_an_error_as_for_numbers():
    with pytest.raises(ZeroDivisionError):
        T // 0


@pytest.mark.parametrize(
    ("left", "right", "result"),
    [
        (3, 3, 3),
        (1, T, T),
        (T, 1, T),
        (T, T, T),
        (T, 5, 5),
        (UNKNOWN, 5, 5),
        (T, H, UNKNOWN),
        (3, 4, None),
        (UNKNOWN, 1, UNKNOWN),
    ],
)
def test_broadcast(left, right, result):
    assert dims.broadcast(left, right) == result
