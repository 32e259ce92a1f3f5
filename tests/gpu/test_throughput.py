"""The measurements and the sustained load, on the CPU."""

import itertools
import threading
from types import SimpleNamespace

import pytest
import torch

from layercli.gpu.selftest import gemm, op_parity, plan, stress_test, throughput
from layercli.gpu.selftest.test_result import ERROR, FAILED, MEASURED, PASSED, SelfTestResult
from layercli.gpu.snapshot import Device

CPU = torch.device("cpu")


def test_the_best_round_counts(monkeypatch):
    times = itertools.accumulate([0, 8, 1, 4, 1, 2, 1, 6, 1, 12])
    monkeypatch.setattr(throughput.time, "perf_counter", lambda: next(times))
    calls = []
    assert throughput.best(lambda: calls.append(1), CPU) == 2 / throughput.REPEATS
    assert len(calls) == 1 + throughput.ROUNDS * throughput.REPEATS


def test_figures_follow_from_the_seconds(monkeypatch):
    monkeypatch.setattr(throughput, "best", lambda action, device: action() is None or 0.5)
    found = [(each.name, each.verdict, each.figure, each.unit) for each in throughput.bandwidth(CPU, 1_000_000)]
    assert found == [
        ("bandwidth device", MEASURED, 0.004, "GB/s"),
        ("bandwidth h2d", MEASURED, 0.0005, "GB/s"),
        ("bandwidth d2h", MEASURED, 0.0005, "GB/s"),
    ]
    rate = throughput.rate(CPU, gemm.BFLOAT16, 100)
    assert (rate.name, rate.figure, rate.unit) == ("rate bfloat16", 4e-6, "TFLOP/s")


def watched():
    """Return a watch whose device heats up and slows down."""
    readings = itertools.count()

    def watch():
        now = next(readings)
        slow = ["hardware thermal"] if now > 0 else []
        seen = Device(0, temperature=40 + min(now, 1), power=600.5, clock=1980 - min(now, 1), slowdowns=slow)
        return {"cpu": seen}

    return watch


@pytest.fixture
def clock(monkeypatch):
    """Let four rounds fit into 3.5 seconds, each of which takes half a second."""
    fake = SimpleNamespace(monotonic=itertools.count().__next__, perf_counter=itertools.count(0, 0.5).__next__)
    monkeypatch.setattr(stress_test, "time", fake)


def test_a_sustained_load_is_watched_and_its_bits_compared(clock):
    found = list(stress_test.sustained([CPU], 3.5, watched(), precision=gemm.FLOAT32, size=100))
    told = [(each.name, each.verdict, each.figure, each.unit, each.detail) for each in found]
    rate = stress_test.BURST * 2 * 100**3 / 0.5 / 1e12
    assert told == [
        ("sustained load", PASSED, 0, "of 3 differ", "3.5 s"),
        ("sustained rate", MEASURED, rate, "TFLOP/s", "8e-05 TFLOP/s in the first quarter"),
        ("highest temperature", MEASURED, 41, "°C", "40 °C at the start"),
        ("highest power", MEASURED, 600.5, "W", ""),
        ("lowest clock", MEASURED, 1979, "MHz", "hardware thermal"),
    ]


def test_a_bit_that_flips_under_load_fails(clock):
    calls = itertools.count()

    def product(x, y):
        out = x @ y
        if next(calls) == 2 * stress_test.BURST:
            out[3, 3] += 1
        return out

    found = stress_test.sustained([CPU], 3.5, dict, precision=gemm.FLOAT32, size=32, product=product)
    assert next((each.name, each.verdict, each.figure) for each in found) == ("sustained load", FAILED, 1)


class Device28ms:
    """A device whose products take 28 ms a burst in a queue of its own: a clock that only the queue moves."""

    def __init__(self, seconds):
        self.seconds_each, self.now, self.waited = seconds, 0.0, []

    def product(self, x, y):
        self.now += self.seconds_each
        return x

    def mark(self):
        return self.now

    def seconds(self, start, end):
        self.waited.append((end, self.now))
        return end - start


def test_the_next_burst_is_queued_before_the_last_one_is_waited_for(clock, monkeypatch):
    stub = Device28ms(0.028 / stress_test.BURST)
    monkeypatch.setattr(stress_test, "Stopwatch", lambda device: stub)
    list(stress_test.sustained([CPU], 5.5, dict, precision=gemm.FLOAT32, size=4, product=stub.product))
    busy = [given - awaited for awaited, given in stub.waited]
    assert len(busy) == 5
    assert min(busy[: -stress_test.QUEUED]) >= 0.028 * stress_test.QUEUED - 1e-9


