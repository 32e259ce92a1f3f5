"""Torch modules traced on fake parameters: what public reports say of models, against torch's own counts and hand arithmetic."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

import layercli
from layercli.core.spec import Spec
from layercli.inspect.model_graph import ValueKind
from layercli.render.folded_rows import collapse_repeats
from layercli.runtime.analysis.module_graph import module_graph
from layercli.runtime.analysis.module_summary import summarize_module


def summary_of(module, *shapes, **values):
    specs = {f"x{i}" if len(shapes) > 1 else "x": Spec(tuple(shape)) for i, shape in enumerate(shapes)}
    return summarize_module(module, specs, "net", "", values=values or None)


class InitialState(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(4, 8, num_layers=2, batch_first=True)
        self.out = nn.Linear(8, 1)

    def forward(self, x):
        y, _ = self.rnn(x, torch.zeros(2, x.size(0), 8))
        return self.out(y[:, -1])


class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return self.a(x) if x.sum() > 0 else self.b(x)


class Rounds(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 4)
        self.register_buffer("n", torch.tensor(3))

    def forward(self, x):
        for _ in range(int(self.n)):
            x = self.a(x)
        return x


class ThroughNumpy(Rounds):
    def forward(self, x):
        return torch.from_numpy(self.a(x).detach().numpy().copy())


class Selection(Rounds):
    def forward(self, x):
        return x[self.a(x)[:, 0] > 0]


class Number(Rounds):
    def forward(self, x):
        return float(self.a(x).sum())


class Constant(Rounds):
    def forward(self, x):
        with torch.autocast(device_type=x.device.type, enabled=False):
            return self.a(x) + torch.arange(4)


class VectorScore(nn.Module):
    def __init__(self):
        super().__init__()
        self.w, self.v = nn.Linear(16, 16), nn.Parameter(torch.randn(16))

    def forward(self, h):
        return (torch.softmax(torch.tanh(self.w(h)) @ self.v, dim=1).unsqueeze(-1) * h).sum(1)


class SharedChild(nn.Module):
    def __init__(self):
        super().__init__()
        shared = nn.Linear(4, 4)
        self.one = nn.Sequential(nn.Linear(4, 4), shared)
        self.two = nn.Sequential(nn.Linear(4, 4), shared)

    def forward(self, x):
        return self.two(self.one(x))


class SharedBeside(nn.Module):
    """A layer at one level stands in a Sequential at the next as well, and that in another."""

    def __init__(self):
        super().__init__()
        shared = nn.Linear(4, 4, bias=False)
        self.d = nn.ModuleDict({"a": shared, "b": nn.Linear(4, 4, bias=False)})
        self.seq = nn.Sequential(shared, nn.Linear(4, 4, bias=False))
        self.tail = nn.Sequential(self.seq, nn.ReLU())

    def forward(self, x):
        return self.tail(self.seq(self.d["b"](self.d["a"](x))))


class Iterated(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4, 4))
        self.body = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 4))
        self.first = nn.Linear(4, 4)

    def forward(self, x):
        x = self.first(x)
        for layer in self.body:
            x = layer(x)
        return x @ self.scale


class Experts(nn.Module):
    """Every row goes to two of four experts."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(8, 4, bias=False)
        self.experts = nn.ModuleList([nn.Linear(8, 8, bias=False) for _ in range(4)])

    def forward(self, x):
        weights, chosen = torch.topk(self.gate(x).softmax(-1), 2)
        out = torch.zeros_like(x)
        for i, expert in enumerate(self.experts):
            rows, place = torch.where(chosen == i)
            out.index_add_(0, rows, expert(x[rows]) * weights[rows, place, None])
        return out


def lazy():
    return nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))


def quantised():
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    return torch.ao.quantization.quantize_dynamic(net, {nn.Linear}, dtype=torch.qint8)


CASES = [
    (InitialState, (2, 5, 4), 777, 6736, None),
    (Branch, (2, 4), 40, 32, None),
    (Rounds, (2, 4), 20, 96, None),
    (Constant, (2, 4), 20, 32, None),
    (ThroughNumpy, (2, 4), 20, 32, "numpy()"),
    (Selection, (5, 4), 20, 80, "indexing by a mask"),
    (Number, (1, 4), 20, 16, "item()"),
    (VectorScore, (2, 7, 16), 288, 2 * 7 * 16 * 16 + 2 * 7 * 16, None),
    (SharedChild, (2, 4), 60, 128, None),
    (Iterated, (2, 4), 16 + 30 + 28 + 20, 2 * (16 + 24 + 24 + 16), None),
    (lazy, (1, 3, 8, 8), 402, 4176, None),
    (lambda: nn.Bilinear(3, 4, 5), (2, 3), 65, 2 * 5 * 3 * 4 + 2 * 5 * 4, None),
]  # fmt: skip


