"""Run in a process of its own, by test_devices: every part of the project on a CUDA device that torch takes for real.

The tensors have shapes, dtypes and devices and no values (torch's FakeTensorMode), so that a machine without a GPU
finds out where a tensor of the CPU meets one of the GPU. The device itself is preloaded. Prints a JSON object: each
check's complaint, or null.
"""

import inspect
import json
import logging
from contextlib import nullcontext

import numpy as np
import torch
from torch import nn
from torch._subclasses import FakeTensorMode

from layercli import Sequential, layers, losses, metrics, optimizers
from layercli.core import tree
from layercli.core.layer import Layer
from layercli.inspect.layer_call import default_inputs
from layercli.losses.loss import Loss
from layercli.ops.core.loops import While
from layercli.ops.experts import ExpertFeedForward
from layercli.ops.sample_inputs import all_cases
from layercli.runtime.analysis import comparison
from layercli.runtime.execution import layer_module, tensors
from layercli.runtime.inference.forward_pass import run
from layercli.runtime.inference.prepared_model import RunSettings, prepare
from layercli.runtime.training import fit_command, lazy_logs
from layercli.runtime.training.data_adapters import source_of
from layercli.runtime.training.trainer import trainer_of
from layercli.sources.resolve import resolve

SETTINGS = {
    "units": 4, "filters": 4, "kernel_size": 3, "rate": 0.5, "stddev": 0.1, "n": 2, "dims": (2, 1), "scale": 2.0,
    "input_dim": 50, "output_dim": 3, "num_heads": 2, "key_dim": 3, "head_dim": 2, "num_query_heads": 4,
    "num_key_value_heads": 2, "equation": "abc,cd->abd", "output_shape": (None, 3), "activation": "relu",
    "output_size": 2, "pool_size": 2, "target_shape": (30,), "axes": 1, "height": 4, "width": 4, "factor": 0.2,
    "height_factor": 0.2, "width_factor": 0.2, "function": torch.square,
}  # fmt: skip
"""What a layer gets for a setting without a default."""

OWN = {
    "InputLayer": {"shape": (5, 6)},
    "CategoryEncoding": {"num_tokens": 4},
    "Discretization": {"bin_boundaries": [-1.0, 0.0, 1.0]},
    "Pipeline": {"layers": [layers.Rescaling(2.0), layers.Dense(4)]},
    "RandomPosterization": {"factor": 4},
    "STFTSpectrogram": {"frame_length": 4, "frame_step": 2, "fft_length": 4},
    "MelSpectrogram": {"fft_length": 8, "sequence_stride": 4, "num_mel_bins": 2, "sampling_rate": 100, "min_freq": 1.0},
}
"""What else some layers cannot do without."""

NOT_HERE = (
    Layer, layers.Wrapper, layers.TorchModuleWrapper, layers.MaxNumBoundingBoxes,
    layers.StringLookup, layers.IntegerLookup, layers.TextVectorization, layers.Hashing, layers.HashedCrossing,
)  # fmt: skip
"""Two that compute nothing themselves, one that takes boxes alone, and those that read values on the host: there are none."""

SEQUENCE, IMAGE, VOLUME, FLAT = (2, 5, 6), (2, 8, 8, 6), (2, 8, 8, 8, 6), (2, 6)
SHAPES = {
    **dict.fromkeys(["RepeatVector", "LSTMCell", "GRUCell", "SimpleRNNCell", "StackedRNNCells"], FLAT),
    "Embedding": (2, 5),
    **{f"ConvLSTM{axes}D": (2, 3, *(8,) * axes, 6) for axes in (1, 2, 3)},
    **dict.fromkeys(["CenterCrop", "Resizing"], IMAGE),
    **{
        f"Random{what}": IMAGE for what in ("Flip", "Crop", "Translation", "Rotation", "Zoom", "Contrast", "Brightness")
    },
    **dict.fromkeys(["RandomColorDegeneration", "RandomGrayscale", "RandomHue", "RandomSaturation"], (2, 8, 8, 3)),
    "STFTSpectrogram": (2, 32, 1),
    "MelSpectrogram": (2, 32),
    **dict.fromkeys(["Conv2DTranspose", "SeparableConv2D", "DepthwiseConv2D"], IMAGE),
}
"""The inputs of layers whose name does not say it."""

PAIRS = {"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot", "Attention",
         "AdditiveAttention"}  # fmt: skip
CELLS = {"LSTMCell": 2, "GRUCell": 1, "SimpleRNNCell": 1, "StackedRNNCells": 1}


