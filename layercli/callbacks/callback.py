"""The Callback: what fit, evaluate and predict tell, and when; and a row of them told together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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


def overrides_hook(callback: Callback, hook: str) -> bool:
    """Return whether a callback has a method of its own for ``hook``."""
    return getattr(getattr(callback, hook), "__func__", None) is not getattr(Callback, hook)