@pytest.mark.parametrize(("make", "shape", "parameters", "macs", "needs"), CASES)
def test_parameters_and_macs(make, shape, parameters, macs, needs):
    module = make()
    if isinstance(module, nn.Bilinear):
        summary = summarize_module(module, {"input1": Spec((2, 3)), "input2": Spec((2, 4))}, "net", "")
    else:
        summary = summary_of(module, shape)
    assert (summary.totals.parameters, summary.totals.macs, summary.failure) == (parameters, macs, None)
    wanted = [] if needs is None else [
        f"{needs} needs values: it ran on the CPU with real values; shapes and MACs may depend on them"
    ]  # fmt: skip
    assert summary.footnotes == wanted


def test_drawn_indices_are_told():
    summary = summary_of(Experts(), (6, 8))
    assert summary.totals.macs == 6 * 8 * 4 + 6 * 2 * 8 * 8
    assert summary.footnotes == [
        "what topk chooses depends on values: random indices were used; shapes and MACs do not depend on them"
    ]


def test_packed_weights_are_counted():
    summary = summary_of(quantised(), (1, 8))
    assert (summary.totals.parameters, summary.totals.trainable, summary.totals.macs) == (212, 0, 192)
    assert summary.totals.bytes == 192 + 4 * 20


@pytest.mark.parametrize("make", [SharedChild, SharedBeside, Iterated, Experts, InitialState])
def test_rows_of_every_depth_sum_to_the_whole(make):
    shape = {Experts: (6, 8), InitialState: (2, 5, 4)}.get(make, (2, 4))
    summary = summary_of(make(), shape)
    for depth in range(1, 1 + max(row.depth for row in summary.rows)):
        shown = [row for row in summary.rows if row.depth <= depth]
        above = {row.path.rpartition("/")[0] for row in shown if row.depth == depth}
        leaves = [row for row in shown if not (row.depth < depth and row.path in above)]
        assert sum(row.macs for row in leaves) == summary.totals.macs
        assert sum(row.counted for row in leaves) == summary.totals.parameters


def test_rows_stand_in_the_order_of_the_calls():
    summary = summary_of(Iterated(), (2, 4))
    assert [(row.path, row.cls, row.output_shape, row.macs) for row in summary.rows] == [
        ("scale", "Parameter", None, 0),
        ("first", "Linear", (2, 4), 32),
        ("body", "Sequential", (2, 4), 96),
        ("body/0", "Linear", (2, 6), 48),
        ("body/1", "ReLU", (2, 6), 0),
        ("body/2", "Linear", (2, 4), 48),
        ("(own operations)", None, None, 32),
    ]


def test_one_layer_in_two_parts():
    rows = {row.path: row for row in summary_of(SharedChild(), (2, 4)).rows}
    assert list(rows) == ["one", "one/0", "one/1", "two", "two/0", "two/1"]
    first, second = rows["one/1"], rows["two/1"]
    assert (first.macs, first.shared, first.parameters, first.counted, first.shared_with) == (32, False, 20, 20, [])
    assert (second.macs, second.shared, second.parameters, second.counted, second.shared_with) == (
        32, False, 20, 0, ["one/1"]
    )  # fmt: skip


class Borrowing(nn.Module):
    """An encoder and a decoder with one embedding, which a function of the decoder calls, out of sight of its modules."""

    def __init__(self):
        super().__init__()
        embedding = nn.Linear(4, 4)
        self.encoder, self.decoder = nn.ModuleDict({"e": embedding}), nn.ModuleDict({"e": embedding, "run": nn.ReLU()})
        self.decoder["run"].forward = lambda x: embedding(x).relu()

    def forward(self, x):
        return self.decoder["run"](x)


def test_a_call_is_that_of_the_path_nearest_to_its_caller():
    rows = {row.path: row for row in summary_of(Borrowing(), (2, 4)).rows}
    assert [(row.output_shape, row.macs) for row in (rows["encoder/e"], rows["decoder/e"])] == [(None, 0), ((2, 4), 32)]


