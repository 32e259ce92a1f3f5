"""History."""

from __future__ import annotations

from typing import Any

from layercli.callbacks.callback import Callback, Logs
from layercli.core.backend import get_backend


class History(Callback):
    """The logs of every epoch: ``history`` maps each name to its values, and ``epoch`` lists the epochs. fit returns it."""

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[Any]] = {}

    def __repr__(self) -> str:
        last = "".join(f", {name} {values[-1]:.4g}" for name, values in self.history.items() if values)
        return f"<History of {len(self.epoch)} epochs{last}>"

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Start afresh."""
        self.epoch = []
        self.history = {}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the logs."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return get_backend().html(self)
