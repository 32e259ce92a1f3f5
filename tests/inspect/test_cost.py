"""What a model costs, against the storages that real runs of torch allocate."""

import gc
from dataclasses import replace

import pytest
import torch
from memory_tracker import MemoryTracker
from torch import nn

import layercli
from layercli import layers, ops
from layercli.core import dims
from layercli.core.spec import Spec
from layercli.errors import UsageError
from layercli.inspect import budgets, devices, quantities
from layercli.inspect.cost import CACHE, cost
from layercli.inspect.cost_document import document
from layercli.inspect.fit import fit, largest, largest_described
from layercli.inspect.kernel_memory import restored_bytes
from layercli.inspect.remedies import measured, remedies
from layercli.inspect.time_floor import time_floor
from layercli.inspect.training_cost import Parallel, Training
from layercli.render import cost as drawing
from layercli.render.column_widths import fitted
from layercli.runtime.analysis.module_graph import uncalled
from layercli.sources import open as open_source


def drawn(spec):
    dtype = getattr(torch, spec.dtype)
    return (
        torch.rand(spec.shape, dtype=dtype) if dtype.is_floating_point else torch.randint(0, 4, spec.shape, dtype=dtype)
    )


def costed(source, inputs=None, at=None, dtype=None):
    opened = source.cost_graph(inputs, dtype)
    return cost(opened.graph, at={**opened.at, **(at or {})}, dtype=dtype, cache=opened.cache)


def real_peak(model, tensors, **arguments):
    """The greatest sum of storages that one call in inference allocates, beside the inputs and the weights."""
    with torch.no_grad():
        model(*tensors, **arguments)
        gc.collect()
        known = [*tensors, *model.module.parameters(), *model.module.buffers()]
        with MemoryTracker(known) as tracker:
            model(*tensors, **arguments)
    return tracker.peak


SMALL = {
    "mlp": ({}, {"B": 3}),
    "lenet": ({}, {"B": 2}),
    "resnet-block": ({"filters": (4, 4, 3)}, {}),
    "lstm": ({"features": 5, "units": 6}, {"B": 2}),
    "transformer-encoder": ({"blocks": 2, "width": 32, "hidden": 64}, {"B": 2, "T": 7}),
    "decoder": ({}, {"B": 2, "T": 9}),
}


@pytest.mark.parametrize("name", SMALL)
def test_peak_is_that_of_a_real_run(name):
    settings, at = SMALL[name]
    source = open_source(name, **settings)
    found = costed(source, at=at)
    tensors = [drawn(found.graph.values[index].spec.at(found.at)) for _, index in found.graph.inputs]
    arguments = {"cache": []} if found.cache is not None else {}
    assert found.memory.peak(found.at).bytes == real_peak(source.model, tensors, **arguments)


