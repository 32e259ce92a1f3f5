"""Ten models: the peak and what is kept for backward, against a real run on the CPU and torch's MemTracker on fake tensors."""

import copy
import gc
import itertools
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from memory_tracker import MemoryTracker, allocated
from torch import nn
from torch.utils.checkpoint import checkpoint

from layercli.core import dims
from layercli.core.spec import Spec
from layercli.inspect.cost import cost
from layercli.inspect.training_cost import Parallel, Training, training_cost
from layercli.runtime.analysis.training_step import FreeLoss
from layercli.sources import open as open_source


class ConvBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first, self.second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x):
        return F.relu(x + self.second(F.relu(self.norm(self.first(x)))))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.entry, self.head = nn.Conv2d(3, 8, 1), nn.Conv2d(16, 2, 1)
        self.above, self.below = ConvBlock(8), ConvBlock(8)
        self.down, self.up = nn.Conv2d(8, 8, 2, 2), nn.ConvTranspose2d(8, 8, 2, 2)

    def forward(self, x):
        skipped = self.above(self.entry(x))
        return self.head(torch.cat([skipped, self.up(self.below(self.down(skipped)))], 1))


class MixtureOfExperts(nn.Module):
    def __init__(self, width=16, experts=4):
        super().__init__()
        self.gate = nn.Linear(width, experts)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(width, 32), nn.GELU(), nn.Linear(32, width)) for _ in range(experts)
        )

    def forward(self, x):
        weights, chosen = self.gate(x).softmax(-1).topk(2, -1)
        out = torch.zeros_like(x)
        for i, expert in enumerate(self.experts):
            out = out + ((chosen == i) * weights).sum(-1, keepdim=True) * expert(x)
        return out


class AttentionBlock(nn.Module):
    def __init__(self, width=32, heads=4):
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 64), nn.GELU(), nn.Linear(64, width))

    def forward(self, x):
        batch, steps, width = x.shape
        parts = self.qkv(self.norms[0](x)).view(batch, steps, 3, self.heads, width // self.heads)
        mixed = F.scaled_dot_product_attention(*parts.permute(2, 0, 3, 1, 4)).transpose(1, 2)
        x = x + self.out(mixed.reshape(batch, steps, width))
        return x + self.mlp(self.norms[1](x))


class ViT(nn.Module):
    def __init__(self, again=False, blocks=3):
        super().__init__()
        self.again, self.patches, self.head = again, nn.Conv2d(3, 32, 4, 4), nn.Linear(32, 5)
        self.positions = nn.Parameter(torch.zeros(1, 16, 32))
        self.blocks = nn.ModuleList(AttentionBlock() for _ in range(blocks))

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2) + self.positions
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False) if self.again else block(x)
        return self.head(x[:, 0])


IMAGE = [Spec((2, 3, 16, 16))]
MODELS = {
    "MLP": ("mlp", {}, [Spec((6, 784))]),
    "ResNet-50": ("resnet50", {"classes": 7}, [Spec((2, 48, 48, 3))]),
    "LSTM": ("lstm", {"features": 20, "units": 48}, [Spec((3, 25, 20))]),
    "encoder": ("transformer-encoder", {"blocks": 2, "width": 32, "hidden": 64}, [Spec((2, 7, 32))]),
    "decoder": ("decoder", {}, [Spec((2, 9), "int32")]),
    "U-Net": (UNet, {}, IMAGE),
    "MoE": (MixtureOfExperts, {}, [Spec((3, 7, 16))]),
    "ViT": (ViT, {}, IMAGE),
    "checkpointing": (ViT, {"again": True, "blocks": 4}, IMAGE),
}


def drawn(spec):
    dtype = getattr(torch, spec.dtype)
    return torch.rand(spec.shape) if dtype.is_floating_point else torch.randint(0, 4, spec.shape, dtype=dtype)


@pytest.fixture(params=MODELS)
def model(request):
    """A source, its inputs, and the torch module of it."""
    named, settings, specs = MODELS[request.param]
    source = open_source(named, **settings) if isinstance(named, str) else open_source(named(**settings))
    tensors = [drawn(spec) for spec in specs]
    if not isinstance(named, str):
        return source, specs, tensors, source.model
    source.model(*tensors)
    return source, specs, tensors, source.model.module


