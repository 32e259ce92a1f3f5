"""Damaged files of every format: 300 in the suite, more by ``make fuzz``; every one that was a defect is kept in ``kept/``."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.fuzz.mutations import mutated
from tests.fuzz.reading import outcome
from tests.fuzz.seeds import WRITERS, written

KEPT = Path(__file__).parent / "kept"
CASES = int(os.environ.get("LAYERCLI_FUZZ_CASES", "300"))
FAILED = os.environ.get("LAYERCLI_FUZZ_FAILED")
"""A folder for files that are defects."""


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    return written(tmp_path_factory.mktemp("seeds"))


@pytest.mark.parametrize("name", WRITERS)
def test_what_writers_write_is_read(name, seeds, tmp_path):
    (tmp_path / name).write_bytes(seeds[name])
    said = outcome(tmp_path / name)
    assert said is None or name in ("m.pt2", "m.csv", "m.h5")  # these are no files of weights, or not of Keras's


@pytest.mark.parametrize("name", WRITERS)
def test_damaged_files_are_refused_in_a_sentence(name, seeds, tmp_path, request):
    path = tmp_path / name
    for case in range(CASES // len(WRITERS)):
        draw = random.Random(f"{request.config.getoption('--seed')}/{name}/{case}")
        path.write_bytes(raw := mutated(seeds[name], draw))
        try:
            outcome(path)
        except Exception as error:
            if FAILED:
                (Path(FAILED) / f"{case}{path.suffix}").write_bytes(raw)
            raise AssertionError(f"case {case} of {name}: {type(error).__name__}: {error}") from error


@pytest.mark.parametrize("path", sorted(KEPT.glob("*.*")), ids=lambda path: path.name)
def test_files_that_were_defects_stay_refused(path):
    assert outcome(path) is not None