class Joined(nn.Module):
    """Convolutions beside a shortcut, a reshape, attention over positions and a mean."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(11, 8, 3, padding=1, stride=2)
        self.norm, self.attention = nn.BatchNorm2d(8), nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        y = torch.relu(self.norm(self.first(x)))
        y = self.second(torch.cat([x, y], 1)).flatten(2).transpose(1, 2)
        return self.attention(y, y, y)[0].mean(1)


class Loop(nn.Module):
    def forward(self, x):
        return torch.stack([x[:, i] * i for i in range(x.shape[1])])


OPEN = [
    (lambda: nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 3)), ("B", "T", 4), [(2, 5), (7, 3)]),
    (Joined, ("B", 3, 6, 8), [(1, 0), (5, 0)]),
    (
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 2, 16, batch_first=True), 2),
        ("B", "T", 64),
        [(3, 6)],
    ),
    (lambda: nn.LSTM(4, 6, batch_first=True), ("B", 5, 4), [(2, 0), (9, 0)]),
]


@pytest.mark.parametrize(("make", "shape", "values"), OPEN, ids=["linear", "joined", "encoder", "lstm"])
def test_the_formulas_of_a_torch_module_are_what_it_takes_at_each_size(make, shape, values):
    source = open_source(make().eval())
    with_names = tuple(map(dims.named, shape))
    formulas = source.cost_graph(Spec(with_names))
    assert formulas.graph.incomplete is None
    assert source.summary(Spec(with_names)).totals.macs == formulas.graph.macs()
    for batch, tokens in values:
        at = {"B": batch, "T": tokens}
        direct = costed(source, Spec(tuple(dims.at(size, at) for size in with_names)))
        found = cost(formulas.graph, at=at)
        assert (found.bytes, dims.at(found.graph.macs(), at)) == (direct.bytes, direct.graph.macs())
        assert found.peak_step() == direct.peak_step()


def test_a_module_that_loops_over_an_open_size_asks_for_its_value():
    graph = open_source(Loop()).graph(Spec(tuple(map(dims.named, ("B", "T")))))
    assert graph.incomplete == "Loop was not called: B and T are open (give a value: --at B=... --at T=...)"
    three = uncalled("net", {"x": Spec(tuple(map(dims.named, ("W", "H", "B"))))})
    assert three == "net was not called: B, H and W are open (give a value: --at B=... --at H=... --at W=...)"
    assert open_source(Loop()).graph(Spec((2, 3))).incomplete is None


def test_peak_of_a_resnet_is_that_of_a_real_run():
    source = open_source("resnet50", classes=7)
    found = costed(source, Spec((1, 48, 48, 3)), {"B": 2})
    assert found.memory.peak(found.at).bytes == real_peak(source.model, [torch.rand(2, 48, 48, 3)])


class Shortcut(layercli.layers.Layer):
    """Keeps its input in a variable of its call until the end, and writes over a result."""

    def setup(self):
        self.first, self.second = layers.Dense(8), layers.Dense(8)

    def call(self, inputs):
        kept = self.first(inputs)
        x = self.second(ops.tanh(kept))
        x *= 2.0
        first, _ = ops.split(x, 2, axis=-1)
        return ops.exp(first) + ops.sum(kept)


def test_a_variable_keeps_a_tensor_alive_as_in_python():
    model = Shortcut()
    found = costed(open_source(model), Spec((16, 8)))
    assert found.memory.peak(found.at).bytes == real_peak(model, [torch.rand(16, 8)])
    assert found.peak_step() == "Add"


def test_weights_and_inputs_are_counted_once_and_by_dtype():
    found = costed(open_source("mlp"), at={"B": 2}, dtype="bfloat16")
    assert {part.name: part.bytes for part in found.parts()}["weights"] == 101770 * 2
    assert {part.name: part.bytes for part in found.parts()}["inputs"] == 2 * 784 * 4


def test_the_cache_is_what_a_real_call_keeps():
    source = open_source("decoder")
    found = costed(source, at={"B": 2, "T": 9})
    _, kept = source.model(torch.randint(0, 9, (2, 9)), cache=[])
    total = sum(x.numel() * x.element_size() for block in kept for x in block)
    assert {part.name: part.bytes for part in found.parts()}[CACHE] == total
    assert found.cache_per_token == (0, total // 18)


def test_open_sizes_give_formulas():
    found = costed(open_source("transformer-encoder"))
    assert (found.bytes, found.open_sizes) == (None, ["B", "T"])
    assert found.memory.formula() == "16384*B*T + 75657216"
    written = document(found)
    assert written["totals"]["memory"] is None
    assert written["totals"]["weights"] == 75657216
    assert written["formulas"] == {"macs": "6144*B*T^2 + 18874368*B*T", "memory": "16384*B*T + 75657216"}


def test_the_largest_sizes_fit_and_one_more_does_not():
    found = costed(open_source("transformer-encoder"), at={"B": 8, "T": 512})
    capacity = 2**30
    answer = fit(found, capacity)
    assert answer.fits
    for name, most in answer.largest.items():
        assert (
            found.memory.bytes({**found.at, name: most}) <= capacity < found.memory.bytes({**found.at, name: most + 1})
        )
    assert largest(found.memory, "B", found.at, 100) == 0


@pytest.mark.parametrize(
    ("bytes_at", "now", "wanted"),
    [
        (lambda n: 100 + 7 * n, 4, 128_557),
        (lambda n: 100 + 7 * n, 10**6, 128_557),
        (lambda n: 10 * n + 3 * n * n, 100, 546),
        (lambda n: max(500 * n, 40 * n * n), 1, 150),
        (lambda n: 7 * n if n <= 512 else None, 128, 512),
        (lambda n: 10**6 + n, 3, 0),
        (lambda n: 10**5, 3, None),
    ],
    ids=["linear", "too large now", "quadratic", "two kernels", "512 positions", "weights alone", "not in it"],
)
def test_the_largest_size_is_found_by_describing_a_few(bytes_at, now, wanted):
    tried = []
    found = largest_described(lambda n: tried.append(n) or bytes_at(n), now, bytes_at(now), 900_000)
    assert found == wanted
    assert len(tried) <= 16
    if found:
        assert bytes_at(found) <= 900_000
        assert bytes_at(found + 1) is None or bytes_at(found + 1) > 900_000


def test_open_sizes_must_be_known_to_fit():
    with pytest.raises(UsageError, match=r"^whether it fits depends on B and T$") as error:
        fit(costed(open_source("transformer-encoder")), 2**30)
    assert error.value.hint == "give a value: --at B=... --at T=..."


def test_formulas_that_are_longer_than_a_terminal_fold():
    parts = drawing.tables(costed(open_source("decoder")))[0]
    long = [["total", " ".join(["679940*B*T"] * 9)]]
    table = fitted(replace(parts, rows=long), 80)
    assert [column.title for column in table.table.columns] == ["Part", "Memory"]
    assert sum(table.widths) + 2 <= 80


def test_the_405b_decoder_is_one_formula():
    found = costed(open_source("decoder", preset="405b"))
    assert found.memory.formula() == "2146308*B*T + 516*T + 1623413555200"


def test_the_time_floor_is_the_roofline_of_each_operation():
    device = devices.DeviceLimits("toy", "Toy", 2**40, 100.0, {"float32": 1000.0})
    found = costed(open_source("mlp", hidden=(16,)), at={"B": 2})
    floor = time_floor(found, device)
    first = max(2 * 2 * 784 * 16 / 1000, (2 * 784 + 784 * 16 + 16 + 2 * 16) * 4 / 100)
    second = max(2 * 2 * 16 * 10 / 1000, (2 * 16 + 16 * 10 + 10 + 2 * 10) * 4 / 100)
    assert floor.modules["head"].seconds == pytest.approx(second)
    assert floor.total.seconds == pytest.approx(first + second)
    assert floor.total.bound == "memory"
    assert time_floor(found, devices.find_device("m3-max")) is None


def test_each_token_of_a_decoder_reads_the_weights_and_the_cache():
    device = devices.DeviceLimits("toy", "Toy", 2**40, 100.0, {"float32": 1e12})
    found = costed(open_source("decoder"), at={"B": 1, "T": 10})
    table = next(x for x in found.graph.variables_below() if x.path.startswith("embed_tokens"))
    weights = {part.name: part.bytes for part in found.parts()}["weights"]
    cache = sum(found.cache_per_token) * 10
    assert time_floor(found, device).token.traffic == weights - table.bytes + cache


def test_what_would_make_it_fit():
    opened = open_source("mlp").cost_graph()
    found, *_ = remedies(opened, None, measured(opened, None, {"B": 2}), 250_000)
    narrow = costed(open_source("mlp"), at={"B": 2}, dtype="bfloat16")
    assert (found.change, found.fits) == ("--dtype bfloat16", True)
    assert found.bytes == pytest.approx(narrow.bytes, rel=0.05)  # here the inputs are narrow too
    shared = open_source("transformer-encoder").cost_graph(training=True)
    now = measured(shared, Training("adam"), {"B": 8, "T": 128})
    *alone, everything = remedies(shared, Training("adam"), now, 2**20)
    assert [each.change for each in alone] == [
        "--dtype bfloat16", "--checkpointing 'stack/*'", "--ranks 8 --parallel fsdp"
    ]  # fmt: skip
    *alone, everything = [*alone, everything][:4]
    assert everything.change == " ".join(each.change for each in alone)
    both = Training("adam", checkpointing=("stack/*",), ranks=8, parallel=Parallel.fsdp)
    assert everything.bytes == measured(shared.narrowed("bfloat16"), both, now.at).bytes < min(x.bytes for x in alone)
    one_is_enough = remedies(shared, Training("adam"), now, alone[0].bytes)
    assert [each.change for each in one_is_enough] == [each.change for each in alone]
    assert dict(drawing.fit_facts(replace(fit(now, 2**20), remedies=(*alone, everything))))["Otherwise"] == (
        "none of what is tried here makes it fit"
    )


def test_weights_of_few_bits():
    opened = open_source("mlp").cost_graph()
    now = measured(opened, None, {"B": 2})
    packed = measured(opened.with_weights(4), None, {"B": 2})
    matrices = [784 * 128, 128 * 10]
    weights = sum(size // 2 + -(-size // 128) * 4 for size in matrices) + 4 * (128 + 10)
    assert packed.memory.fixed["weights"] == weights
    assert packed.parts()[-1].bytes == 4 * matrices[0]  # the workspace: the larger matrix, restored
    assert packed.bytes == weights + 4 * 2 * 784 + 4 * matrices[0] + 4 * 2 * 128
    assert now.bytes < packed.bytes  # one matrix is most of it, so that this is no remedy
    assert [each.change for each in remedies(opened, None, now, 250_000)] == ["--dtype bfloat16"]


def test_what_is_restored_of_weights_of_few_bits():
    """Of an embedding no more than its rows; all of it where a view of it projects to the vocabulary."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.dense = nn.Embedding(5000, 64), nn.Linear(64, 64)
            self.tied = False

        def forward(self, x):
            x = self.dense(self.table(x))
            return torch.nn.functional.linear(x, self.table.weight) if self.tied else x

    def workspace(module):
        opened = layercli.open(module).cost_graph([Spec((2, 8), "int64")]).with_weights(8)
        return measured(opened, None, {}).parts()[-1].bytes

    net = Net()
    assert workspace(net) == 64 * 64 * 4
    net.tied = True
    assert workspace(net) == 5000 * 64 * 4
    tied = layercli.open("tests/reference/families/llama-tied").cost_graph().with_weights(8)
    assert max(restored_bytes(tied.graph, tied.packed)) == 50 * 16 * 4  # which is transposed for it


