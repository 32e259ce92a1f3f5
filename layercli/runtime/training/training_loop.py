"""fit and evaluate: the loops over epochs and batches."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch

from layercli import config
from layercli.callbacks.callback import Callback
from layercli.callbacks.callback_list import CallbackList, listed
from layercli.callbacks.history import History
from layercli.callbacks.progbar_logger import ProgbarLogger
from layercli.callbacks.progress_reporter import ProgressReporter
from layercli.core.model import Model
from layercli.core.step_functions import step_of
from layercli.core.types import Tree
from layercli.errors import UsageError
from layercli.render.progress import of_fit
from layercli.runtime.distributed import collectives, layout_sharding
from layercli.runtime.execution import eager_call, layer_module, torch_compile, training_modes
from layercli.runtime.execution.malloc_tuning import keep_freed_memory
from layercli.runtime.training.data_adapters import (
    ArrayAdapter,
    Batch,
    IterableAdapter,
    TensorAdapter,
    packed,
    source_of,
)
from layercli.runtime.training.epoch_batches import (
    apply_class_weight,
    batches_passed,
    limited_steps,
    peek,
    shard_batches,
    size_of,
    split_validation,
    to_device,
)
from layercli.runtime.training.generator_passes import GeneratorPasses
from layercli.runtime.training.lazy_logs import flattened, nested_numbers, numbers
from layercli.runtime.training.trainer import Trainer, TrainingPosition, trainer_of
from layercli.runtime.training.training_rng import drawing, reseed


@collectives.together
def fit(
    model: Model,
    x: Any,
    y: Any,
    batch_size: int | None,
    epochs: int,
    verbose: Any,
    callbacks: Iterable[Callback] | None,
    validation_split: float,
    validation_data: Any,
    shuffle: bool,
    class_weight: Mapping[int, float] | None,
    sample_weight: Any,
    initial_epoch: int,
    steps_per_epoch: int | None,
    validation_steps: int | None,
    validation_batch_size: int | None,
    validation_freq: int | Container[int],
) -> History:
    """See Model.fit."""
    keep_freed_memory()
    trainer = trainer_of(model, "fit")
    size = size_of(batch_size)
    if not isinstance(epochs, int) or epochs < 0:
        raise UsageError(f"epochs must be an integer >= 0, got {epochs!r}")
    epochs = min(epochs, config.max_epochs() or epochs)
    steps_per_epoch = limited_steps(steps_per_epoch)
    validation_steps = limited_steps(validation_steps)
    whole = source_of(x, y, sample_weight, batch_size=size, shuffle=shuffle)
    source, held = split_validation(whole, validation_split, validation_data)
    source = apply_class_weight(source, class_weight, sample_weight)  # in training alone
    steps = steps_per_epoch or source.steps(size)
    history, own = History(), collectives.callbacks_for_rank(trainer, listed(callbacks))
    params = {"verbose": verbose, "epochs": epochs, "steps": steps}
    hooks = CallbackList(with_progress([*own, history], of_fit(verbose), verbose, trainer), model=model, **params)
    first = peek(source, size)
    begin(trainer, first)
    if not model.trainable_variables and not model.is_container_only:
        warnings.warn(f"{model.name} has no trainable variables: fit changes nothing", stacklevel=5)
    if trainer.part is not None:
        trainer.part.check(size)
        collectives.begin(trainer, to_device(first, eager_call.device_of(model)), training=True)
    model.stop_training = False
    hooks.on_train_begin()
    start, trainer.start = trainer.start or TrainingPosition(initial_epoch, 0, 0), None
    logs: Mapping[str, Any] = {}
    order: torch.Tensor | None = None
    with progress_closed(hooks):
        for epoch in range(start.epoch, epochs):
            hooks.on_epoch_begin(epoch)
            batch = start.batch if epoch == start.epoch and not getattr(source, "once", False) else 0
            trainer.updates = start.updates if batch else trainer.optimizer.step_count
            with drawing(trainer, epoch) as seed, source.epoch(), torch_compile.compiled(model, trainer.jit_compile):
                passed = batches_passed(epoch - initial_epoch, steps_per_epoch, source.steps(size))
                if order is None or not passed:
                    order = source.order(seed) if shuffle else None
                left = None if steps_per_epoch is None else steps_per_epoch - batch
                batches = itertools.islice(shard_batches(trainer, source, size, order, passed + batch), left)
                trained = run_epoch(trainer, enumerate(batches, batch), hooks, seed)
            if trained is None or ran_out(source, steps_per_epoch):
                report_no_batch("fit", trained is None and epoch == start.epoch)
            logs = flattened(trained := trained or {})
            if held is not None and is_chosen(epoch + 1, validation_freq):
                found = run_test(trainer, held, size_of(validation_batch_size or size), validation_steps, hooks)
                if found is None:
                    report_no_batch("the validation", epoch == start.epoch)
                else:
                    logs = flattened(trained | {f"val_{name}": value for name, value in found.items()})
            hooks.on_epoch_end(epoch, logs)
            if stopping(trainer):
                break
    trainer.optimizer.finalize()
    hooks.on_train_end(logs)
    return history


def run_epoch(
    trainer: Trainer, batches: Iterator[tuple[int, Batch]], hooks: CallbackList, seed: int
) -> dict[str, object] | None:
    """Train on numbered ``batches`` and return the results of the epoch by metric, or None without a batch.

    ``seed`` and the batch number determine random draws.
    """
    model = trainer.model
    device, every = eager_call.device_of(model), trainer.steps_per_execution
    own = seed + (0 if trainer.part is None else trainer.part.group.rank << 32)  # each rank drops other units
    trainer.reset()
    training_modes.train(model.module, by_calls=trainer.trains_by_calls)
    train_step = step_of(model, "train")
    logs: Mapping[str, Any] | None = None
    try:
        for step, batch in batches:
            if step % every == 0:
                hooks.on_train_batch_begin(step)
            reseed(device, own + step)
            logs = train_step(packed(to_device(batch, device)))
            if (step + 1) % every == 0:
                hooks.on_train_batch_end(step, batch_logs(trainer, logs))
            raise_if_interrupted(trainer)
            if stopping(trainer, in_epoch=True):
                break
    finally:
        training_modes.rest(model.module)
    if logs is None:
        return None
    if trainer.part is None:
        return nested_numbers(logs)
    trainer.part.level(model)
    return trainer.part.agreed(logs)


def run_test(
    trainer: Trainer, source: ArrayAdapter | IterableAdapter, size: int, steps: int | None, hooks: CallbackList
) -> dict[str, object] | None:
    """Evaluate the batches of ``source`` and return the logs, or None without a batch."""
    model = trainer.model
    device = eager_call.device_of(model)
    trainer.reset()
    hooks.on_test_begin()
    test_step = step_of(model, "test")
    logs: Mapping[str, Any] | None = None
    inference = training_modes.inference(model, "test")
    if isinstance(source, IterableAdapter):
        source.restart()
    with inference, torch.no_grad(), source.epoch(), torch_compile.compiled(model, trainer.jit_compile):
        for step, batch in enumerate(itertools.islice(shard_batches(trainer, source, size), steps)):
            hooks.on_test_batch_begin(step)
            logs = test_step(packed(to_device(batch, device)))
            hooks.on_test_batch_end(step, batch_logs(trainer, logs))
            raise_if_interrupted(trainer)
    if logs is None:
        return None
    found = numbers(logs) if trainer.part is None else trainer.part.agreed(logs)
    hooks.on_test_end(found)
    return found


@collectives.together
def evaluate(
    model: Model,
    x: Tree,
    y: Tree,
    batch_size: int | None,
    verbose: object,
    sample_weight: Tree,
    steps: int | None,
    callbacks: Iterable[Callback] | None,
    return_dict: bool,
) -> Any:
    """See Model.evaluate."""
    trainer = trainer_of(model, "evaluate")
    size = size_of(batch_size)
    steps = limited_steps(steps)
    source = source_of(x, y, sample_weight, batch_size=size, what="evaluate")
    first = peek(source, size)
    begin(trainer, first)
    collectives.begin(trainer, first, training=False)
    own = with_progress(collectives.callbacks_for_rank(trainer, listed(callbacks)), ProgbarLogger(), verbose, trainer)
    hooks = CallbackList(own, model=model, epochs=1, steps=steps or source.steps(size), verbose=verbose)
    with progress_closed(hooks):
        found = run_test(trainer, source, size, steps, hooks)
    if found is None:
        raise UsageError("evaluate got no data: there is no batch left")
    if return_dict:
        return found
    return trainer.in_order(found)


def is_chosen(epoch: int, frequency: int | Container[int]) -> bool:
    """Return whether the epoch, counted from 1, is one of every ``frequency``, or in it."""
    if hasattr(frequency, "dtype"):  # whose ``in`` compares values, not epochs
        raise UsageError(f"validation_freq is a number of epochs or a list of epochs, got {frequency!r}")
    return epoch % frequency == 0 if isinstance(frequency, int) else epoch in frequency


def ran_out(source: ArrayAdapter | IterableAdapter, steps: int | None) -> bool:
    """Return whether a generator ended before ``steps``, or, where that is None, before as many batches as it once had."""
    passes = source.source if isinstance(source, IterableAdapter) else None
    return isinstance(passes, GeneratorPasses) and (passes.fewer if steps is None else passes.ended)


def report_no_batch(what: str, first: bool) -> None:
    """Warn that a generator has too few batches for another epoch; UsageError where there is none in the ``first``."""
    if first:
        raise UsageError(f"{what} got no data: there is no batch left", hint="give steps_per_epoch for a generator")
    warnings.warn(f"{what} got too few batches for an epoch: the generator ended", stacklevel=6)


def on_batch(
    model: Model, what: str, x: object, y: Tree, sample_weight: Any, class_weight: Any, return_dict: bool
) -> Any:
    """See Model.train_on_batch and Model.test_on_batch."""
    trainer = trainer_of(model, f"{what}_on_batch")
    given = source_of(x, y, sample_weight, what=f"{what}_on_batch")
    if not isinstance(given, TensorAdapter):
        raise UsageError(f"{what}_on_batch takes arrays, got {type(x).__name__}")
    given = apply_class_weight(given, class_weight, sample_weight)
    [batch] = given.batches(given.samples)
    begin(trainer, batch)
    trainer.reset()
    training = what == "train"
    if training:
        training_modes.train(model.module, by_calls=trainer.trains_by_calls)
    step = step_of(model, what)
    compiled = torch_compile.compiled(model, trainer.jit_compile)
    with (
        torch.set_grad_enabled(training),
        compiled,
        nullcontext() if training else training_modes.inference(model, what),
    ):
        logs = step(packed(to_device(batch, eager_call.device_of(model))))
    found = numbers(logs)
    training_modes.rest(model.module)
    if return_dict:
        return found
    return trainer.in_order(found)


def batch_logs(trainer: Trainer, logs: Mapping[str, object]) -> Mapping[str, Any]:
    """Return the logs that callbacks may read after a batch."""
    return logs if trainer.part is None else trainer.part.batch_logs(logs)


def stopping(trainer: Trainer, *, in_epoch: bool = False) -> bool:
    """Return whether training stops; several ranks stop if any of them asks to.

    During an epoch the ranks exchange this only if a callback has per-batch hooks.
    """
    part, model = trainer.part, trainer.model
    if part is not None and (part.per_batch_logs or not in_epoch):
        model.stop_training = part.group.any(model.stop_training, part.device)
    return model.stop_training


def raise_if_interrupted(trainer: Trainer) -> None:
    """Raise KeyboardInterrupt if requested; all ranks raise it, after averaging the moving statistics as after an epoch."""
    if trainer.interruption is not None and trainer.interruption.wanted():
        if trainer.part is not None:
            trainer.part.level(trainer.model)
        raise KeyboardInterrupt


def begin(trainer: Trainer, batch: Batch) -> None:
    """Build the model and the optimizer; where a distribution says so the ranks divide the variables."""
    build(trainer.model, batch[0])
    if trainer.part is not None:
        layout_sharding.shard(trainer.model, trainer.part.group)
    trainer.prepare()


def build(model: Model, x: object) -> None:
    """Build ``model`` for a batch; a model that only contains layers is built from their current state."""
    if model.is_container_only:
        layer_module.build_module(model)
        model.built = True
    elif model._module is None or not model._module.ready:
        eager_call.describe(model, (x,), {})


def with_progress(
    callbacks: Sequence[Callback], progress: ProgressReporter, verbose: object, trainer: Trainer | None = None
) -> list[Callback]:
    """Return ``callbacks``, then ``progress`` unless they hold their own; of several ranks the first one shows it."""
    part = None if trainer is None else trainer.part
    shown = bool(verbose) and (part is None or part.group.first)
    own = any(isinstance(each, ProgressReporter) for each in callbacks)
    return [*callbacks, progress] if shown and not own else list(callbacks)


@contextmanager
def progress_closed(hooks: CallbackList) -> Iterator[None]:
    """Restore the terminal after the block, also where an epoch was interrupted."""
    try:
        yield
    finally:
        for each in hooks.callbacks:
            if isinstance(each, ProgressReporter):
                each.close()
