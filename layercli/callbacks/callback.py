"""Callback, the base class of callbacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Logs = Mapping[str, Any]


HOOKS = tuple(
    f"on_{what}_{end}"
    for what in ("train", "test", "predict", "epoch", "train_batch", "test_batch", "predict_batch")
    for end in ("begin", "end")
)
"""The names of all hooks."""


class Callback:
    """The base class of callbacks. Override the hooks that you need; ``model`` and ``params`` are set before the first call.

    ``logs`` maps "loss", the metrics, and those of the validation with the prefix "val_" to numbers. During an epoch a value is
    computed when it is read, so that a callback that reads none does not wait for the device. In distributed training every rank
    calls the hooks with the same logs; a callback that writes files (``writes``) runs on the first rank only.
    """

    writes = False
    model: Any = None
    params: Mapping[str, Any] = {}

    def set_model(self, model: object) -> None:
        """Take the model that is trained, evaluated or asked."""
        self.model = model

    def set_params(self, params: Mapping[str, object]) -> None:
        """Take ``epochs``, ``steps`` (None if unknown) and ``verbose``."""
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Run when fit begins."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Run when fit ends; ``logs`` are those of the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Run when an epoch begins; ``epoch`` counts from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Run when an epoch ends; ``logs`` include those of the validation."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a training batch; ``batch`` counts from 0 in each epoch."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a training batch; ``logs`` are those of the epoch so far."""
        self.on_batch_end(batch, logs=logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """The older name of ``on_train_batch_begin``, which calls it."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """The older name of ``on_train_batch_end``, which calls it."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Run when an evaluation begins."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Run when an evaluation ends."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a batch of an evaluation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a batch of an evaluation; ``logs`` are those so far."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Run when predict begins."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Run when predict ends."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a batch of predict."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a batch of predict; ``logs`` hold its outputs."""


def overrides_hook(callback: Callback, hook: str) -> bool:
    """Return whether a callback has a method of its own for ``hook``, or for its older name."""
    names = (hook, hook.replace("_train_batch_", "_batch_"))
    return any(getattr(getattr(callback, name), "__func__", None) is not getattr(Callback, name) for name in names)
