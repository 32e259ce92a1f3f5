"""What repeated measurements say."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from layercli.errors import UsageError
from layercli.inspect.benchmark_stats import RepeatedRuns, TimingSamples, slowdown


def test_figures_are_those_of_the_statistics_module():
    seconds = np.random.default_rng(0).lognormal(size=101).tolist()
    found = TimingSamples(seconds).figures()
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    assert found == pytest.approx(
        {
            "minimum": min(seconds), "median": statistics.median(seconds), "p90": cuts[89], "p99": cuts[98],
            "mean": statistics.fmean(seconds), "std": statistics.pstdev(seconds),
        }
    )  # fmt: skip


def test_doubt_is_said():
    assert TimingSamples([1.0] * 9).warnings() == []
    assert TimingSamples([1.0, 2.0] * 10).warnings() == [
        "the times vary widely: the middle half spans 67% of the median"
    ]
    assert TimingSamples([1.0] * 10 + [1.08] * 10).warnings() == [
        "the times drift: the last third took 1.08x the first"
    ]
    assert TimingSamples([0.5]).warnings() == []


@pytest.mark.parametrize(
    ("factor", "verdict", "code"), [(1.0, "within", 0), (1.2, "slower", 1), (1.05, "inconclusive", 3)]
)
def test_three_answers(factor, verdict, code):
    rng = np.random.default_rng(1)
    theirs = rng.normal(1, 0.02, 60)
    ours = rng.normal(factor, 0.02, 60)
    found = slowdown(TimingSamples(ours.tolist()), TimingSamples(theirs.tolist()), 1.05)
    assert (found.verdict, found.code) == (verdict, code)
    assert found.low < found.ratio < found.high
    assert found.ratio == pytest.approx(factor, abs=0.02)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(60):
        ours, theirs = (TimingSamples(rng.normal(1, 0.1, 40).tolist()) for _ in range(2))
        found = slowdown(ours, theirs, 1.0)
        hits += found.low <= 1 <= found.high
    assert 50 <= hits <= 60


def test_repeat_is_times_or_seconds():
    assert [RepeatedRuns(count=2).wants(done, 99) for done in (0, 1, 2)] == [True, True, False]
    assert [RepeatedRuns(seconds=1).wants(done, t) for done, t in ((0, 5), (1, 0.5), (9, 1.5))] == [True, True, False]
    for text in ("0", "5m", "s", "-1", "0s", "1.5"):
        with pytest.raises(UsageError) as caught:
            RepeatedRuns.parse(text)
        assert caught.value.message == f"--repeat is a number of runs or of seconds, 30 or 5s, got {text!r}"
