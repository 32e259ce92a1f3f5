"""The fit and evaluate commands: train or evaluate on data in files and report the result."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import field
from typing import Any

import torch

from layercli import losses, random
from layercli.callbacks.callback import Callback, Logs
from layercli.core.interactive_logging import messages_on_stderr
from layercli.core.model import Model
from layercli.core.types import JSONObject
from layercli.dataclass import dataclass
from layercli.errors import FileError, UsageError, listed
from layercli.formats.json_numbers import json_number
from layercli.formats.locks import locked
from layercli.inspect.model_loader import ModelSource
from layercli.render import progress
from layercli.runtime.distributed import collectives, distributed_checkpoint, fsdp, process_group
from layercli.runtime.distributed.process_group import Group
from layercli.runtime.execution import device as devices
from layercli.runtime.execution import eager_call, model_saving
from layercli.runtime.training import epoch_batches, training_loop
from layercli.runtime.training.data_adapters import ArrayAdapter
from layercli.runtime.training.dataset_files import AS_IT_IS, Reading, images_of, read
from layercli.runtime.training.logits_warning import logits_warning
from layercli.runtime.training.signal_handling import Interruption
from layercli.runtime.training.trainer import TrainingPosition, trainer_of
from layercli.saving import keras_file
from layercli.saving.deserialization import Reader
from layercli.saving.serialization import config_of

OPTIMIZER = "adam"
"""The default optimizer if neither the command nor the model's file names one."""


@dataclass(frozen=True)
class FitArguments:
    """The compile arguments and the device of both commands; None means: as in the model's file."""

    optimizer: str | None
    loss: str | None
    metrics: tuple[str, ...] = ()
    batch_size: int = epoch_batches.BATCH_SIZE
    device: str = "auto"
    seed: int = 0
    shard: bool = False
    jit_compile: bool = False
    threads: int | None = None


@dataclass
class FitReport:
    """The result of training or evaluation: the logs of each epoch (of the one evaluation), in order.

    Among several ranks, the one with ``first`` prints it. ``before`` is the number of epochs trained before resuming.
    """

    command: str
    model: str
    device: str
    parameters: int
    logs: list[dict[str, Any]] = field(default_factory=list)
    classes: list[str] | None = None
    saved: str | None = None
    interrupted: bool = False
    first: bool = True
    before: int | None = None

    @property
    def finite(self) -> bool:
        """Whether the last loss is finite."""
        return not self.logs or math.isfinite(self.logs[-1]["loss"])

    def to_json(self) -> JSONObject:
        """Return the document that ``--format json`` prints."""
        rows = [{name: json_number(value) for name, value in row.items()} for row in self.logs]
        own: dict[str, object] = {"schema": f"layercli.{self.command}/1", "model": self.model, "device": self.device}
        own["parameters"] = self.parameters
        if self.command == "evaluate":
            return {**own, **rows[0], "finite": self.finite}
        own["classes"] = self.classes
        return {**own, "epochs": rows, "finite": self.finite, "interrupted": self.interrupted, "saved": self.saved}


