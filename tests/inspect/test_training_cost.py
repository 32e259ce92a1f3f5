"""What a training step costs, against real training steps of torch."""

import gc

import pytest
import torch
from memory_tracker import MemoryTracker, allocated
from torch.utils.checkpoint import checkpoint

from layercli import Sequential, layers, ops, optimizers
from layercli.core import dims
from layercli.core.spec import Spec
from layercli.errors import UsageError
from layercli.inspect.cost import cost
from layercli.inspect.fsdp_memory import ShardedRun
from layercli.inspect.liveness import GATHERED
from layercli.inspect.optimizer_state import optimizer_of, state_bytes
from layercli.inspect.training_cost import OPTIMIZER, Parallel, Training, training_cost
from layercli.runtime.analysis.training_step import FreeLoss
from layercli.sources import open as open_source


def drawn(spec):
    dtype = getattr(torch, spec.dtype)
    return (
        torch.rand(spec.shape, dtype=dtype) if dtype.is_floating_point else torch.randint(0, 4, spec.shape, dtype=dtype)
    )


def costed(source, inputs=None, at=None, **how):
    opened = source.cost_graph(inputs, training=True)
    return training_cost(opened, Training(**{"optimizer": "sgd", **how}), at={**opened.at, **(at or {})})


class Collecting(MemoryTracker):
    """Frees what torch's checkpoints leave in reference cycles before it looks."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        gc.collect()
        return super().__torch_dispatch__(func, types, args, kwargs)


def stepped(model, tensors, tracker_of=MemoryTracker):
    """The peak of a forward and a backward pass, and what is live between them, beside inputs, weights and gradient given."""
    out = model(*tensors, training=True)
    gradient = torch.rand_like(out)
    out.backward(gradient)
    for parameter in model.module.parameters():
        parameter.grad = None
    del out
    gc.collect()
    known = [gradient, *tensors, *model.module.parameters(), *model.module.buffers()]
    gc.freeze()
    with tracker_of(known) as tracker:
        out = model(*tensors, training=True)
        between = tracker.now
        out.backward(gradient)
    return tracker.peak, between


def kept(found):
    """The bytes that are live after the forward pass."""
    last = len(found.graph.calls) - 1
    living = [each for each in found.memory.moving.storages if each.start <= last < each.stop]
    return sum(dims.at(each.bytes, found.at) for each in living)


def compared(source, found):
    tensors = [drawn(found.graph.values[index].spec.at(found.at)) for _, index in found.graph.inputs]
    return (found.memory.peak(found.at).bytes, kept(found)), stepped(source.model, tensors)


SMALL = {
    "mlp": ({}, {"B": 3}),
    "lenet": ({}, {"B": 2}),
    "transformer-encoder": ({"blocks": 2, "width": 32, "hidden": 64}, {"B": 2, "T": 7}),
    "transformer-encoder without dropout": ({"blocks": 2, "width": 32, "hidden": 64, "dropout": 0.0}, {"B": 2, "T": 7}),
    "decoder": ({}, {"B": 2, "T": 9}),
}


@pytest.mark.parametrize("name", SMALL)
def test_peak_and_what_is_kept_are_those_of_a_real_step(name):
    settings, at = SMALL[name]
    source = open_source(name.partition(" ")[0], **settings)
    said, seen = compared(source, costed(source, at=at))
    assert said == seen


def test_a_resnet_block_keeps_what_a_real_step_keeps():
    source = open_source("resnet-block", filters=(4, 8, 3), kernel_size=3)
    said, seen = compared(source, costed(source, Spec((2, 24, 24, 3))))
    assert said == pytest.approx(seen, rel=0.01)


def test_layers_that_run_again_keep_only_what_they_are_given():
    source = open_source("transformer-encoder", blocks=4, width=32, hidden=64, dropout=0.0)
    at = {"B": 2, "T": 50}
    plain, found = costed(source, at=at), costed(source, at=at, checkpointing=("stack/*",))
    x = torch.rand(2, 50, 32)
    source.model(x)
    for block in source.model.stack:
        forward = block.module.forward
        block.module.forward = lambda x, forward=forward, **_: checkpoint(forward, x, use_reentrant=False)
    peak, between = stepped(source.model, [x], Collecting)
    assert kept(found) == between
    assert found.memory.peak(found.at).bytes == peak
    assert found.bytes < plain.bytes


class Stacked(torch.nn.Module):
    """A recurrence, and blocks with dropout."""

    def __init__(self):
        super().__init__()
        self.lstm, self.head = torch.nn.LSTM(20, 16, batch_first=True), torch.nn.Linear(16, 4)
        self.blocks = torch.nn.ModuleList(
            torch.nn.Sequential(
                torch.nn.Linear(16, 64), torch.nn.GELU(), torch.nn.Dropout(0.1), torch.nn.Linear(64, 16)
            )
            for _ in range(3)
        )

    def forward(self, x):
        x = self.lstm(x)[0]
        for block in self.blocks:
            x = x + block(x)
        return self.head(x)


def real_module_step(module, x):
    """The peak of a training step and what is live between its passes, beside inputs and weights."""
    FreeLoss.apply(module.train()(x)).backward()
    module.zero_grad()
    gc.collect()
    gc.freeze()
    with MemoryTracker([x, *module.parameters()]) as tracker:
        out = module(x)
        between = tracker.now
        FreeLoss.apply(out).backward()
    return tracker.peak, between


def test_a_torch_module_keeps_what_its_real_step_keeps():
    module, x = Stacked(), torch.rand(3, 30, 20)
    opened = open_source(module).cost_graph(tuple(x.shape), training=True)
    found = training_cost(opened, Training("sgd"))
    assert all(type(x) is torch.nn.Parameter and x.grad is None for x in module.parameters())
    assert (found.memory.peak({}).bytes, kept(found)) == pytest.approx(real_module_step(module, x), rel=0.005)
    again = training_cost(opened, Training("sgd", checkpointing=("blocks/*",)))
    assert kept(again) < kept(found) / 2
    narrow = training_cost(opened.narrowed("bfloat16"), Training("adam"))
    parts = {part.name: part.bytes for part in narrow.parts()}
    assert parts["weights"] == 2 * sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.LSTM(16, return_sequences=True), (3, 30, 20)),
        (layers.LSTM(16, use_bias=False), (3, 30, 20)),
        (layers.GRU(16), (3, 30, 20)),
        (layers.GRU(64, use_bias=False), (2, 5, 24)),
        (layers.SimpleRNN(16), (3, 30, 20)),
        *[(kind(16, go_backwards=True), (3, 30, 20)) for kind in (layers.LSTM, layers.GRU, layers.SimpleRNN)],
        *[(kind(48), shape) for kind in (layers.GRU, layers.SimpleRNN) for shape in [(3, 1, 8), (2, 2, 8), (2, 5, 24)]],
        *[(kind(16), (1, 9, 8)) for kind in (layers.LSTM, layers.GRU, layers.SimpleRNN)],
        (layers.SimpleRNN(16, go_backwards=True), (3, 1, 20)),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_recurrence_keeps_what_its_kernel_keeps(layer, shape):
    source = open_source(layer)
    found, x = costed(source, Spec(shape)), torch.rand(shape)
    layer(x)
    peak, between = real_module_step(layer.module, x)
    assert kept(found) == between
    assert found.memory.peak(found.at).bytes == pytest.approx(peak, abs=8)  # the loss that FreeLoss makes is 8 bytes
    opened = source.cost_graph(Spec(shape))
    layer.module.eval()
    with torch.no_grad(), MemoryTracker([x, *layer.module.parameters()]) as tracker:
        layer.module(x)
    assert cost(opened.graph, at=opened.at).memory.peak(opened.at).bytes == tracker.peak


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.Bidirectional(layers.LSTM(8)),
        lambda: layers.Bidirectional(layers.GRU(8)),
        lambda: Sequential([layers.Bidirectional(layers.LSTM(8, return_sequences=True)), layers.Dense(5)]),
        lambda: Sequential([layers.LSTM(8, return_sequences=True), layers.LSTM(8)]),
        lambda: Sequential([layers.LSTM(8, return_sequences=True), layers.GRU(16, go_backwards=True)]),
        lambda: Sequential([layers.LSTM(4, return_sequences=True), layers.SimpleRNN(16)]),
    ],
    ids=["both ways", "both ways by GRU", "both ways, then dense", "stacked", "stacked GRU", "stacked SimpleRNN"],
)
def test_a_recurrence_after_another_takes_its_outputs_as_they_lie_in_memory(layer):
    source, x = open_source(layer()), torch.rand(3, 30, 12)
    found = costed(source, Spec((3, 30, 12)))
    source.model(x)
    module = source.model.module
    peak, _ = real_module_step(module, x)
    assert found.memory.peak(found.at).bytes == pytest.approx(peak, rel=0.002)
    opened = source.cost_graph(Spec((3, 30, 12)))
    module.eval()
    with torch.no_grad(), MemoryTracker([x, *module.parameters()]) as tracker:
        module(x)
    assert cost(opened.graph, at=opened.at).memory.peak(opened.at).bytes == tracker.peak


@pytest.mark.parametrize("layer", [layers.GRU(16), layers.GRU(16, use_bias=False), layers.LSTM(16)])
@pytest.mark.parametrize("steps", [1, 2, 6])
def test_stacked_recurrences_of_few_steps(layer, steps):
    model = Sequential([layers.GRU(8, return_sequences=True), type(layer).from_config(layer.get_config())])
    opened, x = open_source(model).cost_graph(Spec((3, steps, 5))), torch.rand(3, steps, 5)
    model(x)
    with torch.no_grad(), MemoryTracker([x, *model.module.parameters()]) as tracker:
        model.module.eval()(x)
    assert cost(opened.graph, at=opened.at).memory.peak(opened.at).bytes == tracker.peak


@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU, layers.SimpleRNN])
@pytest.mark.parametrize(("mode", "sequences"), [("concat", True), ("concat", False), ("sum", False)])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_both_directions_share_one_gradient(kind, mode, sequences, steps):
    check_step([layers.Bidirectional(kind(24, return_sequences=sequences), mode), layers.Dense(3)], (5, steps, 12))


@pytest.mark.parametrize(
    ("rest", "shapes"),
    [
        (lambda: [layers.Dense(3)], [(5, 7, 12), (1, 7, 12), (5, 1, 12)]),
        (lambda: [layers.Dropout(0.3), layers.Dense(3, use_bias=False)], [(5, 7, 12), (1, 7, 12)]),
        (lambda: [layers.Activation("relu"), layers.Dense(3)], [(5, 7, 12)]),
        (lambda: [layers.TimeDistributed(layers.Dense(3))], [(5, 7, 12), (5, 1, 12)]),
        (lambda: [layers.Flatten(), layers.Dense(3)], [(5, 7, 12), (5, 1, 12)]),
        (lambda: [layers.Dropout(0.3), layers.GRU(20)], [(5, 7, 12), (1, 7, 12), (5, 1, 12)]),
    ],
    ids=["dense", "dropout", "relu", "each step", "flatten", "gru"],
)
def test_a_product_copies_what_lies_with_its_steps_first(rest, shapes):
    for shape in shapes:
        check_step([layers.LSTM(24, return_sequences=True), *rest()], shape)


def check_step(stack, shape):
    source, x = open_source(Sequential(stack)), torch.rand(shape)
    found = costed(source, Spec(shape))
    source.model(x)
    peak, between = real_module_step(source.model.module, x)
    assert kept(found) == between
    assert found.memory.peak(found.at).bytes == pytest.approx(peak, abs=8)  # the loss that FreeLoss makes is 8 bytes


PARAMETERS = [Spec((5, 3)), Spec((7,)), Spec((2, 3, 4)), Spec(())]


@pytest.mark.parametrize(
    "text",
    ["sgd", "sgd:momentum=0.9", "adam", "adam:amsgrad=true", "adamw", "adamax", "nadam", "lamb", "lion", "rmsprop",
     "rmsprop:momentum=0.9,centered=true", "adagrad", "adadelta", "adafactor", "ftrl", "muon", "schedulefreeadamw"],
)  # fmt: skip
@pytest.mark.parametrize("accumulation", [1, 4])
def test_state_is_what_the_optimizer_makes(text, accumulation):
    optimizer = optimizer_of(text, accumulation)
    made = optimizers.parse(text)
    made.gradient_accumulation_steps = accumulation if accumulation > 1 else None
    made.build([torch.nn.Parameter(torch.zeros(spec.shape)) for spec in PARAMETERS])
    tensors = [x for slot in made.state.slots.values() for x in slot if x is not None]
    assert state_bytes(optimizer, PARAMETERS) == sum(x.numel() * x.element_size() for x in tensors)


HIDDEN, HEAD = (784 * 128 + 128) * 4, (128 * 10 + 10) * 4
"""The bytes of the two layers of the named MLP, which is called on 8 images: [8, 784], [8, 128], [8, 10]."""


def test_ddp_holds_its_buckets_all_the_time_and_a_gradient_on_its_way_into_one():
    found = costed(open_source("mlp"), at={"B": 8}, optimizer="adam", ranks=4)
    whole = HIDDEN + HEAD
    output, of_hidden = 8 * 10 * 4, 8 * 128 * 4
    assert found.bytes == whole + 2 * whole + 8 * 784 * 4 + whole + HIDDEN + output + of_hidden
    assert min(found.memory.moving.sums(found.at)) >= whole  # in the forward pass too


def test_fsdp_holds_a_share_and_the_layers_that_are_gathered():
    found = costed(open_source("mlp"), at={"B": 8}, optimizer="adam", ranks=4, parallel=Parallel.fsdp)
    parts = {part.name: part.bytes for part in found.parts()}
    of_head = (128 // 4 * 10 + 3) * 4  # 32 rows of the kernel, and 3 of the 10 numbers of the bias
    assert parts["weights"] == HIDDEN // 4 + of_head
    assert parts[OPTIMIZER] == 2 * parts["weights"]
    assert found.peak_step() == "backward: hidden_layers/0 Linear"
    assert (
        parts[GATHERED] == HIDDEN + 4 * of_head
    )  # the layer, and the gradients of the head that the ranks are summing
    assert parts["gradients"] == HIDDEN + of_head


class TiedLayers(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.ModuleList(torch.nn.Linear(4, 4, bias=False) for _ in range(6))
        for each in self.layers:
            each.weight = self.layers[0].weight

    def forward(self, x):
        for each in reversed(self.layers):
            x = each(x)
        return x


def test_fsdp_gathers_a_shared_parameter_with_the_layer_that_is_called_first():
    opened = open_source(TiedLayers()).cost_graph(Spec((2, 4)), training=True)
    assert list(ShardedRun(opened.training_run((), opened.at), 2).units) == ["layers/5", ""]


class Sorted(layers.Layer):
    def setup(self):
        self.dense = layers.Dense(4)

    def call(self, inputs):
        return ops.sort(self.dense(inputs))


def test_an_operation_without_a_rule_is_named():
    found = costed(open_source(Sorted()), Spec((2, 3)))
    assert "what Sort keeps for the backward pass is not known: counted is what it takes and gives" in found.notes


def test_what_is_not_trained_keeps_nothing():
    frozen = layers.Dense(4, trainable=False)
    found = costed(open_source(frozen), Spec((2, 3)))
    assert [part.name for part in found.parts()] == ["weights", "optimizer state", "inputs", "activations"]


def test_a_pattern_that_fits_no_layer():
    with pytest.raises(UsageError, match=r"^no layer that is called has a path like 'block/\*'$"):
        costed(open_source("mlp"), at={"B": 1}, checkpointing=("block/*",))


class Branches(layers.Layer):
    """Several operations take the result of a dense layer, so that their gradients are added."""

    def __init__(self, *branches):
        super().__init__()
        self.dense, self.branches = layers.Dense(64), branches

    def call(self, inputs):
        x = ops.tanh(self.dense(inputs))
        return ops.concatenate([ops.reshape(branch(x), (-1,)) for branch in self.branches], 0)


def index(i):
    return lambda x: ops.exp(x[:, i])


@pytest.mark.parametrize(
    "branches",
    [
        (ops.exp, ops.tanh),  # the second gradient is added in place,
        (ops.exp, lambda x: ops.exp(ops.transpose(x, (0, 2, 1)))),  # but not to a view,
        (lambda x: ops.sum(x, axis=1), ops.exp),
        (ops.exp, lambda x: ops.exp(ops.concatenate([x, x], axis=1))),  # nor to what others hold
        (layers.Conv1D(8, 3), layers.MaxPooling1D(2), layers.UpSampling1D(2)),
        (index(0), index(1), index(2)),
    ],
    ids=["in place", "view", "expanded", "parts", "layers", "indices"],
)
def test_gradients_that_are_added(branches):
    layer, x = Branches(*branches), torch.rand(8, 16, 4)
    layer(x)
    said = costed(open_source(layer), Spec((8, 16, 4))).memory.peak({"B": 8}).bytes
    assert said == allocated(lambda: FreeLoss.apply(layer(x, training=True)).backward()) - 8  # the loss


def test_two_gradients_of_a_tied_embedding():
    source, ids = open_source("tests/reference/families/gemma2"), torch.zeros(1, 6, dtype=torch.int32)
    source.model(ids)
    said = costed(source, Spec((1, 6), "int32")).memory.peak({"B": 1}).bytes
    assert said == allocated(lambda: FreeLoss.apply(source.model(ids, training=True)).backward()) - 8


class After(layers.Layer):
    """One operation on the result of a dense layer, and the mean of it, which is smaller."""

    def __init__(self, operation):
        super().__init__()
        self.dense, self.operation = layers.Dense(64), operation

    def call(self, inputs):
        x = self.dense(inputs)
        return self.operation(x, ops.mean(x, -1, keepdims=True))


FORMULAS = {
    "cos": lambda x, m: ops.cos(x),
    "square": lambda x, m: ops.square(x),
    "erf": lambda x, m: ops.erf(x),
    "cumsum": lambda x, m: ops.cumsum(x, 1),
    "product": lambda x, m: x * m,
    "difference": lambda x, m: x - m,
    "quotient": lambda x, m: x / m,
    "quotient of alike": lambda x, m: x / ops.exp(x),
    "inverse": lambda x, m: 2.0 / x,
    "power": lambda x, m: x**3.0,
    "exponent": lambda x, m: 2.0**x,
    "maximum": lambda x, m: ops.maximum(x, ops.exp(x)),
    "max": lambda x, m: ops.max(x, 1),
    "clip": lambda x, m: ops.clip(x, 0, 1),
    "var": lambda x, m: ops.var(x, -1),
    "std": lambda x, m: ops.std(x, -1),
    "logsumexp": lambda x, m: ops.logsumexp(x, -1),
    "part": lambda x, m: ops.split(x, 4, -1)[1],
    "crop": lambda x, m: x[:, 1:, 2:],
    "take": lambda x, m: ops.take(x, [0, 2], axis=1),
    "rescaling": lambda x, m: layers.Rescaling(2.0, 1.0)(x),
    "unit norm": lambda x, m: layers.UnitNormalization()(x),
}


@pytest.mark.parametrize("operation", FORMULAS.values(), ids=FORMULAS)
def test_the_formula_of_a_gradient(operation):
    layer, x = After(operation), torch.rand(4, 16, 2)
    layer(x)
    said = costed(open_source(layer), Spec((4, 16, 2))).memory.peak({"B": 4}).bytes
    real = allocated(lambda: FreeLoss.apply(layer(x, training=True)).backward())
    assert said == pytest.approx(real, rel=0.005)


@pytest.mark.parametrize("layer", [layers.PReLU(), layers.RMSNormalization()], ids=lambda layer: layer.name)
def test_the_formula_of_a_layer(layer):
    model, x = Sequential([layers.Dense(64), layer]), torch.rand(4, 16, 2)
    model(x)
    said = costed(open_source(model), Spec((4, 16, 2))).memory.peak({"B": 4}).bytes
    real = allocated(lambda: FreeLoss.apply(model(x, training=True)).backward())
    assert said == pytest.approx(real, rel=0.005)
