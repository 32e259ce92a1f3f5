"""Set the training flags of the modules of a model, for as long as a computation takes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from torch import nn

from layercli.core.model import Model
from layercli.layers.core.torch_module_wrapper import TorchModuleWrapper
from layercli.runtime.execution.layer_module import LayerModule


class _Modes(threading.local):
    """The module and mode of the innermost ``mode`` in progress in this thread."""

    current: tuple[nn.Module, bool | None] | None = None


_modes = _Modes()


def current_mode() -> AbstractContextManager[None]:
    """Return a context that sets the training flags as they are set now, for what is computed again in a backward pass."""
    return nullcontext() if _modes.current is None else mode(*_modes.current)


@contextmanager
def mode(module: nn.Module, training: bool | None) -> Iterator[None]:
    """Set the training flag of every module below, and restore each afterwards.

    None is inference for ``module``, and the default of its ``call`` for each layer below, as in Keras.
    """
    before = [(each, each.training) for each in module.modules()]
    outer, _modes.current = _modes.current, (module, training)
    module.train(bool(training))
    if training is None and isinstance(module, LayerModule):
        below = {id(each) for each, _ in before[1:]}
        for augments in module.call_state.augmenting:
            augments.training |= id(augments) in below
    try:
        with asked(module, training):
            yield
    finally:
        _modes.current = outer
        for each, flag in before:
            each.training = flag


def asked(module: nn.Module, training: bool | None) -> AbstractContextManager[None]:
    """Return a context in which calls that say nothing of ``training`` run as this says (see ``CallState.asked``)."""
    return module.call_state.asked(training) if isinstance(module, LayerModule) else nullcontext()


def inference(model: Model, what: str) -> AbstractContextManager[None]:
    """Return the mode of the steps ``what``, test or predict: layers of which no call says ``training`` run by their defaults."""
    kept = all(getattr(type(model), name) is getattr(Model, name) for name in (f"{what}_step", "compute_loss"))
    return mode(model.module, False if kept and model._says_training else None)


def train(module: LayerModule, *, by_calls: bool) -> None:
    """Set the flags of every module for training; ``by_calls``, a call says of layers whether they train, as in Keras."""
    module.train()
    if by_calls:
        augmenting = {id(each) for each in module.call_state.augmenting}
        for each in module.modules():
            if isinstance(each, LayerModule) and not isinstance(each.described, TorchModuleWrapper):
                each.training = id(each) in augmenting


def rest(module: LayerModule) -> None:
    """Set the training flags that a new module has: those of inference, but for image augmentation."""
    module.eval()
    for each in module.call_state.augmenting:
        each.training = True