class CheckpointCallback(Callback):
    """Record every epoch, save after it, and stop if the loss is NaN; such weights are not saved."""

    def __init__(self, report: FitReport, save: str | None) -> None:
        self.report = report
        self.save = save

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Record the epoch, then save or stop."""
        self.report.logs.append({"epoch": epoch + 1, **(logs or {})})
        if self.report.finite:
            self.write()
        else:
            self.model.stop_training = True

    def write(self) -> None:
        """Save the model."""
        if self.save is not None:
            write(self.model, self.save)
            self.report.saved = self.save


def fit_file(
    subject: ModelSource,
    settings: FitArguments,
    data: str,
    *,
    reading: Reading = AS_IT_IS,
    validation: str | None = None,
    epochs: int = 1,
    save: str | None = None,
    resume: bool = False,
    force: bool = False,
    verbose: object = "auto",
    inform: Callable[[str], None] = lambda sentence: None,
) -> FitReport:
    """Train a model on the file ``data``, save after every epoch, and report; an interruption saves as well.

    ``resume`` continues from the file ``save``, if it exists, up to ``epochs`` in total; ``force`` writes over it. ``inform``
    receives warnings.
    """
    source = read(data, "fit", subject.model, reading)
    held = None if validation is None else read(validation, "fit", subject.model, reading)
    check_classes(data, source, validation, held)
    model, report = ready(subject, settings, source, "fit", inform)
    check_target(model, save, resume, force)
    with locked(save) if save is not None and report.first else nullcontext():
        if resume and save is not None and saved_at(save):
            before = model.optimizer.step_count
            restore(model, save)
            epoch, batch = divmod(model.optimizer.step_count - before, source.steps(settings.batch_size))
            report.before = epoch
            trainer_of(model, "fit").start = TrainingPosition(epoch, batch, model.optimizer.step_count - batch)
        keeper, interruption = CheckpointCallback(report, save), Interruption(process_group.current())
        trainer_of(model, "fit").interruption = interruption
        shown = [progress.of_command(lines=verbose == 2)] if verbose else []
        try:
            with interruption.awaited(), messages_on_stderr():
                model.fit(
                    source, None, settings.batch_size, epochs, 0, [keeper, *shown], validation_data=held,
                    validation_batch_size=settings.batch_size,
                )  # fmt: skip
        except KeyboardInterrupt:
            report.interrupted = True
            with collectives.at_once(interruption.group):
                keeper.write()
    return report


def evaluate_file(
    subject: ModelSource,
    settings: FitArguments,
    data: str,
    *,
    reading: Reading = AS_IT_IS,
    weights: str | None = None,
    inform: Callable[[str], None] = lambda sentence: None,
) -> FitReport:
    """Evaluate a model, with weights from a file if given, on the file ``data``, and report."""
    source = read(data, "evaluate", subject.model, reading)
    model, report = ready(subject, settings, source, "evaluate", inform)
    if weights is not None:
        restore(model, weights)
    report.logs.append(model.evaluate(source, None, settings.batch_size, return_dict=True, verbose=0))
    return report


def check_classes(data: str, source: ArrayAdapter, validation: str | None, held: ArrayAdapter | None) -> None:
    """Raise an error if the validation images have other classes, which would be numbered differently."""
    trained, validated = images_of(source), images_of(held)
    if trained is not None and validated is not None and trained.class_names != validated.class_names:
        raise UsageError(
            f"{validation} has the classes {listed(validated.class_names)}, {data} has {listed(trained.class_names)}"
        )


def ready(
    subject: ModelSource, settings: FitArguments, source: ArrayAdapter, what: str, inform: Callable[[str], None]
) -> tuple[Model, FitReport]:
    """Return the model, compiled, built for ``source`` and on its device, and an empty report.

    A model from a file keeps the file's values, and its optimizer's state unless another optimizer is requested.
    """
    layer = subject.model
    if not isinstance(layer, Model):
        raise UsageError(f"{subject.name} is a layer, and {what} takes a model", hint="Sequential([layer]) is one")
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    place, joined = place_of(settings)
    epoch_batches.size_of(settings.batch_size)
    random.set_seed(settings.seed)
    layer.draw_anew()
    layer.compile(**compiled(subject, settings, what))
    [first] = [next(source.batches(settings.batch_size))]
    training_loop.build(layer, first[0])
    if subject.archive is not None:
        model_saving.load_weights(layer, subject.archive)
    if joined is None and (warning := logits_warning(layer, layer.loss, first[0], first[1])) is not None:
        inform(warning)
    layer.module.to(place)
    if settings.shard and joined is not None:
        fsdp.shard(layer, first[0], joined)
    if what == "fit":  # an evaluation does not load the optimizer's state
        trainer_of(layer, what).prepare()
    if subject.archive is not None and settings.optimizer is None and not settings.shard:
        model_saving.load_weights(
            layer, subject.archive
        )  # load again, because the optimizer now exists and takes its state
    held, images = eager_call.device_of(layer) or place, images_of(source)
    report = FitReport(what, subject.name, str(held), int(layer.count_params()), first=joined is None or joined.first)
    report.classes = None if images is None else images.class_names
    return layer, report


def compiled(subject: ModelSource, settings: FitArguments, what: str) -> dict[str, Any]:
    """Return the compile arguments: those requested, then those of the model's file; UsageError without a loss."""
    described = keras_file.config_in(subject.archive).get("compile_config") if subject.archive is not None else None
    found = Reader(str(subject.archive)).compiled(described) if isinstance(described, dict) else {}
    if settings.optimizer is not None or not found:
        found["optimizer"] = settings.optimizer or OPTIMIZER
    if settings.loss is not None:
        found = {**found, "loss": losses.parse(settings.loss)}
    if settings.metrics:
        found = {**found, "metrics": list(settings.metrics), "weighted_metrics": None}
    if settings.jit_compile:
        found["jit_compile"] = True
    if found.get("loss") is None:
        where = "" if subject.archive is None else f", and {subject.archive} names none"
        raise UsageError(f"{what} needs a loss{where}", hint="--loss mse")
    return found


