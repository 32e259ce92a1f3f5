"""A fused model gives what the model gives, from fewer kernels; the model itself stays as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from layercli import Input, Model, Sequential, layers, ops
from layercli.errors import UsageError
from layercli.models.resnet import ResNet50, ResnetIdentityBlock
from layercli.models.transformer import EncoderBlock
from layercli.ops.core import kernel_overrides
from layercli.runtime.inference import onednn_kernels
from layercli.runtime.inference.graph_fusion import FusedModel, FusionStats, fused
from tests.keras_parity import close, keras, randomized


def fold(model, x, *, kernels=True):
    """Compare a model with itself fused; return what was folded, and the names of the operations left."""
    with torch.inference_mode():
        expected = model(x)
    before = {name: value.clone() for name, value in getattr(model, "module", model).state_dict().items()}
    made, folds = fused(model, x, "model", kernels=kernels)
    given = x.clone()
    with torch.inference_mode():
        close(made(given), expected)
        close(made(given), expected)
    assert torch.equal(given, x)
    after = getattr(model, "module", model).state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    called = [node.target for node in made.graph.nodes if node.op == "call_function"]
    return folds, [name for target in called if (name := name_of(target)) != "getitem"]


def name_of(target):
    """The name of an operator after its library's, or of a function."""
    return target.name().partition("::")[2] if hasattr(target, "name") else target.__name__


def stack(first, *rest):
    return Sequential([first, layers.BatchNormalization(), *rest])


CONVOLUTIONS = [
    (lambda: layers.Conv1D(6, 3, strides=2, padding="causal"), (2, 9, 4)),
    (lambda: layers.Conv2D(6, 3, padding="same"), (2, 7, 8, 4)),
    (lambda: layers.Conv2D(6, (2, 3), strides=2, use_bias=False, groups=2), (2, 7, 8, 4)),
    (lambda: layers.Conv2D(6, 3, dilation_rate=2), (2, 7, 8, 4)),
    (lambda: layers.Conv3D(6, 2, padding="same"), (2, 4, 5, 6, 4)),
    (lambda: layers.DepthwiseConv1D(3, depth_multiplier=2), (2, 9, 4)),
    (lambda: layers.DepthwiseConv2D(3, depth_multiplier=2), (2, 7, 8, 4)),
    (lambda: layers.SeparableConv1D(6, 3), (2, 9, 4)),
    (lambda: layers.SeparableConv2D(6, 3), (2, 7, 8, 4)),
    (lambda: layers.Conv1DTranspose(6, 3, strides=2), (2, 9, 4)),
    (lambda: layers.Conv2DTranspose(6, 3, strides=2, padding="same"), (2, 5, 6, 4)),
    (lambda: layers.Conv3DTranspose(6, 2, strides=2), (2, 3, 4, 5, 4)),
    (lambda: layers.Dense(6), (5, 4)),
    (lambda: layers.Dense(6, use_bias=False), (5, 3, 4)),
    (lambda: layers.EinsumDense("ab,bc->ac", 6, bias_axes="c"), (5, 4)),
]


@pytest.mark.parametrize(("make", "shape"), CONVOLUTIONS)
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_a_normalization_goes_into_the_layer_before_it(make, shape, activation):
    model = stack(make(), layers.Activation(activation))
    x = torch.randn(shape)
    model(x)
    randomized(model)
    folds, left = fold(model, x)
    assert (folds.normalizations, folds.of_normalizations) == (1, 1)
    assert "batch_norm" not in left


def drawn(model, x):
    """Return a model called once, with values that make a difference in every variable."""
    model(x)
    if isinstance(model, nn.Module):
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                for value in (module.weight, module.bias, module.running_mean, module.running_var):
                    if value is not None:
                        nn.init.uniform_(value, 0.5, 1.5)
        return model.eval()
    randomized(model)
    return model


def test_a_residual_block_is_three_kernels():
    model = ResnetIdentityBlock(3, (4, 4, 8))
    x = torch.randn(2, 6, 5, 8)
    folds, left = fold(drawn(model, x), x)
    assert folds == FusionStats(3, 3, 3, 1)
    kernels = [name for name in left if name != "permute"]
    assert kernels == ["_convolution_pointwise", "_convolution_pointwise", "_convolution_pointwise.binary"]
    folds, left = fold(model, x, kernels=False)
    assert folds == FusionStats(3, 3, 2, 0)
    assert "batch_norm" not in left


def test_every_layer_of_resnet50_is_folded():
    model = ResNet50(classes=3)
    x = torch.randn(1, 32, 32, 3)
    folds, left = fold(drawn(model, x), x)
    assert folds == FusionStats(53, 53, 49, 16)
    assert left.count("_convolution_pointwise_.binary") == 16  # over the shortcut, which nothing else needs any more
    assert not {"batch_norm", "relu_", "relu", "add", "add_.Tensor"} & set(left)