@pytest.mark.parametrize("capacity", [2**19, 3 * 2**18])
def test_sizes_that_fit_with_all_changes_at_once(capacity):
    opened = open_source("decoder").cost_graph()
    now = measured(opened, None, {"B": 8, "T": 64})
    found = {each.change: each for each in remedies(opened, None, now, capacity)}
    fitting = [each for each in found.values() if "--at" in each.change]
    assert fitting
    for each in fitting:
        name, _, value = each.change.rpartition(" ")[2].partition("=")
        applied = opened.narrowed("bfloat16").with_weights(4)
        assert measured(applied, None, {**now.at, name: int(value)}).bytes == each.bytes <= capacity
        assert measured(applied, None, {**now.at, name: int(value) + 1}).bytes > capacity


def test_an_onnx_graph_frees_after_the_last_use(tmp_path):
    onnx = pytest.importorskip("onnx")
    make, info = onnx.helper, onnx.helper.make_tensor_value_info
    nodes = [
        make.make_node("Relu", ["x"], ["a"]),
        make.make_node("Relu", ["a"], ["b"]),
        make.make_node("Relu", ["b"], ["c"]),
        make.make_node("Add", ["c", "a"], ["y"]),
    ]
    ends = [info("x", 1, ["N", 8])], [info("y", 1, ["N", 8])]
    onnx.save(make.make_model(make.make_graph(nodes, "g", *ends)), tmp_path / "g.onnx")
    found = costed(open_source(tmp_path / "g.onnx"), at={"B": 5})
    assert found.memory.peak(found.at).bytes == 3 * 5 * 8 * 4
    assert found.memory.formula() == "128*B"