class Collecting(MemoryTracker):
    """Frees what checkpoints leave in reference cycles before it looks."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        gc.collect(1)
        return super().__torch_dispatch__(func, types, args, kwargs)


def step(module, tensors):
    out = module(*tensors)
    FreeLoss.apply(out).backward()


def real_step(module, tensors):
    """The peak of a training step, and what is live between its passes, beside inputs, weights and outputs."""
    module.train()
    step(module, tensors)
    for parameter in module.parameters():
        parameter.grad = None
    gc.collect()
    with (Collecting if getattr(module, "again", False) else MemoryTracker)(
        [*tensors, *module.parameters(), *module.buffers()]
    ) as tracker:
        out = module(*tensors)
        between = tracker.now
        FreeLoss.apply(out).backward()
    return tracker.peak, between


def tracked_step(module, tensors):
    """The peak of a training step by torch's MemTracker on fake tensors, beside inputs and weights."""
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.distributed._tools.mem_tracker import MemTracker

    mode = FakeTensorMode(allow_non_fake_inputs=True)
    held = {id(x): nn.Parameter(mode.from_tensor(x.detach()), x.requires_grad) for x in module.parameters()}
    held |= {id(x): mode.from_tensor(x) for x in module.buffers()}
    module.zero_grad()
    copied = copy.deepcopy(module, held).train()
    given = [mode.from_tensor(x) for x in tensors]
    with mode:
        tracker = MemTracker()
        tracker.track_external(copied, *given)
        with tracker:
            step(copied, given)
    [total] = [parts["Total"] for parts in tracker.get_tracker_snapshot("peak").values()]
    return total - sum(x.numel() * x.element_size() for x in [*copied.parameters(), *copied.buffers(), *given])


def kept(found):
    """The bytes that are live after the forward pass."""
    last = len(found.graph.calls) - 1
    living = [each for each in found.memory.moving.storages if each.start <= last < each.stop]
    return sum(dims.at(each.bytes, found.at) for each in living)


def test_a_training_step(model):
    source, specs, tensors, module = model
    opened = source.cost_graph(specs if len(specs) > 1 else specs[0], training=True)
    found = training_cost(opened, Training("sgd"), at=opened.at)
    peak, between = real_step(module, tensors)
    said = found.memory.peak(found.at).bytes
    assert said == pytest.approx(peak, rel=0.01)
    assert kept(found) == pytest.approx(between, rel=0.01)
    workspace = 0
    if source.name == "lstm":  # torch's meta kernel says that oneDNN's LSTM has no workspace
        from layercli.inspect.recurrence_memory import lstm_workspace

        workspace = lstm_workspace(specs[0], 48)
    assert said - workspace == pytest.approx(tracked_step(module, tensors), rel=0.03)


def test_a_call(model):
    source, specs, tensors, module = model
    opened = source.cost_graph(specs if len(specs) > 1 else specs[0])
    found = cost(opened.graph, at=opened.at, cache=opened.cache)
    module.eval()
    given = {"cache": []} if opened.cache else {}
    with torch.no_grad():
        module(*tensors, **given)
        gc.collect()
        with MemoryTracker([*tensors, *module.parameters(), *module.buffers()]) as tracker:
            module(*tensors, **given)
    assert found.memory.peak(found.at).bytes == pytest.approx(tracker.peak, rel=0.01)