def test_each_device_is_timed_on_its_own(clock, monkeypatch):
    fast, slow = Device28ms(0.01), Device28ms(0.02)
    stubs = itertools.cycle([slow, fast])
    monkeypatch.setattr(stress_test, "Stopwatch", lambda device: next(stubs))
    turn = itertools.cycle([slow] * (stress_test.BURST) + [fast] * stress_test.BURST)
    product = lambda x, y: (next(turn).product(x, y), x)[1]  # noqa: E731
    monkeypatch.setattr(stress_test, "load", spare(stress_test.load))
    found = list(stress_test.sustained([CPU, CPU], 3.5, dict, precision=gemm.FLOAT32, size=4, product=product))
    rates = [each.figure for each in found if each.name == "sustained rate"]
    assert rates[1] == pytest.approx(2 * rates[0])


def spare(load):
    """Return ``load`` without the first product, which is not part of any burst."""
    return lambda device, precision, size, product: load(device, precision, size, lambda x, y: x)


def test_heat_is_watched_in_a_thread_while_the_load_runs(monkeypatch):
    monkeypatch.setattr(stress_test, "PAUSE", 0)
    looks = [threading.Event() for _ in range(4)]
    seen = iter(looks)

    def watch():
        next(seen, looks[-1]).set()
        return {"cpu": Device(0, temperature=threading.get_ident() % 7 + 1)}

    def product(x, y):
        assert looks[2].wait(30)
        return x @ y

    fake = SimpleNamespace(monotonic=itertools.count().__next__, perf_counter=itertools.count().__next__)
    monkeypatch.setattr(stress_test, "time", fake)
    monkeypatch.setattr(stress_test, "load", spare(stress_test.load))
    found = list(stress_test.sustained([CPU], 1.5, watch, precision=gemm.FLOAT32, size=4, product=product))
    assert [each.name for each in found] == ["sustained load", "sustained rate", "highest temperature"]


def test_the_load_is_in_the_smallest_precision_there_is(clock):
    seen = []
    list(stress_test.sustained([CPU], 1.5, dict, size=8, product=lambda x, y: seen.append(x.dtype) or x @ y))
    assert {*seen} == {torch.bfloat16}


def names(level, **options):
    return [trial.name for trial in plan.plan(level, ["cpu"], dict, **options)]


def test_what_runs_at_each_level():
    assert names(1) == ["allocation", "exact GEMM"]
    assert names(1, speed_wanted=True) == ["allocation", "exact GEMM", "bandwidth", "rate", "rate", "rate"]
    second = names(2)
    assert second[:2] == ["allocation", "exact GEMM"]
    assert {*second} == {
        "allocation", "exact GEMM", "random GEMM", "repeatability", "kernels", "memory patterns",
        "copy there and back", "bandwidth", "rate",
    }  # fmt: skip
    assert names(3) == [*second, "sustained load", "memory patterns"]
    assert list(plan.plan(3, [], dict)) == []


def test_the_devices_share_the_references_of_the_operations(monkeypatch):
    given = []
    monkeypatch.setattr(op_parity, "parity", lambda device, references: given.append(references) or [])
    for trial in plan.plan(2, ["cpu", "cpu"], dict):
        if trial.name == "kernels":
            assert list(trial.run()) == []
    assert len(given) == 2
    assert given[0] is given[1]


def test_apples_half_precision_is_not_expected_to_be_exact(monkeypatch):
    names = [trial.name for trial in plan.thorough(torch.device("mps"), {})]
    assert (names.count("exact GEMM"), names.count("random GEMM")) == (0, 3)


def test_level_2_tries_every_precision_of_the_device():
    gemms = [trial for trial in plan.plan(2, ["cpu"], dict) if trial.name == "random GEMM"]
    assert len(gemms) == len(gemm.precisions(CPU)) == 3


def test_an_allocation_is_filled_and_added_up():
    assert plan.allocate(CPU, 1000) == SelfTestResult("allocation", "cpu", PASSED)


def test_an_exception_is_an_error_and_no_wrong_result():
    def run():
        yield SelfTestResult("half done", "cpu", PASSED)
        raise RuntimeError("CUDA error: an illegal memory access was encountered\nmore")

    trial = plan.Trial("a test", "cpu", run)
    assert list(plan.run(trial)) == [
        SelfTestResult("half done", "cpu", PASSED),
        SelfTestResult(
            "a test", "cpu", ERROR, detail="RuntimeError: CUDA error: an illegal memory access was encountered"
        ),
    ]


def test_memory_is_shared_out_under_a_cap():
    assert plan.share(CPU, 0.25, 1 << 40) == 1 << 28
    assert plan.share(CPU, 0.25, 1 << 21) == 1 << 21
    assert plan.share(CPU, 0.8, 1 << 40) == (1 << 30) - plan.RESERVE


def test_a_full_device_is_left_room_to_compare(monkeypatch):
    monkeypatch.setattr(plan.memory_test, "free", lambda device: 100 << 20)
    assert plan.share(CPU, 0.8, 1 << 40) == plan.LEAST


@pytest.mark.parametrize("trial", list(plan.plan(1, ["cpu"], dict)), ids=lambda trial: trial.name)
def test_level_1_passes_on_the_cpu(trial):
    assert [each.verdict for each in plan.run(trial)] == [PASSED]