def test_a_torch_module_frees_as_in_its_real_run():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.Conv2d(8, 8, 3, padding=1)

        def forward(self, x):
            y = torch.relu(self.first(x))
            return (y + self.second(y)).flatten(1)

    net, x = Net(), torch.rand(2, 3, 16, 16)
    found = costed(open_source(net), (2, 3, 16, 16))
    with torch.no_grad(), MemoryTracker([x, *net.parameters()]) as tracker:
        net(x)
    assert found.memory.peak(found.at).bytes == tracker.peak


def test_quantities():
    assert quantities.bytes_in("24GiB", "--memory") == 24 << 30
    assert quantities.bytes_in("80 GB", "--memory") == 80 * 10**9
    assert quantities.count_in("4.2G", "--max") == 4_200_000_000
    assert quantities.share_in("1.5%", "--allow") == 0.015
    for text in ("", "-1GiB", "0", "12 parsecs", "nan"):
        with pytest.raises(UsageError, match=r"^--memory expects a size such as 24GiB, got '"):
            quantities.bytes_in(text, "--memory")
    with pytest.raises(UsageError) as raised:
        quantities.bytes_in("-3GiB", "--memory")
    assert raised.value.hint == "it cannot be negative"


def test_devices_have_sources_and_rates_that_grow_as_dtypes_narrow():
    for device in devices.DEVICES.values():
        assert device.source
        assert device.memory > 0 < device.bandwidth
        rates = [device.rate(dtype) for dtype in ("float32", "float16", "float8_e4m3fn")]
        known = [rate for rate in rates if rate is not None]
        assert known == sorted(known)


