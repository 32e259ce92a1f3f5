"""What several ranks do together in tests/train/test_distributed.py, and one process does alone to compare with.

``ranks`` does every job in two of them, which leave what they found in the folder that it is given.
"""

from __future__ import annotations

import copy
import os
import sys
import traceback
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

import layercli
from layercli import Input, Model, Sequential, callbacks, distributed, distribution, layers, losses
from layercli.cli.main import run
from layercli.core import tree
from layercli.inspect.input_names import NamedInputs
from layercli.sources.resolve import resolve

RNG = np.random.default_rng(0)
X = RNG.standard_normal((41, 3)).astype("float32")
"""41 samples in batches of 8 leave one for the last batch: none for the second of two ranks."""
LABELS = RNG.integers(0, 2, 41)
WEIGHTS = RNG.random(41).astype("float32")
STEPS = RNG.integers(0, 5, (41, 6))


class TwoHeads(Model):
    """Two outputs, one of them without a loss, and penalties of every kind."""

    def setup(self):
        self.body = layers.Dense(4, kernel_regularizer="l2", activity_regularizer="l1")
        self.left = layers.Dense(2)
        self.right = layers.Dense(1)

    def call(self, x):
        x = self.body(x)
        return {"left": self.left(x), "right": self.right(x)}


def dense():
    return Sequential(
        [Input((3,)), layers.Dense(5, activation="relu", kernel_regularizer="l2"), layers.Dense(2)], name="dense"
    )


def masked():
    return Sequential(
        [Input((6,), dtype="int32"), layers.Embedding(5, 4, mask_zero=True), layers.LSTM(3), layers.Dense(2)],
        name="masked",
    )


def per_step():
    return Sequential(
        [Input((6,), dtype="int32"), layers.Embedding(5, 4, mask_zero=True), layers.Dense(2)], name="per_step"
    )


def normalized(**settings):
    norm = layers.BatchNormalization(synchronized=True, momentum=0.9, **settings)
    first = layers.Dense(
        5, use_bias=False
    )  # the gradient of a bias would be 0, and what adam makes of it a matter of rounding
    return Sequential([Input((3,)), first, norm, layers.ReLU(), layers.Dense(2)], name="normalized")


def normalized_steps():
    norm = layers.BatchNormalization(synchronized=True, momentum=0.9)
    embedding = layers.Embedding(5, 4, mask_zero=True)
    return Sequential([Input((6,), dtype="int32"), embedding, norm, layers.Dense(2)], name="normalized_steps")


def half():
    return Sequential([Input((3,)), layers.Dense(5, dtype="mixed_bfloat16"), layers.Dense(2)], name="half")


def sparse(reduction="sum_over_batch_size", **settings):
    return losses.SparseCategoricalCrossentropy(from_logits=True, reduction=reduction, **settings)


SAME_STEPS = np.repeat(LABELS[:, None], 6, 1)
TRAININGS = {
    "plain": (dense, X, LABELS, {"loss": sparse(), "metrics": ["accuracy"]}, {}),
    "sum": (dense, X, LABELS, {"loss": sparse("sum"), "optimizer": "sgd"}, {}),
    "weights": (dense, X, LABELS, {"loss": sparse(), "weighted_metrics": ["accuracy"]}, {"sample_weight": WEIGHTS}),
    "mean of weights": (
        dense, X, LABELS, {"loss": sparse("mean_with_sample_weight")}, {"sample_weight": WEIGHTS, "shuffle": False},
    ),
    "ignored": (dense, X, LABELS, {"loss": sparse(ignore_class=1)}, {}),
    "classes": (dense, X, LABELS, {"loss": sparse()}, {"class_weight": {0: 3.0}}),
    "masks": (per_step, STEPS, SAME_STEPS, {"loss": sparse(), "metrics": ["accuracy"]}, {}),
    "embedding and lstm": (masked, STEPS, LABELS, {"loss": sparse()}, {"validation_split": 0.25}),
    "accumulation": (dense, X, LABELS, {"loss": sparse(), "gradient_accumulation": 3}, {}),
    "clipping": (dense, X, LABELS, {"loss": sparse(), "optimizer": layercli.optimizers.SGD(1.0, global_clipnorm=0.1)}, {}),
    "several outputs": (
        lambda: TwoHeads(name="heads"), X, {"left": LABELS, "right": X[:, :1]}, {"loss": {"left": sparse()}}, {},
    ),
    "auc": (dense, X, X[:, :2], {"loss": "mse", "metrics": ["r2_score", "mae"]}, {"validation_data": (X[:1], X[:1, :2])}),
    "synchronized": (normalized, X, LABELS, {"loss": sparse()}, {}),
    "synchronized and renormalized": (lambda: normalized(renorm=True), X, LABELS, {"loss": sparse()}, {}),
    "synchronized and masked": (normalized_steps, STEPS, SAME_STEPS, {"loss": sparse()}, {}),
    "bfloat16": (half, X, LABELS, {"loss": sparse()}, {}),
}  # fmt: skip