class Mode(FakeTensorMode):
    """Every tensor is a fake, the smallest too, and the number that a program reads off one is 1."""

    avoid_device_init = True  # what torch sees to itself where it knows that there is no device

    def may_turn_const(self, tensor):
        return False

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.aten._local_scalar_dense.default:
            return {torch.bool: True}.get(args[0].dtype, 0.5 if args[0].is_floating_point() else 1)
        return super().__torch_dispatch__(function, types, args, kwargs)


def main():
    """Print what every check has to say."""
    logging.disable(logging.ERROR)  # torch's own account of what fails under the mode
    stand_in()
    found = {}
    for kind, name, check in (*operations(), *each_layer(), *each_model(), *training(), *commands(), *controls()):
        with Mode(allow_non_fake_inputs=True):
            try:
                check()
                found[f"{kind} {name}"] = None
            except Exception as error:
                found[f"{kind} {name}"] = f"{type(error).__name__}: {error}"
    print(json.dumps(found))


def stand_in():
    """Put a device there, and something in the place of what looks at values, of which there are none."""
    torch.cuda._lazy_init = lambda: None
    torch.cuda.is_available = lambda: True
    torch.cuda.device_count = lambda: 1
    torch.cuda.default_generators = (torch.Generator(),)
    torch.cuda.get_rng_state = lambda device: torch.empty(16, dtype=torch.uint8)
    torch.cuda.set_rng_state = lambda state, device: None
    drawn = layer_module.drawn
    layer_module.drawn = lambda variable, path: vacant(drawn(variable, path), "cpu")
    nn.Module.to = moved
    Loss.check = lambda *given: None
    lazy_logs.number = lambda value: require_gpu(value) or 0.0
    tensors.to_numpy = lambda tensor, order=None: np.zeros(tuple(tensor.shape), "float32")


def moved(module, device):
    """Move a module as torch does, whose own way would swap tensors that the mode keeps an eye on."""
    for part in module.modules():
        for name, held in part._parameters.items():
            if held is not None:
                part._parameters[name] = nn.Parameter(vacant(held, device), held.requires_grad)
        for name, held in part._buffers.items():
            if held is not None:
                part._buffers[name] = vacant(held, device)
    return module


def vacant(held, device):
    """Return a tensor like another, elsewhere; its value would be carried along by the mode, onto a device that has none."""
    return torch.empty(held.shape, dtype=held.dtype, device=device)


def on_gpu(value):
    """Return an array, or a Spec's shape, as a tensor on the device."""
    return torch.from_numpy(np.asarray(value)).to("cuda")


def require_gpu(values):
    """Complain of a tensor elsewhere; a lone number may be anywhere."""
    for x in tree.flatten(values):
        if isinstance(x, torch.Tensor) and x.ndim and not x.is_cuda:
            raise AssertionError(f"a result is on {x.device}")


def backward(outputs, wanted):
    """Differentiate the outputs, and complain of a gradient elsewhere."""
    smooth = [y for y in tree.flatten(outputs) if isinstance(y, torch.Tensor) and y.requires_grad]
    if smooth:
        torch.autograd.backward([y.sum() for y in smooth])
    require_gpu([x.grad for x in wanted if x.grad is not None])


def operations():
    """Every case of every operation, forward and backward; those whose sizes follow from values are left out."""
    for case in all_cases():
        if (isinstance(case.op, While) and case.op.most is None) or isinstance(case.op, ExpertFeedForward):
            continue
        yield "operation", case.name, lambda case=case: operation(case)


def operation(case):
    inputs = [on_gpu(x) if hasattr(x, "dtype") else x for x in case.arrays()]
    wanted = [
        x.requires_grad_()
        for place, x in enumerate(inputs)
        if case.differentiable and isinstance(x, torch.Tensor) and x.is_floating_point() and place not in case.constants
    ]
    beside = any(isinstance(x, torch.Tensor) for x in inputs)
    with nullcontext() if beside else torch.device("cuda"):  # as the mirror does for what is made of settings alone
        outputs = case.op.run(*inputs)
    require_gpu(outputs)
    backward(outputs, wanted)


def each_layer():
    """Every layer, made on the CPU, moved, and trained."""
    for name in layers.MODULES:
        kind = getattr(layers, name)
        if isinstance(kind, type) and kind not in NOT_HERE:
            yield "layer", name, lambda kind=kind: layer(kind)


def layer(kind):
    made = made_layer(kind)
    inputs = inputs_of(kind.__name__)
    call = (lambda x: made(*x)) if isinstance(inputs, tuple) else made
    call(inputs)  # builds it where it is
    if made._module is not None:
        made.module.to("cuda")
    given = tree.map_structure(lambda x: x.to("cuda"), inputs)
    if made._module is not None:
        made.module.train()
    outputs = call(given)
    require_gpu(outputs)
    backward(outputs, list(made._module.parameters()) if made._module is not None else [])


