"""The Callback: what fit, evaluate and predict tell, and when; and a row of them told together."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

from layercli.errors import UsageError
from layercli.escaping import printable

Logs = Mapping[str, Any]

HOOKS = tuple(
    f"on_{what}_{end}"
    for what in ("train", "test", "predict", "epoch", "train_batch", "test_batch", "predict_batch")
    for end in ("begin", "end")
)
"""Everything a callback may be told."""


class Callback:
    """Subclass it and write the methods of what it wants to be told; ``model`` and ``params`` are set before.

    ``logs`` maps ``loss``, the metrics, and with ``val_`` before them those of the validation, to numbers. During an epoch
    they are computed when they are read, so that a callback that reads none costs a device nothing. Where several ranks
    train together each is told the same, and one that writes files itself (``writes``) only on the first.
    """

    writes = False
    model: Any = None
    params: Mapping[str, Any] = {}

    def set_model(self, model: Any) -> None:
        """Take the model that is trained, evaluated or asked."""
        self.model = model

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Take ``epochs``, ``steps`` (None if unknown) and ``verbose``."""
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Be told that fit begins."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Be told that fit ends, after the last epoch's logs."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Be told that the epoch of that number, from 0, begins."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Be told what an epoch came to, its validation included."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Be told that the batch of that number, from 0 in each epoch, comes next."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Be told what the epoch comes to so far."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Be told that an evaluation begins."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Be told what an evaluation came to."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Be told that the batch of that number is evaluated next."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Be told what the evaluation comes to so far."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Be told that predict begins."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Be told that predict ends."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Be told that the batch of that number is predicted next."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Be told the outputs of a batch."""


def listed(callbacks: Any) -> list[Any]:
    """Return one callback, several or None as a list; UsageError for what is no Callback."""
    given = [callbacks] if isinstance(callbacks, Callback) else list(callbacks or ())
    for each in given:
        if not isinstance(each, Callback):
            raise UsageError(f"callbacks are Callback objects, got {each!r}")
    return given


class Callbacks:
    """A row of callbacks; each hook is told only those that have something to do in it."""

    def __init__(self, callbacks: Iterable[Callback], model: Any, params: Mapping[str, Any]) -> None:
        self.all = list(callbacks)
        for callback in self.all:
            callback.set_model(model)
            callback.set_params(params)
        self._listening = {hook: [c for c in self.all if listens(c, hook)] for hook in HOOKS}

    def tell(self, hook: str, *what: Any) -> None:
        """Call ``hook`` of every callback that has it; a beginning has empty logs."""
        what = (*what, {}) if hook.endswith("_begin") else what
        for callback in self._listening[hook]:
            getattr(callback, hook)(*what)


def record(logs: Logs | None, name: str, value: Any) -> None:
    """Add a number to the logs of an epoch, for the callbacks that are told after this one, History the last."""
    if isinstance(logs, MutableMapping):
        logs[name] = value


def say(verbose: int, message: str) -> None:
    """Print what a callback does on stderr, if it is to say it."""
    if verbose:
        print(printable(message), file=sys.stderr, flush=True)


def listens(callback: Callback, hook: str) -> bool:
    """Return whether a callback has a method of its own for ``hook``."""
    return getattr(getattr(callback, hook), "__func__", None) is not getattr(Callback, hook)