def test_an_onnx_graph(tmp_path):
    onnx = pytest.importorskip("onnx")
    layers = [nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.Sigmoid(), nn.Flatten()]
    net = nn.Sequential(*layers, nn.Linear(8 * 256, 5))
    make, info = onnx.helper, onnx.helper.make_tensor_value_info
    weights = [onnx.numpy_helper.from_array(x.detach().numpy(), name) for name, x in net.named_parameters()]
    nodes = [
        make.make_node("Conv", ["x", "0.weight", "0.bias"], ["a"], pads=[1] * 4),
        make.make_node("Relu", ["a"], ["b"]),
        make.make_node("Conv", ["b", "2.weight", "2.bias"], ["c"], pads=[1] * 4),
        make.make_node("Sigmoid", ["c"], ["d"]),
        make.make_node("Flatten", ["d"], ["e"]),
        make.make_node("Gemm", ["e", "5.weight", "5.bias"], ["y"], transB=1),
    ]
    ends = [info("x", 1, ["N", 3, 16, 16])], [info("y", 1, ["N", 5])]
    onnx.save(make.make_model(make.make_graph(nodes, "g", *ends, initializer=weights)), tmp_path / "g.onnx")
    opened = open_source(tmp_path / "g.onnx").cost_graph()
    x = torch.rand(2, 3, 16, 16)
    with torch.no_grad(), MemoryTracker([x, *net.parameters()]) as tracker:
        net(x)
    found = cost(opened.graph, at={"B": 2})
    assert found.memory.peak(found.at).bytes == pytest.approx(tracker.peak, rel=0.01)


@pytest.mark.parametrize(
    "settings",
    [{}, {"norm_first": True, "activation": "gelu"}, {"bias": False}],
    ids=["usual", "norm first", "no bias"],
)
@pytest.mark.parametrize("hidden", [32, 256])
def test_an_encoder_layer_takes_what_its_fused_kernel_takes(settings, hidden):
    layer = nn.TransformerEncoderLayer(32, 4, hidden, batch_first=True, **settings)
    module, x = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval(), torch.rand(2, 9, 32)
    found = cost(open_source(module).cost_graph(x.shape).graph)
    assert not any("fuse" in note for note in found.notes)
    assert found.memory.peak({}).bytes == called(module, x)


class Masked(nn.Module):
    """An encoder layer that takes a mask of its own: of numbers, of booleans, or one for each head."""

    def __init__(self, mask):
        super().__init__()
        self.layer, self.mask = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), mask

    def forward(self, x):
        return self.layer(x, self.mask(x.shape[0], x.shape[1]))


@pytest.mark.parametrize(
    "mask",
    [
        lambda batch, steps: nn.Transformer.generate_square_subsequent_mask(steps),
        lambda batch, steps: torch.ones(steps, steps, dtype=torch.bool).triu(1),
        lambda batch, steps: torch.zeros(4 * batch, steps, steps),
    ],
    ids=["numbers", "booleans", "each head"],
)
@pytest.mark.parametrize("steps", [9, 100])
def test_an_encoder_layer_with_a_mask_takes_what_its_fused_kernel_takes(mask, steps):
    module, x = Masked(mask).eval(), torch.rand(3, steps, 32)
    found = cost(open_source(module).cost_graph(x.shape).graph)
    assert found.notes == []
    assert found.memory.peak({}).bytes == called(module, x)


def called(module, x):
    """The peak of what torch's allocator gives out in a call."""
    with torch.no_grad():
        return allocated(lambda: module(x))


class Language(nn.Module):
    """Blocks between an embedding and a head, with a parameter that belongs to no layer that is called."""

    def __init__(self):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(50, 32), nn.Parameter(torch.zeros(1, 9, 32))
        self.blocks = nn.Sequential(*[AttentionBlock() for _ in range(4)])
        self.head = nn.Linear(32, 50)

    def forward(self, x):
        return self.head(self.blocks(self.tokens(x) + self.positions))


def pyramid():
    """Convolutions of which each is larger than the one before, so that the last is most of the memory."""
    sizes = [3, 8, 16, 32, 64]
    each = ([nn.Conv2d(*pair, 3, 2, 1), nn.BatchNorm2d(pair[1]), nn.ReLU()] for pair in itertools.pairwise(sizes))
    return nn.Sequential(*itertools.chain(*each), nn.Flatten(), nn.Linear(64, 5))


@pytest.fixture
def four_ranks():
    from torch.distributed.device_mesh import init_device_mesh
    from torch.testing._internal.distributed.fake_pg import FakeStore

    torch.distributed.init_process_group("fake", rank=0, world_size=4, store=FakeStore())
    yield init_device_mesh("cpu", (4,))
    torch.distributed.destroy_process_group()