SHARDED = (
    "synchronized",
    "plain",
    "weights",
    "masks",
    "embedding and lstm",
    "accumulation",
    "clipping",
    "several outputs",
)


def train(name, shard=False):
    """Return what training comes to: the weights in one row, the logs, and an evaluation."""
    make, x, y, settings, more = TRAININGS[name]
    layercli.random.set_seed(0)
    model = make()
    model.compile(**{"optimizer": "adam", **copy.deepcopy(settings)})
    if shard:
        distributed.shard(model, x[:2])
    history = model.fit(x, y, batch_size=8, epochs=2, verbose=0, **more).history
    return {
        "weights": np.concatenate([each.ravel() for each in model.get_weights()]),
        "logs": np.array([history[key] for key in sorted(history)]),
        "evaluated": np.array(model.evaluate(x, y, batch_size=8)),
    }


LAID_OUT = ("plain", "embedding and lstm", "clipping", "several outputs", "synchronized")
LAYOUTS = {
    ".*(dense|body|left|embedding)[^/]*/(kernel|embeddings)": (None, "model"),
    ".*lstm_cell/.*kernel": ("model", None),
    ".*(dense|body)[^/]*/bias": ("model",),
}


def laid_out(name, batch, model):
    """Return what training comes to on a mesh of ``batch`` by ``model`` devices, and how many values of its variables are here."""
    layouts = distribution.LayoutMap(distribution.DeviceMesh((batch, model), ["batch", "model"]))
    for pattern, axes in LAYOUTS.items():
        layouts[pattern] = axes
    with distribution.ModelParallel(layout_map=layouts).scope():
        return train(name)


def replicated():
    """Return what training comes to under a DataParallel of all devices, and on each rank's own half of the samples."""
    distribution.set_distribution(distribution.DataParallel())
    found = train("plain")
    distribution.distribution().auto_shard_dataset = False
    layercli.random.set_seed(0)
    model = dense()
    model.compile("sgd", sparse())
    half = slice(distributed.rank(), 16, 2)
    model.fit(X[half], LABELS[half], batch_size=8, verbose=0)
    distribution.set_distribution(None)
    return {**found, "own halves": np.concatenate([each.ravel() for each in model.get_weights()])}


def divided():
    """Return a tensor's part on this rank, and what stands for devices and layouts."""
    mesh = distribution.DeviceMesh((1, 2), ("batch", "model"))
    part = distribution.distribute_tensor(X, distribution.TensorLayout((None, "model"), mesh))
    model = dense()
    layouts = distribution.LayoutMap(mesh)
    layouts[".*/kernel"] = (None, "model")
    with distribution.ModelParallel(layout_map=layouts).scope():
        model.compile("adam", sparse())
        model.fit(X, LABELS, batch_size=8, verbose=0)
    return {
        "part": part.to_local().numpy(),
        "devices": np.array(distribution.list_devices("cpu")),
        "values": np.array(sum(parameter.to_local().numel() for parameter in model.module.parameters())),
        "predicted": model.predict(X[:3], verbose=0),
        "by layer": model.layers[0](X[:3]).detach().numpy(),
        **{f"weight{number}": each for number, each in enumerate(model.get_weights())},
    }