def test_the_nearest_device_is_named():
    with pytest.raises(UsageError, match=r"^there is no device 'h10'$") as error:
        devices.find_device("h10")
    assert "h100" in error.value.hint


def test_limits_are_exceeded_met_or_unknown():
    limits = budgets.parse_budgets(["parameters=1K", "macs=5", "memory=1GiB"])
    found = budgets.against_limits({"parameters": 1500, "macs": 5, "memory": None}, limits)
    assert [each.sentence for each in found] == [
        "parameters 1,500 is over the budget of 1,000 by 500 (+50.0%)",
        "memory is not known, the budget is 1.0 GiB",
    ]
    assert budgets.verdict(found) == 1
    assert budgets.verdict(found[1:]) == 3
    assert budgets.verdict([]) == 0


def test_a_baseline_names_the_layers_that_grew_most():
    before = document(costed(open_source("mlp", hidden=(8,)), at={"B": 1}))
    after = document(costed(open_source("mlp", hidden=(9,)), at={"B": 1}))
    found = budgets.against_baseline(after, before, 0.01)
    assert [each.figure for each in found] == ["parameters", "trainable", "macs", "memory", "weights", "activations"]
    assert found[0].sentence == (
        "parameters grew from 6,370 to 7,165 (+12.5%, 1.0% allowed): hidden_layers/0 +785, head +10"
    )
    assert budgets.against_baseline(before, after, 0.0) == []