def test_rows_at_a_second_path_have_the_calls_there():
    rows = summary_of(SharedBeside(), (2, 4)).rows
    assert [(row.path, row.macs, row.counted, row.shared_with) for row in collapse_repeats(rows)] == [
        ("d/a", 32, 16, []),
        ("d/b", 32, 16, []),
        ("seq", 64, 16, []),
        ("seq/0", 32, 0, ["d/a"]),
        ("seq/1", 32, 16, []),
        ("tail", 64, 0, []),
        ("tail/0", 64, 0, ["seq"]),
        ("tail/1", 0, 0, []),
    ]


@dataclass
class Both:
    logits: torch.Tensor
    hidden: torch.Tensor


class Outputs(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.a, self.kind = nn.Linear(6, 3), kind

    def forward(self, x):
        h = self.a(x)
        return {"dataclass": Both(h.softmax(-1), h), "dict": {"logits": h, "hidden": h}, "tuple": (h, [h])}[self.kind]


@pytest.mark.parametrize(
    ("kind", "names"),
    [("dataclass", ["logits", "hidden"]), ("dict", ["logits", "hidden"]), ("tuple", ["output_0", "output_1"])],
)
def test_outputs(kind, names):
    assert summary_of(Outputs(kind), (2, 6)).outputs == [(name, Spec((2, 3))) for name in names]


def test_fused_attention_and_recurrence_cost_what_their_products_do():
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    query = {name: Spec((2, 5, 8)) for name in ("query", "key", "value")}
    products = 4 * (2 * 5 * 8 * 8) + 2 * (2 * 5 * 5 * 8)
    assert summarize_module(attention, query, "net", "").totals.macs == products
    layer = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
    assert summarize_module(layer, {"src": Spec((2, 5, 8))}, "", "").totals.macs == 2 * (
        products + 2 * (2 * 5 * 8 * 16)
    )
    lstm = nn.LSTM(4, 5, num_layers=2, bidirectional=True)
    assert summarize_module(lstm, {"input": Spec((7, 3, 4))}, "", "").totals.macs == 7 * 3 * 2 * 20 * (4 + 5 + 10 + 5)


class Changing(nn.Module):
    """Does all to itself that a forward pass may do."""

    def __init__(self, fails=False):
        super().__init__()
        self.norm, self.drop, self.linear, self.fails = nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 4), fails
        self.twin = self.linear
        self.parts = nn.ParameterList([nn.Parameter(torch.ones(4)), self.linear.bias])
        self.tied = nn.Linear(4, 4)
        self.tied.weight = self.linear.weight
        self.several = nn.ModuleList([self.linear, self.norm])
        self.register_buffer("steps", torch.zeros(3))
        self.seen, self.last = [], None
        self.linear.register_forward_hook(lambda module, args, out: self.seen.append(out))
        self.drop.eval()
        self.parts[0].grad = torch.ones(4)

    def forward(self, x):
        self.steps += 1
        self.steps[0] = 7
        self.norm.train()
        with torch.no_grad():
            self.linear.weight.mul_(2)
            self.parts[0].data.zero_()
        self.last = x = self.tied(self.linear(self.norm(x))) * torch.rand(4) + random.random() + np.random.rand()
        self.new = nn.Parameter(torch.ones(2))
        self.register_buffer("late", torch.ones(2))
        if self.fails:
            raise ValueError("on purpose")
        if x.sum() > -1e9:  # which needs values
            return x
        return x * 2


def state_of(module):
    values = {name: x.clone() for name, x in [*module.named_parameters(), *module.named_buffers()]}
    attributes = [(type(each), {key: id(value) for key, value in vars(each).items()}) for each in module.modules()]
    held = [[id(x) for x in [*each._parameters.values(), *each._buffers.values()]] for each in module.modules()]
    flags = [(each.training, list(each._modules), len(each._forward_hooks)) for each in module.modules()]
    return values, attributes, held, flags, list(module.seen), module.parts[0].grad.clone()


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_nothing_is_changed_by_looking(fails, training):
    module = Changing(fails).train(training)
    values, *before = state_of(module)
    random.seed(3), np.random.seed(3), torch.manual_seed(3)
    summary = summary_of(module, (2, 4))
    drawn = random.random(), np.random.rand(), float(torch.rand(()))
    random.seed(3), np.random.seed(3), torch.manual_seed(3)
    assert drawn == (random.random(), np.random.rand(), float(torch.rand(())))
    assert (summary.failure is not None) == fails
    after, *rest = state_of(module)
    assert [str(x) for x in rest] == [str(x) for x in before]
    assert list(after) == list(values)
    assert all(torch.equal(after[name], x) for name, x in values.items())
    assert nn.Module.__call__ is nn.Module._wrapped_call_impl


