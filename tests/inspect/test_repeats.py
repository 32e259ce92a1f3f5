"""Runs of equal layers: entries of a list, and siblings with numbered names."""

from __future__ import annotations

import pytest

from layercli import Input, Sequential, layers
from layercli.inspect.layer_summary import summarize
from layercli.inspect.repeats import is_next_index, is_next_name, path_of_run, runs_of_equal
from layercli.render.folded_rows import folded


@pytest.mark.parametrize(
    ("paths", "runs"),
    [
        (["dense", "dense_1", "dense_2", "dense_3", "dense_4"], ["dense", "dense_1..4"]),
        (["norm1", "norm2"], ["norm1", "norm2"]),
        (["a/conv8", "a/conv9", "a/conv10", "a/conv11", "b/conv12"], ["a/conv8..11", "b/conv12"]),
        (["x1", "x2", "x4", "x5"], ["x1", "x2", "x4", "x5"]),
        (["b/0", "b/1", "b/2", "c1", "c2", "c3", "c4"], ["b/0..2", "c1..4"]),
    ],
)
def test_the_runs_of_paths(paths, runs):
    found = runs_of_equal(paths, str, lambda path: 0)
    assert [path_of_run(run[0], run[-1]) for run in found] == runs
    assert [path for run in found for path in run] == paths


def test_equal_layers_with_numbered_names_are_one_row():
    stack = [layers.Dense(3, name=f"d{i}") for i in range(5)]
    model = Sequential([Input((3,)), *stack, layers.Dense(2, name="d5"), layers.Dense(2, name="d6")])
    rows = folded(summarize(model).rows)
    assert [(row.path, row.repeats, row.parameters) for row in rows] == [("d0..4", 5, 12), ("d5", 1, 8), ("d6", 1, 6)]


def test_names_of_thousands_of_digits_are_names():
    digits = "9" * 5000
    assert not is_next_index(f"a/{digits}", f"a/{digits}")
    assert not is_next_name(f"a{digits}", f"a{digits}")
