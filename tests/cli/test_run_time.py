"""``layercli bench``."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from layercli.inspect.benchmark_stats import TimingSamples
from layercli.render.timing import table
from layercli.runtime.analysis.latency import Timing

SLEEPER = """
import time
from torch import nn

class Fast(nn.Module):
    seconds = 0.002
    def forward(self, x):
        time.sleep(self.seconds)
        return x

class Slow(Fast):
    seconds = 0.004
"""


@pytest.fixture
def sleeper(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sleeper.py").write_text(SLEEPER)


def timing(done):
    assert done.code == 0, done.err
    return json.loads(done.out)["timing"]


def test_json_keeps_every_sample(cli, sleeper):
    found = timing(cli("bench sleeper.py:Slow --input-shape 8,4 --device cpu --repeat 7 --warmup 1 --format json"))
    assert len(found["samples"]) == 7
    assert found["minimum"] == min(found["samples"]) >= 0.004
    assert found["median"] == pytest.approx(np.median(found["samples"]))
    assert found["items_per_second"] == pytest.approx(8 / found["median"])
    assert (found["flops_per_second"], found["roofline_share"]) == (None, None)
    assert found["peak_memory_bytes"] > 1e7


def test_for_so_many_seconds(cli, sleeper):
    found = timing(cli("bench sleeper.py:Slow --input-shape 8,4 --device cpu --repeat 0.2s --format json"))
    assert len(found["samples"]) > 1


def test_the_rate_follows_from_the_cost(cli):
    found = timing(cli("bench mlp --input-shape 64,784 --device cpu --repeat 5 --format json"))
    macs = json.loads(cli("summary mlp --input-shape 64,784 --format json").out)["totals"]["macs"]
    assert found["flops_per_second"] == pytest.approx(2 * macs / found["median"])
    assert found["roofline_share"] > 0


@pytest.mark.parametrize(
    ("ceiling", "text"),
    [
        (200.0, "50.0% of what the device was measured to reach for this work"),
        (
            40.0,
            "above what the device was measured to reach: the weights stay in a cache, or it was busy when it was measured",
        ),
    ],
)
def test_a_run_above_the_roofline_is_no_share_of_it(ceiling, text):
    measured = Timing("m", TimingSamples([1.0]), 1, 100, ceiling, 0)
    assert dict(table([measured]).facts)["Roofline"] == text
    assert measured.to_json()["roofline_share"] == 100 / ceiling


def test_the_table_says_what_is_not_known(cli, sleeper):
    done = cli("bench sleeper.py:Fast --input-shape 8,4 --device cpu --repeat 3 --format plain")
    facts = done.out.partition("Time\n")[2].splitlines()
    assert facts[1].split("  ")[0] == "Model"
    assert "Roofline:     unknown: the model multiplies nothing" in facts
    assert "Runs:         3" in facts


@pytest.mark.parametrize(
    ("times", "code", "verdict"),
    [
        ([1.0, 1.0] * 6, 0, "1.000x (95% interval 1.000 to 1.000)\nAllowed:  1.05x\nVerdict:  within"),
        ([2.0, 1.0] * 6, 1, "2.000x (95% interval 2.000 to 2.000)\nAllowed:  1.05x\nVerdict:  slower"),
        (
            [1.0, 1.0, 2.0, 1.0] * 3,
            3,
            "1.500x (95% interval 1.000 to 2.000)\nAllowed:  1.05x\nVerdict:  inconclusive",
        ),
        ([2.0, 1.0] * 5, 3, "2.000x (too few runs for an interval)\nAllowed:  1.05x\nVerdict:  inconclusive"),
    ],
)
def test_in_turns_with_another_there_are_three_answers(cli, sleeper, monkeypatch, times, code, verdict):
    left, turns = iter(times), len(times) // 2
    monkeypatch.setattr("layercli.runtime.analysis.latency.timed", lambda run, device: next(left))
    race = f"--against sleeper.py:Slow --repeat {turns}"
    done = cli(f"bench sleeper.py:Fast --input-shape 8,4 --device cpu {race} --format plain")
    assert done.code == code
    assert done.out.endswith(f"Ratio:    {verdict}\n")
    assert "iB for all of them\n" in done.out


def test_json_has_the_times_of_both(cli, sleeper):
    done = cli(
        "bench sleeper.py:Fast --input-shape 8,4 --device cpu --against sleeper.py:Slow --repeat 3 --format json"
    )
    found = json.loads(done.out)
    assert found["against"]["interval"] == [0, "Infinity"]
    assert min(found["against"]["timing"]["samples"]) >= 0.004
    assert len(found["timing"]["samples"]) == len(found["against"]["timing"]["samples"]) == 3


def test_what_cannot_be_meant(cli, sleeper):
    done = cli("bench sleeper.py:Fast --input-shape 8,4 --device cpu --repeat often")
    assert (done.code, done.err) == (2, "error: --repeat is a number of runs or of seconds, 30 or 5s, got 'often'\n")
    for option, value in (("--max-slowdown", "nan"), ("--rtol", "inf"), ("--atol", "nan")):
        command = "bench --against sleeper.py:Slow" if option == "--max-slowdown" else "compare --with float64"
        done = cli(f"{command} sleeper.py:Fast --input-shape 8,4 --device cpu {option} {value}")
        assert (done.code, done.err) == (2, f"error: {option} is a number from 0 on, got {value}\n")


def test_the_roofline_is_measured_on_random_numbers(monkeypatch):
    from layercli.runtime.analysis import roofline

    products = []
    monkeypatch.setattr(roofline, "SIZES", {"cpu": (8, 64)})
    monkeypatch.setattr(roofline, "best", lambda run, device: products.append(run()) or 1.0)
    assert roofline.measure(torch.device("cpu"), torch.float32) == roofline.Roofline(2 * 8**3, 2 * 64)
    assert products[0].unique().numel() > 1  # matrices of ones draw less power, and are multiplied faster
