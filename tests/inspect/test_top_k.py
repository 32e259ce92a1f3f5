"""The most likely classes."""

from __future__ import annotations

import numpy as np
import pytest

from layercli.errors import LayercliError
from layercli.inspect.top_k import read_labels, top


def test_the_highest_come_first_and_of_equal_ones_the_lower_index():
    values = np.array([[0.1, 0.7, 0.7, np.nan], [3, 2, 1, 0]], "float32")
    found = [(guess.item, guess.rank, guess.index, guess.label) for guess in top(values, 3, list("abcd"))]
    assert found == [(0, 1, 1, "b"), (0, 2, 2, "c"), (0, 3, 0, "a"), (1, 1, 0, "a"), (1, 2, 1, "b"), (1, 3, 2, "c")]
    assert [guess.index for guess in top(np.array([[1, 3, 2]], "uint8"), 9)] == [1, 2, 0]


def test_what_is_no_classifier_is_said(tmp_path):
    with pytest.raises(LayercliError) as caught:
        top(np.zeros((2, 3)), 1, ["a"])
    assert caught.value.message == "there are 1 labels for 3 classes"
    with pytest.raises(LayercliError) as caught:
        top(np.zeros(3), 1)
    assert caught.value.message == "--top needs an output of [batch, classes], got the shape (3,)"
    (tmp_path / "labels").write_bytes(b"\xff\xfe")
    with pytest.raises(LayercliError) as caught:
        read_labels(str(tmp_path / "labels"))
    assert caught.value.message == f"{tmp_path / 'labels'} is not text, one label a line"