def test_an_encoder_block_is_four_products(library):
    model = EncoderBlock(8, 2, 12)
    x = torch.randn(2, 5, 8)
    folds, left = fold(drawn(model, x), x)
    assert folds == FusionStats(0, 0, 1, 2)
    product, summed = {
        "oneDNN": (["_linear_pointwise"], ["_linear_pointwise.binary"]),
        "MKL": (["_mkl_linear"], ["_mkl_linear", "add_.Tensor"]),
    }[library]
    activated = [*product, "relu_"] if library == "MKL" else product
    assert [name for name in left if name not in ("reshape", "permute", "flatten.using_ints")] == [
        *product, "split_with_sizes", "scaled_dot_product_attention", *summed, "layer_norm", *activated, *summed, "layer_norm",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "shape"),
    [(lambda: layers.Dense(6), (4,)), (lambda: layers.Conv2D(3, 3), (6, 6, 3))],
    ids=["Dense", "Conv2D"],
)
def test_a_product_plus_itself_is_a_sum_after_it(make, shape, library):
    x = Input(shape)
    y = make()(x)
    folds, _ = fold(drawn(Model(x, y + y), torch.randn(2, *shape)), torch.randn(2, *shape))
    assert folds.sums == 0


@pytest.mark.parametrize(
    "activation", ["relu", "gelu", "sigmoid", "tanh", "silu", "hard_sigmoid", "relu6", "leaky_relu"]
)
def test_an_activation_goes_into_the_product_before_it(activation, library):
    model = Sequential([layers.Dense(6), layers.Activation(activation), layers.Dense(3, use_bias=False)])
    x = torch.randn(5, 4)
    folds, left = fold(drawn(model, x), x)
    assert folds == FusionStats(0, 0, 1, 0)
    if library == "oneDNN":
        assert left == ["_linear_pointwise", "_linear_pointwise"]
    else:
        assert left[0] == left[-1] == "_mkl_linear"


def test_an_lstm_reads_its_weights_packed():
    model = Sequential([layers.LSTM(5, return_sequences=True), layers.Bidirectional(layers.LSTM(4))])
    x = torch.randn(2, 7, 3)
    made, _ = fused(drawn(model, x), x, "model", kernels=True)
    with torch.inference_mode():
        close(made(x), model(x))
    assert [node.target for node in made.graph.nodes].count(onednn_kernels.recurred) == 3


def test_other_recurrences_stay():
    model = Sequential([layers.LSTM(5, return_sequences=True, use_bias=False), layers.GRU(3)])
    x = torch.randn(2, 7, 3)
    _, left = fold(drawn(model, x), x)
    assert {"lstm.input", "gru.input"} <= set(left)


def test_a_torch_lstm_of_two_layers_stays():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(3, 4, 2, batch_first=True)

        def forward(self, x):
            return self.lstm(x)[0]

    x = torch.randn(2, 7, 3)
    _, left = fold(Two().eval(), x)
    assert "lstm.input" in left


def test_small_products_and_those_there_is_no_room_for_are_torchs(monkeypatch):
    model = Sequential([layers.Dense(6, activation="relu")])
    x = torch.randn(5, 4)
    _, left = fold(drawn(model, x), x)
    assert left == ["linear", "relu_"]
    monkeypatch.setattr(kernel_overrides, "LARGE", 1)
    monkeypatch.setattr(onednn_kernels.MemoryBudget, "take", lambda self, weight: False)
    _, left = fold(model, x)
    assert left == ["linear", "relu_"]


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.second = nn.Sequential(nn.Conv2d(8, 8, 3, padding="same", bias=False), nn.BatchNorm2d(8))
        self.up = nn.Sequential(nn.ConvTranspose2d(8, 6, 2, 2, groups=2), nn.BatchNorm2d(6, affine=False), nn.SiLU())
        self.head = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU6())

    def forward(self, x):
        x = self.first(x)
        x = torch.relu(self.second(x) + x)
        return {"classes": self.head(self.up(x).mean((2, 3))), "image": x}


def test_torch_modules_are_folded_alike():
    x = torch.randn(2, 3, 8, 8)
    _, folds = fused(drawn(Plain(), x), x, "Plain", kernels=True)
    assert folds == FusionStats(4, 4, 4, 1)


@pytest.mark.parametrize("kernels", [True, False])
def test_outputs_of_torch_modules_stay(kernels):
    x = torch.randn(2, 3, 8, 8)
    model = drawn(Plain(), x)
    with torch.inference_mode():
        expected = model(x)
    made, _ = fused(model, x, "Plain", kernels=kernels)
    with torch.inference_mode():
        given = made(x)
    assert list(given) == ["classes", "image"]
    for name, value in given.items():
        close(value, expected[name])