def whole(name):
    """Return a model of the project, small and without dropout, and four inputs."""
    layercli.random.set_seed(0)
    noise = torch.Generator().manual_seed(1)
    if name == "shared":
        inputs, shared = Input((4,)), layers.Dense(4)
        return Model(inputs, shared(shared(inputs))), torch.randn(4, 4, generator=noise)
    if name == "attention":
        tokens = Input((5,), dtype="int32")
        x = layers.Embedding(7, 8)(tokens)
        return Model(tokens, layers.MultiHeadAttention(2, 4)(x, x)), torch.randint(0, 7, (4, 5), generator=noise)
    from layercli.models import basics, lstm, resnet, transformer

    made = {
        "resnet-block": (lambda: resnet.ResnetIdentityBlock(3, (4, 4, 3)), (4, 5, 5, 3)),
        "bottleneck": (lambda: resnet.Bottleneck(4, project=True), (4, 5, 5, 3)),
        "transformer-encoder": (lambda: transformer.TransformerEncoder(2, 8, 2, 16, dropout=0.0), (4, 5, 8)),
        "lstm": (lambda: lstm.LSTMClassifier(8, 6, 3), (4, 5, 8)),
        "mlp": (lambda: basics.MLP(units=3, features=6), (4, 6)),
    }
    make, shape = made[name]
    return make(), torch.randn(shape, generator=noise)


WHOLE = ("resnet-block", "bottleneck", "transformer-encoder", "lstm", "mlp", "attention", "shared")
BY_LAYER = tuple(name for name in WHOLE if name != "bottleneck")
"""A bottleneck writes over what its layers gave, which torch's fully_shard of each of them does not allow."""


def gradients(name, how, rank):
    """Return how far the gradients of a whole model in plain PyTorch, wrapped, are from the mean of the halves' own."""
    model, x = whole(name)
    model(x)
    module, alone = model.module, copy.deepcopy(model).module
    expected = {}
    for part in (x[:2], x[2:]):
        alone.zero_grad()
        backward(alone.train(), part)
        for key, parameter in alone.named_parameters():
            expected[key] = expected.get(key, 0) + parameter.grad / 2
    if how == "fsdp":
        from torch.distributed.fsdp import fully_shard  # a second: not for what collects the tests of these jobs

        for layer in model.layers:
            if layer.variables:
                fully_shard(layer.module)
        wrapped = fully_shard(module)
    else:
        wrapped = DistributedDataParallel(module)
    backward(wrapped.train(), x[2 * rank : 2 * rank + 2])
    worst = 0.0
    for key, parameter in module.named_parameters():
        got = parameter.grad.full_tensor() if how == "fsdp" else parameter.grad
        worst = max(worst, float((got - expected[key]).abs().max() / (1e-6 + expected[key].abs().max())))
    return worst


def backward(module, x):
    tree.flatten(module(x))[0].square().mean().backward()


class StopOnOneRank(callbacks.Callback):
    """Asks for an end on the second rank alone, in the middle of the second epoch."""

    def on_train_batch_end(self, batch, logs=None):
        if distributed.rank() == 1 and self.model.optimizer.iterations == 8:
            self.model.stop_training = True


def stopped(folder):
    """Return the epochs that a run of callbacks saw, its weights, and whether every rank could read its logs."""
    layercli.random.set_seed(0)
    model = dense()
    model.compile("adam", sparse(), metrics=["accuracy"])
    rows = []
    told = [
        StopOnOneRank(),
        callbacks.CSVLogger(folder / "log.csv"),
        callbacks.ModelCheckpoint(folder / "best.keras", monitor="loss", save_best_only=True),
        callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: rows.append(logs["loss"])),
    ]
    history = model.fit(X, LABELS, batch_size=8, epochs=9, verbose=0, callbacks=told)
    return {"epochs": np.array(history.epoch), "batches": np.array(rows), "loss": np.array(history.history["loss"])}


def patient():
    """Return the weights after training that EarlyStopping ends and ReduceLROnPlateau slows."""
    layercli.random.set_seed(0)
    model = dense()
    model.compile(layercli.optimizers.SGD(2.0), sparse())
    told = [
        callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True),
        callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1),
    ]
    history = model.fit(
        X, LABELS, batch_size=8, epochs=12, verbose=0, callbacks=told, validation_data=(X[:9], LABELS[:9])
    )
    return {
        "epochs": np.array(history.epoch),
        "weights": np.concatenate([each.ravel() for each in model.get_weights()]),
        "rate": np.array(model.optimizer.learning_rate),
    }


