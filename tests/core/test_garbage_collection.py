"""Searches for cycles while a whole model is made, saved or loaded."""

import gc

import pytest

from layercli.core.garbage_collection import OBJECTS, RareCollections


@pytest.fixture(autouse=True)
def thresholds():
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.parametrize(("before", "inside"), [(700, OBJECTS), (0, 0), (OBJECTS * 2, OBJECTS * 2)])
def test_the_threshold_is_raised_and_restored(before, inside):
    gc.set_threshold(before, 11, 12)
    with RareCollections():
        assert gc.get_threshold() == (inside, 11, 12)
    assert gc.get_threshold() == (before, 11, 12)


def test_it_stays_raised_until_the_last_has_left():
    gc.set_threshold(700, 10, 10)
    rare = RareCollections()
    rare.__enter__()
    rare.__enter__()
    rare.__exit__()
    assert gc.get_threshold()[0] == OBJECTS
    rare.__exit__()
    assert gc.get_threshold()[0] == 700


def test_it_is_restored_after_an_error():
    gc.set_threshold(700, 10, 10)
    with pytest.raises(KeyError), RareCollections():
        raise KeyError
    assert gc.get_threshold()[0] == 700