class Seen(nn.Module):
    """What is between is looked at again: not one may be fused away."""

    def __init__(self, how):
        super().__init__()
        self.conv, self.norm, self.how = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), how

    def forward(self, x):
        return getattr(self, self.how)(x)

    def before(self, x):
        y = self.conv(x)
        return self.norm(y) + y.mean()

    def over(self, x):
        y = self.conv(x)
        z = torch.relu_(y[:, :1])
        return y * 2, z

    def shortcut(self, x):
        shortcut = x * 2
        y = self.conv(x)
        shortcut += y
        return torch.relu(shortcut), shortcut

    def written(self, x):
        x = x * 1
        y = self.conv(x)
        x.mul_(3)
        return torch.relu(y) + x

    def added_first(self, x):
        y = self.conv(x)
        z = torch.tanh(self.conv(y) + y)
        return z, y.view(-1)

    def batch(self, x):
        return nn.functional.batch_norm(self.conv(x), None, None, training=True)


@pytest.mark.parametrize("how", ["before", "over", "shortcut", "written", "added_first", "batch"])
@pytest.mark.parametrize("kernels", [True, False])
def test_what_is_seen_in_between_is_left(how, kernels):
    x = torch.randn(2, 3, 5, 5)
    model = drawn(Seen(how), x)
    with torch.inference_mode():
        expected = model(x.clone())
    made, folds = fused(model, x, "Seen", kernels=kernels)
    given = x.clone()
    with torch.inference_mode():
        found = made(given)
    assert folds.normalizations == 0
    assert torch.equal(given, x)
    for ours, theirs in zip(*(y if isinstance(y, tuple) else (y,) for y in (found, expected)), strict=True):
        close(ours, theirs)


def test_other_shapes_are_traced_anew():
    model = drawn(ResnetIdentityBlock(3, (4, 4, 8)), torch.randn(1, 6, 5, 8))
    call = FusedModel(model, "block")
    with torch.inference_mode():
        for shape in [(3, 6, 5, 8), (1, 6, 5, 8), (3, 4, 9, 8)]:
            x = torch.randn(shape)
            close(call(x), model(x))


def test_without_onednn_torch_does_it(monkeypatch):
    monkeypatch.setattr(onednn_kernels, "available", lambda: False)
    model = ResnetIdentityBlock(3, (4, 4, 8))
    x = torch.randn(2, 6, 5, 8)
    folds, left = fold(drawn(model, x), x)
    assert folds == FusionStats(3, 3, 2, 0)
    assert not any("pointwise" in name for name in left)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_dtypes_are_folded_too(dtype):
    model = stack(layers.Conv2D(6, 3), layers.ReLU())
    x = torch.randn(2, 7, 8, 4)
    drawn(model, x)
    with torch.inference_mode():
        expected = model(x)
        from layercli.runtime.inference.prepared_model import recast

        recast(model, str(dtype).removeprefix("torch."))
        made, folds = fused(model, x.to(dtype), "model", kernels=True)
        close(made(x.to(dtype)).float(), expected, 2e-6 if dtype is torch.float64 else 3e-2)
    assert folds.normalizations == 1


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        self.seen += 1
        return x * self.seen


class Branching(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


def test_what_no_graph_can_say_is_said():
    with pytest.raises(UsageError) as caught:
        fused(Counting(), torch.ones(3), "net", kernels=True)
    assert str(caught.value) == "net cannot be fused: it changes its own state when it runs (aten.add_.Tensor)"
    with pytest.raises(UsageError) as caught:
        fused(Branching(), torch.ones(3), "net", kernels=True)
    assert str(caught.value) == (
        "net cannot be fused: its computation depends on values of its input, and a graph knows only their shapes"
    )


def test_functional_models_and_shared_layers_are_folded():
    inputs = Input((6, 6, 3))
    conv, norm = layers.Conv2D(3, 3, padding="same"), layers.BatchNormalization()
    x = torch.randn(2, 6, 6, 3)
    y = ops.relu(norm(conv(inputs)))
    folds, _ = fold(drawn(Model(inputs, ops.relu(norm(conv(y)) + y)), x), x)
    assert folds == FusionStats(2, 2, 2, 1)


def test_the_same_numbers_as_keras():
    ours = stack(layers.Conv2D(6, 3, strides=2, padding="same"), layers.ReLU(), layers.Conv2D(4, 1))
    x = np.random.default_rng(0).standard_normal((2, 7, 8, 3)).astype("float32")
    drawn(ours, x)
    theirs = keras.Sequential(
        [
            keras.layers.Conv2D(6, 3, strides=2, padding="same"), keras.layers.BatchNormalization(), keras.layers.ReLU(),
            keras.layers.Conv2D(4, 1),
        ]
    )  # fmt: skip
    theirs.build(x.shape)
    theirs.set_weights(ours.get_weights())
    with torch.inference_mode():
        close(FusedModel(ours, "model")(torch.from_numpy(x)), theirs(x))
