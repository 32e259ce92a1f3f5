"""predict: call a model batch by batch and concatenate the outputs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from layercli.callbacks.callback import Callback
from layercli.callbacks.callback_list import CallbackList, listed
from layercli.callbacks.progbar_logger import ProgbarLogger
from layercli.core import tree
from layercli.core.model import Model
from layercli.core.step_functions import step_of
from layercli.core.types import Tensor
from layercli.runtime.execution import eager_call, tensors, torch_compile, training_modes
from layercli.runtime.execution.malloc_tuning import keep_freed_memory
from layercli.runtime.inference.prepacked_weights import PrepackedCall
from layercli.runtime.inference.repeated_call import RepeatedCall
from layercli.runtime.training.data_adapters import ArrayAdapter, packed, source_of
from layercli.runtime.training.epoch_batches import limited_steps, peek, size_of, to_device
from layercli.runtime.training.training_loop import build, progress_closed, with_progress


def predict(
    model: Model,
    x: Any,
    batch_size: int | None,
    verbose: object,
    steps: int | None,
    callbacks: Iterable[Callback] | None,
) -> Any:
    """See Model.predict."""
    keep_freed_memory()
    size, steps = size_of(batch_size), limited_steps(steps)
    source = source_of(x, batch_size=size, what="predict")
    first = peek(source, size)
    build(model, first[0])
    device = eager_call.device_of(model)
    own = listed(callbacks)
    hooks = CallbackList(
        with_progress(own, ProgbarLogger(), verbose, model._trainer),
        model=model,
        epochs=1,
        steps=steps or source.steps(size),
        verbose=verbose,
    )
    compiles = getattr(model._trainer, "jit_compile", False)
    alone = not own and compiles is not True  # a callback may change weights, and torch.compile packs weights itself
    predict_step = step_of(model, "predict")
    if alone:
        batches = source.steps(size) if isinstance(source, ArrayAdapter) else 1
        calls = batches if steps is None else min(batches, steps)
        if getattr(predict_step, "__func__", None) is Model.predict_step:
            predict_step = RepeatedCall(predict_step, model, calls=calls)
        else:
            predict_step = PrepackedCall(predict_step, many=calls > 1)
    parts: list[Tensor] = []
    inference = training_modes.inference(model, "predict")
    with progress_closed(hooks):
        hooks.on_predict_begin()
        with inference, torch.inference_mode(), source.epoch(), torch_compile.compiled(model, compiles):
            for step, batch in enumerate(itertools.islice(source.batches(size), steps)):
                hooks.on_predict_batch_begin(step)
                parts.append(tree.map_structure(tensors.to_numpy, predict_step(packed(to_device(batch, device)))))
                hooks.on_predict_batch_end(step, {"outputs": parts[-1]})
        hooks.on_predict_end()
    flat = [np.concatenate(arrays) for arrays in zip(*map(tree.flatten, parts), strict=True)]
    remaining = iter(flat)
    return tree.map_structure(lambda _: next(remaining), parts[0])