def test_a_failing_call_is_named_with_its_inputs():
    net = nn.Sequential(nn.Linear(4, 5), nn.Sequential(nn.ReLU(), nn.Linear(4, 2)), nn.Linear(2, 2))
    summary = summary_of(net, (3, 4))
    assert summary.failure == "1/1 (Linear) expects 4 features, got 5 in float32[3, 5]"
    assert [row.output_shape for row in summary.rows] == [(3, 5), None, (3, 5), None, None]


def test_a_lazy_module_stays_lazy():
    module = lazy()
    assert summarize_module(module, {}, "net", "").footnotes == [
        "4 parameters get their shapes at the first call: they are not in the totals"
    ]
    assert summary_of(module, (1, 3, 8, 8)).totals.parameters == 402
    assert isinstance(module[0], nn.LazyConv2d)
    assert isinstance(module[0].weight, nn.UninitializedParameter)
    assert module(torch.zeros(1, 3, 8, 8)).shape == (1, 2)


def test_names_with_a_slash():
    net = nn.Module()
    for name in ("[bold]block[/bold]", "a/b", "c"):
        net.add_module(name, nn.Linear(2, 2))
    summary = summarize_module(net, {}, "net", "")
    assert summary.totals.parameters == 18
    assert [row.name for row in summary.rows] == ["[bold]block[/bold]", "a/b", "c"]


def test_torch_imports_neither_its_compiler_nor_sympy():
    code = (
        "import sys\n"
        "for name in ('sympy', 'torch._dynamo'): sys.modules[name] = None\n"
        "from torch import nn\n"
        "from layercli.core.spec import Spec\n"
        "from layercli.runtime.analysis.module_summary import summarize_module\n"
        "import sys; del sys.modules['sympy'], sys.modules['torch._dynamo']\n"
        "net = nn.Sequential(nn.Linear(4, 4), nn.LSTM(4, 5), nn.TransformerEncoderLayer(5, 1, 8))\n"
        "net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.GELU(), nn.Flatten(), nn.Linear(4, 4))\n"
        "assert summarize_module(net, {'input': Spec((1, 3, 3, 3))}, '', '').failure is None\n"
        "print([n for n in ('sympy', 'torch._dynamo', 'torch.utils.flop_counter') if n in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_graph_of_a_module():
    graph = layercli.open(Iterated()).graph({"x": (2, 4)})
    assert (graph.incomplete, graph.macs()) == (None, 2 * (16 + 24 + 24 + 16))
    assert [(call.operation, call.module, call.macs) for call in graph.calls if call.macs] == [
        ("aten::addmm", "first", 32),
        ("aten::addmm", "body/0", 48),
        ("aten::addmm", "body/2", 48),
        ("aten::mm", "", 32),
    ]
    product = graph.calls[-1]
    x, scale = (graph.values[place] for place in product.inputs)
    assert (x.kind, scale.kind, scale.path) == (ValueKind.ACTIVATION, ValueKind.PARAMETER, "scale")
    view = next(call for call in graph.calls if call.operation == "aten::t")
    assert graph.values[view.outputs[0]].storage == graph.values[view.inputs[0]].storage
    first = next(call for call in graph.calls if call.macs)
    assert graph.inputs == (("x", first.inputs[1]),)
    failed = layercli.open(nn.Linear(4, 2)).graph({"input": (2, 3)})
    assert failed.incomplete == "Linear (Linear) expects 4 features, got 3 in float32[2, 3]"


class Written(nn.Module):
    def forward(self, x):
        y = x * 2
        torch.add(x, 1, out=y)  # writes to y, whose name does not say so
        return y * 3, x.__lshift__(1), x + 4  # the name of the shift ends as those of operations in place do


def test_what_is_written_in_place_is_told_by_the_schema():
    graph = module_graph(Written(), {"x": Spec((2, 3), "int64")}, "net", "")
    calls = {call.operation.partition("::")[2]: call for call in graph.calls}
    assert list(calls) == ["mul.Tensor", "add.out", "__lshift__.Scalar", "add.Tensor"]
    first, *_, second = (call for call in graph.calls if call.operation == "aten::mul.Tensor")
    assert first.outputs != calls["add.out"].outputs == (second.inputs[0],)
    assert calls["add.Tensor"].inputs == calls["__lshift__.Scalar"].inputs == first.inputs
