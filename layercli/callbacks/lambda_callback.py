"""LambdaCallback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layercli.callbacks.callback import HOOKS, Callback
from layercli.errors import UsageError, nearest


class LambdaCallback(Callback):
    """A callback made of functions: ``LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))``.

    Further hooks are taken by keyword. Raises UsageError for an unknown hook.

    Args:
        on_epoch_begin: A function of epoch and logs, called before each epoch.
        on_epoch_end: A function of epoch and logs, called after each epoch.
        on_train_begin: A function of logs, called before training.
        on_train_end: A function of logs, called after training.
        on_train_batch_begin: A function of batch and logs, called before each batch.
        on_train_batch_end: A function of batch and logs, called after each batch.
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **kwargs: Callable[..., Any] | None,
    ) -> None:
        own = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        for hook, function in {**own, **kwargs}.items():
            if hook not in HOOKS:
                raise UsageError(f"a callback has no {hook!r}", hint=nearest(hook, list(HOOKS)))
            if function is not None:
                setattr(self, hook, function)