def place_of(settings: FitArguments) -> tuple[torch.device, Group | None]:
    """Return the device, and the process group under torchrun, where each rank has its own GPU."""
    asked = devices.resolve(settings.device)
    joined = process_group.join("gloo" if asked.type == "cpu" else None) if process_group.launched() else None
    if settings.shard and joined is None:
        raise UsageError(
            "--shard shares a model out among ranks, and there is only this process",
            hint="torchrun --nproc-per-node 2 -m layercli fit ... --shard",
        )
    alone = joined is None or asked.type == "cpu" or ":" in settings.device
    return asked if alone else process_group.device_of_rank(), joined


def check_target(model: Model, save: str | None, resume: bool, force: bool) -> None:
    """Raise an error if the target cannot be written or resumed from, before anything is computed."""
    if save is None:
        if resume:
            raise UsageError("--resume goes on from the file that --save names: give both")
        return
    if not resume and not force and saved_at(save):
        resumes = "" if save.endswith(".safetensors") else "--resume continues it, "
        raise FileError(f"{save} exists already", hint=f"{resumes}--force overwrites it")
    if distributed_checkpoint.is_folder(save):
        if os.path.isfile(save.rstrip("/")):
            raise UsageError(f"{save.rstrip('/')} is a file, not a folder")
        save = save.rstrip("/")
    elif resume and save.endswith(".safetensors"):
        raise UsageError(f"cannot resume from {save}: it holds no optimizer", hint="save to .weights.h5 or .keras")
    elif save.endswith(".keras"):
        config_of(model)
    elif not save.endswith((".safetensors", ".weights.h5")):
        raise UsageError(
            f"a model is saved to .keras, .weights.h5 or .safetensors, not {save!r}",
            hint="a name that ends in / is a folder, which ranks write together",
        )
    folder = os.path.dirname(os.path.abspath(save))
    if not os.path.isdir(folder):
        raise UsageError(f"there is no folder {folder} to write {os.path.basename(save)} in")


def write(model: Model, path: str) -> None:
    """Save the whole model, its weights, or a checkpoint folder, according to the suffix."""
    if distributed_checkpoint.is_folder(path):
        distributed_checkpoint.save(model, path)
        return
    (model.save if path.endswith(".keras") else model.save_weights)(path)


def saved_at(path: str) -> bool:
    """Return whether ``path`` holds a saved state."""
    return (
        distributed_checkpoint.newest(path) is not None
        if distributed_checkpoint.is_folder(path)
        else os.path.exists(path)
    )


def restore(model: Model, path: str) -> None:
    """Load the model's variables, and its optimizer's state, from ``path``."""
    (distributed_checkpoint.load if distributed_checkpoint.is_folder(path) else model_saving.load_weights)(model, path)