def made_layer(kind):
    """Return a layer with what it cannot do without; one that draws, from a stream of its own."""
    if kind in (layers.RNN, layers.StackedRNNCells):
        cells = [layers.LSTMCell(4), layers.GRUCell(4)]
        return kind(cells if kind is layers.StackedRNNCells else layers.StackedRNNCells(cells))
    if kind is layers.Bidirectional:
        return kind(layers.LSTM(4, return_sequences=True))
    if kind in (layers.TimeDistributed, layers.SpectralNormalization):
        return kind(layers.Dense(4))
    needed = [key for key, default in kind._fields.items() if default is inspect.Parameter.empty]
    settings = OWN.get(kind.__name__) or {key: SETTINGS[key] for key in needed}
    settings |= {key: value for key, value in {"seed": 3, "groups": 2}.items() if key in kind._fields}
    return kind(**settings)


def inputs_of(name):
    """Return what the layer of that name takes, on the CPU."""
    if name in ("MultiHeadAttention", "GroupedQueryAttention"):
        return (torch.empty(SEQUENCE), torch.empty(SEQUENCE))
    if name in CELLS:
        states = [torch.empty(2, 4) for _ in range(CELLS[name])]
        if name == "StackedRNNCells":
            states = [[torch.empty(2, 4), torch.empty(2, 4)], [torch.empty(2, 4)]]
        return (torch.empty(FLAT), states)
    by_rank = {"1": SEQUENCE, "2": IMAGE, "3": VOLUME}
    digits = [digit for digit in by_rank if f"{digit}D" in name]
    shape = SHAPES.get(name, by_rank[digits[0]] if digits else SEQUENCE)
    if name in ("Embedding", "ReversibleEmbedding", "CategoryEncoding"):
        return torch.zeros(shape, dtype=torch.int32)
    if name == "Dot":
        return [torch.empty(FLAT), torch.empty(FLAT)]
    return [torch.empty(shape), torch.empty(shape)] if name in PAIRS else torch.empty(shape)


def each_model():
    """Every named model."""
    for name in ("resnet-block", "lenet", "transformer-encoder", "decoder"):
        yield "model", name, lambda name=name: model(name)


def model(name):
    made = resolve(name).model
    spec = default_inputs(made)
    x = torch.empty([size if isinstance(size, int) else 2 for size in spec.shape], dtype=getattr(torch, spec.dtype))
    made(x)
    made.module.to("cuda")
    made.module.train()
    outputs = made(x.to("cuda"))
    require_gpu(outputs)
    backward(outputs, list(made.module.parameters()))


def training():
    """A step with every loss, metric and optimizer."""
    for name in losses.__all__:
        if isinstance(kind := getattr(losses, name), type) and name not in ("Loss", "FunctionLoss"):
            yield "loss", name, lambda kind=kind: step("adam", kind(), [])
    for name in metrics.__all__:
        if isinstance(kind := getattr(metrics, name), type) and name not in ("Metric", "MeanMetricWrapper"):
            yield "metric", name, lambda kind=kind: measured(kind)
    for name in optimizers.__all__:
        kind = getattr(optimizers, name)
        if isinstance(kind, type) and name not in ("Optimizer", "MultiOptimizer", "OptimizerMap"):
            yield "optimizer", name, lambda kind=kind: optimized(kind)
    yield (
        "optimizer",
        "with all its settings",
        lambda: step(
            optimizers.AdamW(
                global_clipnorm=1.0, use_ema=True, ema_overwrite_frequency=1, gradient_accumulation_steps=2
            )
        ),
    )
    yield "training", "with weights, masks and regularizers", masked


def optimized(kind):
    step(kind(optimizers.Adam()) if kind is optimizers.LossScaleOptimizer else kind())


def measured(kind):
    needed = {
        "MeanIoU": {"num_classes": 3}, "IoU": {"num_classes": 3, "target_class_ids": [0]},
        "OneHotIoU": {"num_classes": 3, "target_class_ids": [0]}, "OneHotMeanIoU": {"num_classes": 3},
        "PrecisionAtRecall": {"recall": 0.5}, "RecallAtPrecision": {"precision": 0.5},
        "SensitivityAtSpecificity": {"specificity": 0.5}, "SpecificityAtSensitivity": {"sensitivity": 0.5},
    }  # fmt: skip
    metric = kind(**needed.get(kind.__name__, {}))
    weights = torch.empty(4, device="cuda")
    if kind in (metrics.Mean, metrics.Sum):
        metric.update_state(torch.empty(4, device="cuda"), weights)
    else:
        ids = kind.__name__.startswith("Sparse") or kind in (metrics.MeanIoU, metrics.IoU)
        predicted = torch.empty(4, 3, device="cuda")
        true = torch.zeros(4, dtype=torch.int64, device="cuda") if ids else torch.empty(4, 3, device="cuda")
        if kind is metrics.BinaryIoU:
            weights = None
        if kind in (metrics.MeanIoU, metrics.IoU, metrics.Accuracy):
            predicted = true = torch.zeros(4, dtype=torch.int64, device="cuda")
        metric.update_state(true, predicted, weights)
    require_gpu([metric.result(), metric.state])
    metric.reset_state()