def sharded_step(module, x, mesh):
    """The peak of a training step of the first of four ranks, by torch's FSDPMemTracker on fake tensors."""
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.distributed._tools.fsdp2_mem_tracker import FSDPMemTracker
    from torch.distributed.fsdp import fully_shard

    with FakeTensorMode():
        module, x = module().train(), drawn(x)
        for each in reversed([m for m in module.modules() if m is not module and list(m.parameters(recurse=False))]):
            fully_shard(each, mesh=mesh)
        fully_shard(module, mesh=mesh)
        tracker = FSDPMemTracker(module)
        tracker.track_inputs((x,))
        with tracker:
            step(module, [x])
    [total] = [parts["Total"] for parts in tracker.get_tracker_snapshot("peak").values()]
    return total


class AgainLanguage(Language):
    """Runs each block again, by itself."""

    def forward(self, x):
        x = self.tokens(x) + self.positions
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False)
        return self.head(x)


class Pairs(nn.Module):
    """Runs two layers at a time again, by a function that is no module."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(16, 16) for _ in range(8))

    def forward(self, x):
        for pair in zip(self.layers[::2], self.layers[1::2], strict=True):
            x = checkpoint(lambda y, pair=pair: pair[1](torch.tanh(pair[0](y))).tanh(), x, use_reentrant=False)
        return x


class Scaled(nn.Module):
    """Layers inside a layer that has a parameter of its own; the layers run again."""

    def __init__(self):
        super().__init__()
        self.scale, self.first, self.second = nn.Parameter(torch.ones(16)), nn.Linear(16, 64), nn.Linear(64, 16)

    def forward(self, x):
        scaled = x * self.scale
        return scaled + checkpoint(lambda y: self.second(F.gelu(self.first(y))), scaled, use_reentrant=False)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("rows", [2, 16, 64])
def test_checkpointing_on_one_of_four_ranks(rows, four_ranks):
    x = Spec((rows, 9), "int64")
    real = sharded_step(AgainLanguage, x, four_ranks)
    sharded = Training("sgd", ranks=4, parallel=Parallel.fsdp)
    for module, patterns in ((AgainLanguage(), ()), (Language(), ("blocks/*",))):
        opened = open_source(module).cost_graph(x, training=True)
        assert training_cost(opened, replace(sharded, checkpointing=patterns)).bytes == real


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("module", "x"),
    [
        (Pairs, Spec((2, 16))),
        (Pairs, Spec((64, 16))),
        (lambda: nn.Sequential(*[Scaled() for _ in range(4)]), Spec((2, 16))),
        (lambda: nn.Sequential(*[nn.Linear(16, 16) for _ in range(8)]), Spec((4, 16))),
        (lambda: nn.Sequential(*[nn.Linear(16, 16) for _ in range(30)]), Spec((64, 16))),
        (Language, Spec((2, 9), "int64")),
        (pyramid, Spec((2, 3, 16, 16))),
    ],
    ids=["pairs of two rows", "pairs of many", "nested", "deep", "deep and many", "blocks", "pyramid"],
)
def test_a_training_step_of_one_of_four_ranks(module, x, four_ranks):
    opened = open_source(module()).cost_graph(x, training=True)
    found = training_cost(opened, Training("sgd", ranks=4, parallel=Parallel.fsdp))
    assert found.bytes == sharded_step(module, x, four_ranks)


LIMITED = """
import resource, sys, torch
from layercli import layers, ops
from layercli.core.spec import Spec
from layercli.inspect.cost import cost
from layercli.inspect.fit import fit
from layercli.sources import open as open_source

class Net(layers.Layer):
    def call(self, inputs):
        return ops.exp(ops.tanh(inputs))

LENGTH, CAPACITY = 1 << 22, 512 << 20  # 16 MiB for each tensor of one item
model = Net()
opened = open_source(model).cost_graph(Spec((1, LENGTH)))
most = fit(cost(opened.graph, at=opened.at), CAPACITY).largest["B"]
torch.set_num_threads(1)
model(torch.zeros(1, LENGTH))
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + CAPACITY, resource.RLIM_INFINITY))

def runs(batch):
    try:
        with torch.inference_mode():
            model(torch.zeros(batch, LENGTH))
    except (MemoryError, RuntimeError):
        return False
    return True

print(most, runs(most), runs(most + 1))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of addresses is Linux's")
def test_the_largest_batch_fits_and_one_more_does_not():
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("10 True False\n", "")
