"""What only a GPU does, against stand-ins: a queue of kernels with its events, one chunk of weights, pinned memory."""

from __future__ import annotations

import itertools
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch

from layercli import Sequential, layers
from layercli.inspect.benchmark_stats import RepeatedRuns, TimingSamples
from layercli.ops.nn import rnn
from layercli.render.timing import table
from layercli.runtime.analysis import latency, roofline
from layercli.runtime.analysis.latency import Timing
from layercli.runtime.inference.prepacked_weights import PrepackedCall
from layercli.runtime.training.epoch_batches import to_device

CUDA = torch.device("cuda")


class Queue:
    """A GPU's queue: the host launches, the device works through it; both have clocks in milliseconds."""

    def __init__(self):
        self.host = self.device = 0.0

    def launch(self, kernel, launching=1.0):
        self.host += launching
        self.device = max(self.device, self.host) + kernel

    def event(self, enable_timing):
        made = SimpleNamespace(at=None)
        made.record = lambda: setattr(made, "at", max(self.host, self.device))
        made.synchronize = lambda: setattr(self, "host", max(self.host, made.at))
        made.elapsed_time = lambda end: end.at - made.at
        return made


@pytest.fixture
def queue(monkeypatch):
    made = Queue()
    monkeypatch.setattr(torch.cuda, "Event", made.event)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    return made


@pytest.mark.parametrize(("kernel", "milliseconds"), [(10.0, 101.0), (0.1, 10.1)])
def test_kernels_longer_than_their_launches_hide_all_but_the_first(queue, kernel, milliseconds):
    def ten():
        for _ in range(10):
            queue.launch(kernel)

    assert [roofline.timed(ten, CUDA) for _ in range(2)] == pytest.approx([milliseconds / 1e3] * 2)


def test_the_roofline_waits_for_one_launch_in_eight(queue):
    assert roofline.best(lambda: queue.launch(2.0), CUDA) == pytest.approx((8 * 2.0 + 1.0) / 8 / 1e3)
    assert queue.device == pytest.approx((roofline.RUNS + 1) * 17.0)


def test_each_model_of_a_race_has_its_own_peak(monkeypatch):
    weights = {"small": 100, "large": 1000}
    memory = SimpleNamespace(now=sum(weights.values()), peak=0)

    def run(name):
        memory.peak = max(memory.peak, memory.now + 2 * weights[name])

    for name, given in {
        "memory_allocated": lambda device: memory.now,
        "max_memory_allocated": lambda device: memory.peak,
        "reset_peak_memory_stats": lambda device: setattr(memory, "peak", memory.now),
    }.items():
        monkeypatch.setattr(torch.cuda, name, given)
    monkeypatch.setattr(latency, "timed", lambda run, device: run() or 1.0)
    monkeypatch.setattr(latency, "cost", lambda program, placed: (None, "unknown"))
    monkeypatch.setattr(latency, "preserve_buffers", lambda *programs: nullcontext())

    def program(name):
        module = torch.nn.Module()
        module.register_buffer("held", torch.zeros(weights[name], dtype=torch.uint8))
        module.register_buffer("tied", module.held)
        return SimpleNamespace(name=name, device=CUDA, module=module, call=lambda x: run(name), place=lambda x: x)

    sides = [(program("small"), []), (program("large"), [])]
    found = latency.in_turns(sides, RepeatedRuns(2), 1)
    assert [each.peak_memory for each in found] == [300, 3000]


@pytest.mark.parametrize(
    ("peaks", "text"), [([300, 3000], "300 B (a), 2.9 KiB (b)"), ([300, 300], "300 B for all of them")]
)
def test_the_table_tells_the_peak_of_each(peaks, text):
    timings = [Timing(name, TimingSamples([1.0]), 1, None, None, peak) for name, peak in zip("ab", peaks, strict=True)]
    assert dict(table(timings).facts)["Peak memory"] == text


class OnGpu(torch.Tensor):
    """A tensor that says it is on a GPU."""

    is_cuda = True


def stand_one_after_another(weights):
    sizes = [weight.nbytes for weight in weights]
    places = itertools.accumulate([weights[0].untyped_storage().data_ptr(), *sizes[:-1]])
    return [weight.data_ptr() for weight in weights] == list(places) and all(w.is_contiguous() for w in weights)


@pytest.mark.parametrize("kind", ["lstm", "gru", "tanh"])
@pytest.mark.parametrize("biased", [True, False])
def test_the_weights_of_a_recurrence_are_one_chunk_on_a_gpu(monkeypatch, kind, biased):
    name = kind if kind != "tanh" else "rnn_tanh"
    whole, given = getattr(rnn.torch, name), []
    monkeypatch.setattr(rnn.torch, name, lambda *args: given.append(args[2]) or whole(*args))
    gates = {"lstm": 4, "gru": 3, "tanh": 1}[kind]
    bias = torch.randn(2, 3 * 5) if kind == "gru" else torch.randn(gates * 5)
    arguments = [torch.randn(3, gates * 5), torch.randn(5, gates * 5), bias if biased else None]
    x = torch.randn(2, 4, 3)
    results = []
    for each in (x, x.as_subclass(OnGpu)):
        leaves = [a if a is None else a.clone().requires_grad_() for a in arguments]
        out = rnn.FusedRecurrence(kind, sequences=True).run(each, *leaves)[0].as_subclass(torch.Tensor)
        results.append([out, *torch.autograd.grad(out.square().sum(), [leaf for leaf in leaves if leaf is not None])])
    torch.testing.assert_close(results[1], results[0])
    assert [stand_one_after_another(weights) for weights in given] == [False, True]


def test_calls_with_unchanged_weights_share_the_chunk(monkeypatch):
    model = Sequential([layers.LSTM(4)])
    x = torch.randn(2, 3, 5)
    with torch.inference_mode():
        model(x)
    call = PrepackedCall(model.module)
    on_gpu = x.as_subclass(OnGpu)
    whole, given = torch.lstm, []
    monkeypatch.setattr(torch, "lstm", lambda *args: given.append(args[2]) or whole(*args))
    with torch.inference_mode():
        first, _ = call(on_gpu), call(on_gpu)
    assert given[0][0].data_ptr() == given[1][0].data_ptr()
    for changed in model.weights:
        with torch.no_grad():
            changed.value.add_(0.5)
        with torch.inference_mode():
            torch.testing.assert_close(call(on_gpu).as_subclass(torch.Tensor), model(x), msg=changed.path)
    assert not torch.equal(first, call(on_gpu))


def test_pinned_batches_need_not_wait_and_nothing_is_pinned():
    asked = []

    class Batch(torch.Tensor):
        def to(self, *args, **settings):
            asked.append((args, settings))
            return self

    made = torch.ones(2).as_subclass(Batch)
    to_device((made, made, None), CUDA)
    assert asked == [((CUDA,), {"non_blocking": True})] * 2