def step(optimizer, loss="mse", measured=("mae",)):
    """Take two steps of a model whose variables are of several ranks."""
    made = Sequential([layers.Conv1D(4, 3), layers.GlobalMaxPooling1D(), layers.Dense(3, activation="softmax")])
    made.compile(optimizer, loss, metrics=list(measured))
    x, y = torch.empty(4, 6, 5), torch.empty(4, 3)
    if isinstance(
        loss, losses.SparseCategoricalCrossentropy | losses.Circle | losses.CategoricalGeneralizedCrossEntropy
    ):
        y = torch.zeros(4, dtype=torch.int64)
    if isinstance(loss, losses.CTC):
        y, made = torch.zeros(4, 2, dtype=torch.int64), Sequential([layers.Dense(7)])
        made.compile(optimizer, loss)
    made(x)
    trained(made, x, y, None)


def trained(made, x, y, weight):
    """Move a model that is built, and train it."""
    made.module.to("cuda")
    trainer_of(made, "fit").prepare()
    made.module.train()
    for _ in range(2):
        found = made.train_step(tree.map_structure(lambda x: None if x is None else x.to("cuda"), (x, y, weight)))
        assert dict(found)  # which requires that every figure is on the device
    require_gpu([tensor for _, tensor in made.optimizer.entries if tensor.ndim])
    made.module.eval()
    assert dict(made.test_step(tree.map_structure(lambda x: None if x is None else x.to("cuda"), (x, y, weight))))


def masked():
    made = Sequential([
        layers.Embedding(9, 4, mask_zero=True, embeddings_regularizer="l2"), layers.Dropout(0.5, seed=2),
        layers.LSTM(4, return_sequences=True, activity_regularizer="l1"),
        layers.Dense(3, kernel_constraint="max_norm", activation="softmax"),
    ])  # fmt: skip
    made.compile("adam", "crossentropy", metrics=["accuracy"], weighted_metrics=["sparse_categorical_crossentropy"])
    x = torch.zeros(4, 6, dtype=torch.int64)
    made(x)
    trained(made, x, torch.zeros(4, 6, dtype=torch.int64), torch.empty(4, 6))


def commands():
    """What run, fit and evaluate do, from arrays to results."""
    yield (
        "command",
        "run",
        lambda: run(program_of("lenet"), np.zeros((2, 32, 32, 1), "float32"), layers="*", check=False),
    )
    yield (
        "command",
        "compare --with cuda",
        lambda: comparison.in_another_way(program_of("lenet", "cpu"), "cuda", np.zeros((2, 32, 32, 1), "float32")),
    )
    yield "command", "fit", fitted


def controls():
    """What has to be found."""
    yield "control", "a product of both", lambda: torch.empty(2, 2, device="cuda") @ torch.empty(2, 2)
    yield "control", "a result on the CPU", lambda: require_gpu([torch.empty(2)])
    x = torch.empty(2, device="meta")
    yield (
        "control",
        "a gradient's own mixture",
        lambda: Mixed.apply(vacant(x, "cuda").requires_grad_()).sum().backward(),
    )


class Mixed(torch.autograd.Function):
    """The identity, with a gradient that brings the CPU in."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * torch.empty(2)


def program_of(name, device="cuda"):
    x = np.zeros((2, 32, 32, 1), "float32")
    return prepare(resolve(name).subject, x, RunSettings(device=device))


def fitted():
    subject = resolve("lenet").trained()
    x, y = np.zeros((6, 32, 32, 1), "float32"), np.zeros(6, "int64")
    settings = fit_command.FitArguments("adam", "crossentropy", ("accuracy",), batch_size=4, device="cuda")
    made, report = fit_command.ready(subject, settings, source_of(x, y), "fit", print)
    assert report.device == "cuda:0"
    made.fit(x, y, 4, 2, verbose=0, validation_split=0.5, class_weight={0: 2.0})
    made.evaluate(x, y, 4, verbose=0)
    made.predict(x, 4, verbose=0)


if __name__ == "__main__":
    main()