def saved(folder):
    """Train sharded, save together, and return the weights."""
    layercli.random.set_seed(0)
    model = dense()
    model.compile("adam", sparse())
    distributed.shard(model, X[:2])
    model.fit(X, LABELS, batch_size=8, epochs=1, verbose=0)
    distributed.save(model, folder / "shards")
    model.save_weights(folder / "whole.weights.h5")
    return {"weights": np.concatenate([each.ravel() for each in model.get_weights()])}


FAMILIES = (
    "llama-tied",
    "mixtral",
    "deepseek_v3",
    "phi3",
    "gpt2",
    "falcon-grouped",
    "bloom",
    "t5",
    "whisper",
    "clip",
    "siglip",
    "modernbert",
    "dinov2-classes",
    "mamba",
)
"""What ranks share: grouped heads, experts, latents, fused projections in every layout, position biases, vocabularies."""
ROWS = RNG.standard_normal((5, 784)).astype("float32")


def folder_of(family):
    return Path(__file__).parent.parent / "reference" / "families" / family


def shared(family):
    """Return the first output of a folder whose weights are shared, and its number of values on this rank."""
    source = resolve(str(folder_of(family)))
    with np.load(folder_of(family) / "expected.npz") as held:
        given = {key.removeprefix("input_"): held[key] for key in held if key.startswith("input_")}
    first, *others = [given.pop(name) for name in source.subject.model.required_inputs()]
    required = [first, *others] if others else first
    inputs = NamedInputs(required, given) if given else required
    program = source.prepare(inputs, shard=True)
    [(_, found), *_] = program.outputs(program.place(inputs))
    return {"found": found.numpy(), "values": np.array(sum(each.numel() for each in program.module.parameters()))}


def streamed(folder):
    """Let the command write the rows that the ranks compute in turn, of which the last two are of one rank."""
    np.save(folder / "rows.npy", ROWS) if distributed.rank() == 0 else None
    dist.barrier()
    files = ["--input", str(folder / "rows.npy"), "--output", str(folder / "streamed.npy")]
    assert run(["run", "mlp", *files, "--batch-size", "2", "-q"]) == 0


def main(folder):
    """Do every job and leave the results in ``rank0.npz`` and ``rank1.npz``."""
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", "FSDP2-wrapped module .* returned a view", UserWarning)  # nothing writes over one
    warnings.filterwarnings("ignore", "Grad strides do not match bucket view", UserWarning)  # a copy, of a 1x1 kernel
    found = {}

    def keep(name, results):
        found.update({f"{name}/{key}": value for key, value in results.items()})

    for name in TRAININGS:
        for way in ("ddp", "fsdp") if name in SHARDED else ("ddp",):
            keep(f"{name}/{way}", train(name, way == "fsdp"))
    for name in LAID_OUT:
        keep(f"{name}/layouts", laid_out(name, 1, 2))
    keep("replicated", replicated())
    keep("divided", divided())
    keep("stopped", stopped(folder))
    keep("patient", patient())
    keep("saved", saved(folder))
    for family in FAMILIES:
        keep(f"shared/{family}", shared(family))
    streamed(folder)
    for how, names in (("ddp", WHOLE), ("fsdp", BY_LAYER)):
        keep(f"gradients/{how}", {name: gradients(name, how, distributed.rank()) for name in names})
    np.savez(folder / f"rank{distributed.rank()}.npz", **found)
    dist.destroy_process_group()


def ranks(folder, port):
    """Do the jobs in two ranks with torchrun's environment, forked when all is imported; return how many failed."""
    import torch._dynamo  # noqa: F401 - once for both
    from torch.distributed import fsdp, tensor  # noqa: F401 - the same

    children = []
    for rank in range(2):
        child = os.fork()
        if child == 0:
            os.environ.update(WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
            os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank))
            status = 1
            try:
                main(folder)
                status = 0
            except Exception:
                traceback.print_exc()
            sys.stderr.flush()
            os._exit(status)  # at once: to free all of torch takes a second
        children.append(child)
    return sum(os.waitpid(child, 0)[1] != 0 for child in children)
